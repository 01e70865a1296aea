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

  /// What the optimiser sees: SGD with rate 1 from zero weights leaves minus the clipped gradient.
  private func clip<S: Scalar>(
    _ gradient: [S], _ options: ClipOptions
  ) throws -> (clipped: [Double], norm: Double, hasClipped: Bool) {
    let tensors = tensors(gradient.count, as: S.self)
    let (source, scales) = (try Buffer<S>(count: gradient.count), try Buffer<S>(count: tensors.count))
    let weights = try Buffer<S>(count: gradient.count)
    for j in gradient.indices { source.values[j] = gradient[j] }
    let partials = try Buffer<Double>(count: Norms<S>.partialCount(tensors))
    let clipping = Clipping(
      options, gradient: source.values, tensors: tensors, scales: scales.values, partials: partials.values)
    var sgd = OptimizerOptions(.sgd)
    sgd.learningRate = 1
    try Optimizer<S>(sgd, parameterCount: gradient.count).update(
      weights.values, gradient: source.values, tensors: tensors, limit: clipping.limit, scales: scales.values)
    #expect(zip(source.values, gradient).allSatisfy({ $0 == $1 }), "the gradient itself stays")
    return (weights.values.map { -Double($0) }, clipping.norm, clipping.hasClipped)
  }

  private func norm(_ x: some Collection<Double>) -> Double {
    let scale = x.reduce(0) { max($0, $1.magnitude) }
    return scale * x.reduce(0) { $0 + ($1 / scale) * ($1 / scale) }.squareRoot()
  }

  @Test(arguments: [0.1, 1, 7.5]) func normBecomesThreshold(_ threshold: Double) throws {
    var options = ClipOptions()
    options.norm = threshold
    let gradient = numbers(1001, seed: 1)
    let result = try clip(gradient, options)
    #expect(result.norm.ulp * 4 >= abs(result.norm - norm(gradient)))
    #expect(result.hasClipped)
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
    #expect(!result.hasClipped)
  }

  @Test func eachTensorByItself() throws {
    var options = ClipOptions()
    (options.norm, options.scope) = (1, .perTensor)
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
      #expect(report.hasSkipped && report.counts.skipped == 1 && !report.gradNorm.isFinite)
      #expect(trainer.optimizer.slots.values.allSatisfy({ $0 == 0 }), "averages stay clean too")
    }
  }
}
