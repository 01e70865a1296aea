import RNNKernels

/// Trains one model: forward, loss, backpropagation through time, clipping, optimiser.
public final class Trainer<S: Scalar> {
  public let model: Model<S>
  public private(set) var options: TrainerOptions
  let optimizer: Optimizer<S>
  var counts = StepCounts()
  /// Of the last step, before clipping, laid out as the parameters are.
  let gradient: Buffer<S>
  /// What clipping multiplies each tensor's gradient by.
  private let scales: Buffer<S>
  /// Partial sums of norms.
  private let partials: Buffer<Double>
  /// Planned at the first step, and again only for a larger batch.
  private var network: Network<S>?
  /// The state after a part of the sequence, while the one before is still needed.
  private(set) var nextState: Buffer<S>
  /// With `recompute`, the states at the cuts of a stretch, and the gradient of one of them.
  private(set) var states: Buffer<S>
  private(set) var stateGradient: Buffer<S>

  public init(_ model: Model<S>, _ options: TrainerOptions) throws(RNNError) {
    try options.validate()
    try Self.checkRepresentable(options)
    (self.model, self.options) = (model, options)
    optimizer = try Optimizer(options.optimizer, parameterCount: model.parameters.values.count)
    gradient = try Buffer(count: model.parameters.values.count)
    scales = try Buffer(count: model.tensors.count)
    partials = try Buffer(count: Norms<S>.partialCount(model.tensors))
    nextState = try Buffer(count: 0)
    states = try Buffer(count: 0)
    stateGradient = try Buffer(count: 0)
  }

  public func setLearningRate(_ rate: Double) throws(RNNError) {
    guard rate.isFinite && rate >= 0 else {
      throw RNNError(.argument, "learning_rate: expected a finite number >= 0, got \(rate)")
    }
    var changed = options
    changed.optimizer.learningRate = rate
    try Self.checkRepresentable(changed)
    options.optimizer.learningRate = rate
    optimizer.options.learningRate = rate
  }

  /// A rate that is infinite, or an eps that is zero, in the model's type would ruin the weights.
  private static func checkRepresentable(_ options: TrainerOptions) throws(RNNError) {
    let o = options.optimizer
    for (name, value) in [("learning_rate", o.learningRate), ("weight_decay", o.weightDecay)]
    where !S(value).isFinite {
      throw RNNError(.argument, "\(name): expected a number that \(S.dtype.name) can hold, got \(value)")
    }
    if S(o.eps) == 0 {
      throw RNNError(.argument, "eps: expected a number that is not zero in \(S.dtype.name), got \(o.eps)")
    }
  }

  /// One update. An error leaves the weights as they were; `report` is filled with the step even when the
  /// policy makes a gradient that is not finite an error.
  public func step(_ batch: Batch, _ report: inout StepReport) throws(RNNError) {
    let (objective, network) = try prepare(batch)
    clear(gradient.values)
    report = StepReport()
    report.learningRate = options.optimizer.learningRate
    report.loss = run(objective, network, isTraining: true)
    let clipping = Clipping(
      options.clip, gradient: gradient.values, tensors: model.tensors, scales: scales.values,
      partials: partials.values)
    report.gradNorm = clipping.norm
    report.hasSkipped = !clipping.norm.isFinite || objective.divisor == 0
    report.hasClipped = clipping.hasClipped && !report.hasSkipped
    if !report.hasSkipped {
      optimizer.update(
        model.parameters.values, gradient: gradient.values, tensors: model.tensors, limit: clipping.limit,
        scales: scales.values)
      model.parametersHaveChanged()
    }
    count(&report)
    if !clipping.norm.isFinite && options.nonFinite == .fail {
      throw RNNError(
        .nonFinite, "gradient: expected a finite norm, got \(clipping.norm); the weights are unchanged")
    }
    finish(objective.sequence, network)
  }

  /// The loss of a batch, without dropout, gradient or update.
  public func evaluate(_ batch: Batch) throws(RNNError) -> StepReport {
    let (objective, network) = try prepare(batch)
    var report = StepReport()
    report.learningRate = options.optimizer.learningRate
    report.loss = run(objective, network, isTraining: false)
    report.counts = counts
    finish(objective.sequence, network)
    return report
  }

  /// The gradient of the last step for tensor `index`, before clipping.
  public func gradient(_ tensor: NamedTensor) -> View<S> {
    gradient.values.part(tensor.start, tensor.count)
  }

  // MARK: A step

  private func prepare(_ batch: Batch) throws(RNNError) -> (Objective<S>, Network<S>) {
    let sequence = try Sequence(batch, for: model)
    let objective = try Objective(batch, sequence, options.loss, outputSize: model.outputSize)
    return (objective, try network(steps: sequence.steps, rows: sequence.rows))
  }

  private func network(steps: Int, rows: Int) throws(RNNError) -> Network<S> {
    let stretch = min(steps, options.bptt ?? steps)
    let needed = segment(of: stretch, rows: rows)
    let cuts = options.recompute ? (stretch + needed - 1) / needed + 1 : 0
    if let network, network.maximumSteps >= needed, network.rows == rows, states.values.count >= cuts {
      return network
    }
    network = nil
    let planned = try Network(model, maximumSteps: needed, rows: rows, training: true)
    nextState = try Buffer(count: planned.state.count)
    states = try Buffer(count: Size.product(cuts, planned.state.count))
    stateGradient = try Buffer(count: options.recompute ? planned.state.count : 0)
    network = planned
    return planned
  }

  private func count(_ report: inout StepReport) {
    counts.steps += 1
    if report.hasClipped { counts.clipped += 1 }
    if report.hasSkipped { counts.skipped += 1 }
    report.counts = counts
  }

  private func finish(_ sequence: Sequence<S>, _ network: Network<S>) {
    if let stateOut = sequence.stateOut, !network.state.isEmpty { stateOut.copy(from: network.state.start) }
  }
}

extension Objective {
  /// Checks targets and weights of a batch whose input has been checked.
  init(_ batch: Batch, _ sequence: Sequence<S>, _ loss: Loss, outputSize: Int) throws(RNNError) {
    let (steps, rows, isLast) = (sequence.steps, sequence.rows, sequence.isLastStep)
    let places = isLast ? Shape(rows) : Shape(steps, rows)
    let lengths = sequence.isLastStep ? nil : sequence.lengths
    let targets: Targets<S>
    if loss.kind == .crossEntropy {
      let labels = try batch.target.integers("target", batch.labelType, places)
      try Check.range(labels, "target", limit: outputSize, ignoring: loss.ignoreIndex) {
        sequence.isValid(outputPlace: $0)
      }
      targets = .labels(labels)
    } else {
      let values = try batch.target.view(
        "target", isLast ? Shape(rows, outputSize) : Shape(steps, rows, outputSize), as: S.self)
      try Check.noNaN(values, "target", Shape(isLast ? 1 : steps, rows, outputSize), lengths: lengths)
      targets = .values(values)
    }
    let weights = batch.weights.isGiven ? try batch.weights.view("weights", places, as: S.self) : nil
    if let weights { try Check.noNaN(weights, "weights", Shape(isLast ? 1 : steps, rows), lengths: lengths) }
    self.init(loss, sequence, targets, weights: weights, width: outputSize)
  }
}
