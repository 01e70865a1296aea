import RNNKernels
import Testing

@testable import RNNEngine

/// Clipping by value and by norm, global and per tensor, and gradients that are not finite.
@Suite struct ClippingTests {
  /// Two tensors of one flat gradient.
  private func tensors<S: Scalar>(_ count: Int, as _: S.Type) -> [NamedTensor] {
    let half = count / 2
    return [
      NamedTensor(name: "a", dtype: S.dtype, shape: [half], start: 0, count: half),
      NamedTensor(name: "b", dtype: S.dtype, shape: [count - half], start: half, count: count - half),
    ]
  }

  /// What the optimiser sees: SGD with rate 1 leaves minus the clipped gradient as the move from `weights`.
  private func clip<S: Scalar>(
    _ gradient: [S], _ options: ClipOptions, tensors: [NamedTensor]? = nil, weights: [S]? = nil,
    automatic: Double? = nil
  ) throws -> (clipped: [Double], norm: Double, actions: ClipActions) {
    let tensors = tensors ?? self.tensors(gradient.count, as: S.self)
    let source = try Buffer<S>(count: gradient.count)
    let parameters = try Buffer<S>(count: gradient.count)
    for j in gradient.indices { (source.values[j], parameters.values[j]) = (gradient[j], weights?[j] ?? 0) }
    let clipping = try Clipping<S>(options, tensors)
    clipping.measure(source.values, parameters: parameters.values, automatic: automatic)
    var sgd = OptimizerOptions(.sgd)
    sgd.learningRate = 1
    try Optimizer<S>(sgd, parameterCount: gradient.count).update(
      parameters.values, gradient: source.values, clipping, TensorGroups(count: tensors.count), flow: nil)
    #expect(zip(source.values, gradient).allSatisfy({ $0 == $1 }), "the gradient itself stays")
    return (
      gradient.indices.map { Double((weights?[$0] ?? 0) - parameters.values[$0]) }, clipping.norm,
      clipping.actions
    )
  }

  private func norm(_ x: some Collection<Double>) -> Double {
    let scale = x.reduce(0) { max($0, $1.magnitude) }
    if scale == 0 { return 0 }
    return scale * x.reduce(0) { $0 + ($1 / scale) * ($1 / scale) }.squareRoot()
  }

  @Test(arguments: [0.1, 1, 7.5]) func normBecomesThreshold(_ threshold: Double) throws {
    var options = ClipOptions()
    options.norm = threshold
    let gradient = numbers(1001, seed: 1)
    let result = try clip(gradient, options)
    #expect(result.norm.ulp * 4 >= abs(result.norm - norm(gradient)))
    #expect(result.actions == .norm)
    #expect(abs(norm(result.clipped) - threshold) <= 4 * threshold.ulp)
    let back = norm(gradient) / threshold
    let direction = zip(gradient, result.clipped).map { pair in pair.1 * back - pair.0 }
    #expect(norm(direction) <= 1e-15 * norm(gradient))
    let single = try clip(gradient.map { Float($0) }, options)
    #expect(abs(norm(single.clipped) - threshold) <= 2 * Double(Float(threshold).ulp))
  }

  @Test func smallGradientsPass() throws {
    var options = ClipOptions()
    (options.norm, options.value) = (1e6, 1e3)
    let gradient = numbers(33, seed: 2)
    let result = try clip(gradient, options)
    #expect(result.clipped == gradient)
    #expect(result.actions == [])
  }

  @Test func eachTensorByItself() throws {
    var options = ClipOptions()
    options.tensorNorm = 1
    let gradient = numbers(40, seed: 3).enumerated().map {
      $0.offset < 20 ? $0.element * 100 : $0.element / 100
    }
    let clipped = try clip(gradient, options).clipped
    #expect(abs(norm(clipped[0..<20]) - 1) <= 1e-15)
    #expect(Array(clipped[20...]) == Array(gradient[20...]))
  }

  @Test func valueThenNorm() throws {
    var options = ClipOptions()
    options.value = 0.25
    let gradient = numbers(100, seed: 4)
    #expect(try clip(gradient, options).clipped == gradient.map { min(max($0, -0.25), 0.25) })
    options.norm = 0.5
    let both = try clip(gradient, options)
    #expect(abs(norm(both.clipped) - 0.5) <= 1e-15)
    #expect(abs(both.norm - norm(gradient)) <= 1e-14, "reported before clipping")
  }

  /// Each row of a matrix by its weights, a vector as a whole; ‖w‖ counts for at least 1e-3.
  @Test func adaptively() throws {
    var options = ClipOptions()
    options.adaptive = 0.1
    let tensors = [
      NamedTensor(name: "a", dtype: .float64, shape: [3, 4], start: 0, count: 12),
      NamedTensor(name: "b", dtype: .float64, shape: [5], start: 12, count: 5),
    ]
    let weights = numbers(4, seed: 6) + [0, 0, 0, 0] + numbers(4, seed: 7, scale: 1e6) + numbers(5, seed: 8)
    let gradient = numbers(17, seed: 9)
    let result = try clip(gradient, options, tensors: tensors, weights: weights)
    for range in [0..<4, 4..<8, 12..<17] {
      let bound = 0.1 * max(norm(weights[range]), 1e-3)
      #expect(abs(norm(result.clipped[range]) - bound) <= 1e-14)
    }
    #expect(zip(result.clipped[8..<12], gradient[8..<12]).allSatisfy { abs($0 - $1) <= 1e-9 })
    #expect(result.actions == .adaptive)
  }

  /// Each kind bounds what the one before it left.
  @Test func allTogether() throws {
    var options = ClipOptions()
    (options.value, options.adaptive, options.tensorNorm, options.norm) = (0.8, 2, 1.5, 0.9)
    let (gradient, weights) = (numbers(60, seed: 10), numbers(60, seed: 11))
    let result = try clip(gradient, options, weights: weights)
    var expected = gradient.map { min(max($0, -0.8), 0.8) }
    func bound(_ range: Range<Int>, _ most: Double) {
      let measured = norm(expected[range])
      if measured > most { for j in range { expected[j] *= most / measured } }
    }
    for half in [0..<30, 30..<60] {
      bound(half, 2 * norm(weights[half]))
      bound(half, 1.5)
    }
    bound(0..<60, 0.9)
    #expect(relativeError(result.clipped, expected) <= 1e-14)
    #expect(result.actions == [.value, .tensorNorm, .norm])
    #expect(abs(result.norm - norm(gradient)) <= 1e-14)
  }

  @Test func theSmallerThresholdCounts() throws {
    var options = ClipOptions()
    options.norm = 2
    let gradient = numbers(100, seed: 12, scale: 10)
    #expect(abs(norm(try clip(gradient, options, automatic: 1.5).clipped) - 1.5) <= 1e-14)
    #expect(abs(norm(try clip(gradient, options, automatic: 3).clipped) - 2) <= 1e-14)
  }

  /// Against sorting anew at every step, as numpy's quantile does.
  @Test(arguments: [0.1, 0.5, 0.93, 1]) func quantileOfTheLastNorms(_ q: Double) {
    var (history, all) = (NormHistory(window: 25), [Double]())
    for norm in numbers(100, seed: 13).map({ (abs($0) * 20).rounded() }) {
      history.add(norm)
      all.append(norm)
      let last = all.suffix(25).sorted()
      guard last.count >= NormHistory.fewest else {
        #expect(history.quantile(q) == nil)
        continue
      }
      let position = q * Double(last.count - 1)
      let below = min(Int(position), last.count - 2)
      let expected = last[below] + (position - Double(below)) * (last[below + 1] - last[below])
      #expect(history.quantile(q) == expected)
      #expect(history.norms == Array(all.suffix(25)))
    }
  }

  @Test(arguments: [1e200, 1e-200, 1e307]) func doubleDoesNotOverflow(_ scale: Double) throws {
    var options = ClipOptions()
    options.norm = scale
    let gradient = numbers(50, seed: 5, scale: scale)
    let result = try clip(gradient, options)
    #expect(abs(result.norm / scale - norm(gradient.map { $0 / scale })) <= 1e-14)
    #expect(abs(norm(result.clipped) / scale - 1) <= 1e-14)
  }

  @Test func floatWhoseSquareOverflows() throws {
    var options = ClipOptions()
    options.norm = 1
    let result = try clip([Float(3e25), 5, 20], options)
    #expect(abs(result.norm / 3e25 - 1) <= 1e-7)
    #expect(abs(result.clipped[0] - 1) <= 1e-7)
  }

  @Test(
    arguments: [Double.nan, .infinity, -.infinity], [OptimizerOptions.Kind.adam, .adamW, .sgd, .rmsprop])
  func nonFiniteLeavesTheWeights(_ bad: Double, _ kind: OptimizerOptions.Kind) throws {
    let model = try Model<Double>([layer(.linear, 2, 2)])
    try model.initialize(seed: 1)
    var options = TrainerOptions(OptimizerOptions(kind))
    (options.loss.kind, options.clip.norm, options.clip.value) = (.meanSquared, 1, 1)
    for policy in [TrainerOptions.NonFinitePolicy.skip, .fail] {
      options.nonFinite = policy
      let trainer = try Trainer(model, options)
      var example = Example(steps: 1, rows: 2)
      (example.features, example.values) = ([1, 2, 3, 4], [1, 1, 1, 1])
      model.parameters.values[0] = bad
      let before = model.parameters.values.map { $0.bitPattern }
      var report = StepReport()
      let step = { _ = try example.withBatch(0) { try trainer.step($0, &report) } }
      if policy == .fail { #expect(throws: RNNError.self) { try step() } } else { try step() }
      #expect(model.parameters.values.map { $0.bitPattern } == before)
      #expect(report.action == .skipped && report.counts.skipped == 1 && !report.gradNorm.isFinite)
      #expect(trainer.optimizer.slots.values.allSatisfy({ $0 == 0 }), "averages stay clean too")
    }
  }
}
