import RNNKernels

/// Trains one model: forward, loss, backpropagation through time, clipping, optimiser.
public final class Trainer<S: Scalar> {
  public let model: Model<S>
  public private(set) var options: TrainerOptions
  let optimizer: Optimizer<S>
  var counts = StepCounts()
  /// Of the last step, before clipping, laid out as the parameters are.
  private let gradient: Buffer<S>
  /// What clipping multiplies each tensor's gradient by.
  private let scales: Buffer<S>
  /// Partial sums of norms.
  private let partials: Buffer<Double>
  /// Planned at the first step, and again only for a larger batch.
  private var network: Network<S>?
  /// The state after a stretch, while the one before is still needed.
  private var nextState: Buffer<S>

  public init(_ model: Model<S>, _ options: TrainerOptions) throws(RNNError) {
    try options.validate()
    try Self.checkRepresentable(options)
    (self.model, self.options) = (model, options)
    optimizer = try Optimizer(options.optimizer, parameterCount: model.parameters.values.count)
    gradient = try Buffer(count: model.parameters.values.count)
    scales = try Buffer(count: model.tensors.count)
    partials = try Buffer(count: Norms<S>.partialCount(model.tensors))
    nextState = try Buffer(count: 0)
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
    gradient.values.clear()
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
    let needed = min(steps, options.bptt ?? steps)
    if let network, network.maximumSteps >= needed, network.rows == rows { return network }
    network = nil
    let planned = try Network(model, maximumSteps: needed, rows: rows, training: true)
    nextState = try Buffer(count: planned.state.count)
    network = planned
    return planned
  }

  /// L = Σ_t L^(t), stretch by stretch. Between stretches the state goes on and its gradient is cut.
  private func run(_ objective: Objective<S>, _ network: Network<S>, isTraining: Bool) -> Double {
    let sequence = objective.sequence
    network.begin(with: sequence.state)
    var loss = objective.divisor == 0 ? Double.nan : 0
    let size = min(sequence.steps, options.bptt ?? sequence.steps)
    for first in stride(from: 0, to: sequence.steps, by: size) {
      let stretch = first..<min(first + size, sequence.steps)
      let dropout = isTraining ? dropout(from: stretch.lowerBound) : nil
      let outputs = network.forward(sequence, stretch, stateOut: nextState.values, dropout: dropout)
      if let output = sequence.output, sequence.isLastStep {
        sequence.copyEnding(in: stretch, from: outputs, to: output)
      }
      let outputGradient = isTraining ? network.outputGradient(stretch) : nil
      loss += objective.evaluate(
        stretch, outputs: outputs, gradient: outputGradient, rowLosses: network.rowLosses)
      if isTraining {
        network.backward(sequence, stretch, gradient: gradient.values, dropout: dropout)
      }
      network.begin(with: nextState.values)
    }
    return loss
  }

  /// Masks differ from step to step, and are the same wherever the graph is cut.
  private func dropout(from firstStep: Int) -> Dropout {
    let stream = 1 << 63 | UInt64(truncatingIfNeeded: counts.steps) << 32
    return Dropout(generator: Philox(seed: options.seed, stream: stream), firstStep: firstStep)
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
