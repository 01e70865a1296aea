import CPlatform
import Testing

@testable import RNNEngine

/// The subject itself: shared weights over a sequence are one weight used T times. An Elman net is unrolled by
/// hand into T layers with weights of their own; the gradient of the shared weights must be the sum of theirs.
@Suite struct UnfoldedGraphTests {
  static let (steps, inputs, hidden) = (7, 3, 5)

  /// Gradients of the weights that one step of the unrolled net has for itself.
  struct StepGradient {
    var inputWeight = [Double](repeating: 0, count: hidden * inputs)
    var hiddenWeight = [Double](repeating: 0, count: hidden * hidden)
    var bias = [Double](repeating: 0, count: hidden)
  }

  @Test func sharedGradientIsSumOverSteps() throws {
    let (t, i, h) = (Self.steps, Self.inputs, Self.hidden)
    let model = try Model<Double>([layer(.elman, i, h)])
    try model.initialize(seed: 3)
    var example = Example(steps: t, rows: 1)
    example.features = numbers(t * i, seed: 1)
    example.values = numbers(t * h, seed: 2)
    var options = TrainerOptions()
    (options.loss.kind, options.loss.reduction) = (.meanSquared, .sum)
    let shared = try Trainer(model, options).gradients(example)

    let perStep = unrolled(Array(model.parameters.values), example)
    #expect(perStep.count == t)
    var sum = [Double](repeating: 0, count: shared.count)
    for step in perStep {
      let flat = step.inputWeight + step.hiddenWeight + step.bias + step.bias
      for j in sum.indices { sum[j] += flat[j] }
    }
    #expect(relativeError(shared, sum) <= 1e-14)
    // Every step takes part: leaving one out is seen.
    let first = perStep[0]
    let withoutFirst = zip(sum, first.inputWeight + first.hiddenWeight + first.bias + first.bias).map {
      $0 - $1
    }
    #expect(relativeError(shared, withoutFirst) > 1e-3)
  }

  /// Back-propagation through T separate layers, L = Σ_t Σ_j (h_t - y_t)².
  private func unrolled(_ parameters: [Double], _ example: Example) -> [StepGradient] {
    let (t, i, h) = (Self.steps, Self.inputs, Self.hidden)
    let (wIH, wHH) = (Array(parameters[0..<h * i]), Array(parameters[h * i..<h * (i + h)]))
    var states = [[Double](repeating: 0, count: h)]
    for step in 0..<t {
      var next = [Double](repeating: 0, count: h)
      for j in 0..<h {
        var a = parameters[h * (i + h) + j] + parameters[h * (i + h + 1) + j]
        for k in 0..<i { a += wIH[j * i + k] * example.features[step * i + k] }
        for k in 0..<h { a += wHH[j * h + k] * states[step][k] }
        next[j] = tanh(a)
      }
      states.append(next)
    }
    var gradients = [StepGradient](repeating: StepGradient(), count: t)
    var dh = [Double](repeating: 0, count: h)
    for step in (0..<t).reversed() {
      var earlier = [Double](repeating: 0, count: h)
      for j in 0..<h {
        let state = states[step + 1][j]
        let gradient = dh[j] + 2 * (state - example.values[step * h + j])
        let da = gradient * (1 - state * state)
        gradients[step].bias[j] = da
        for k in 0..<i { gradients[step].inputWeight[j * i + k] = da * example.features[step * i + k] }
        for k in 0..<h { gradients[step].hiddenWeight[j * h + k] = da * states[step][k] }
        for k in 0..<h { earlier[k] += wHH[j * h + k] * da }
      }
      dh = earlier
    }
    return gradients
  }
}
