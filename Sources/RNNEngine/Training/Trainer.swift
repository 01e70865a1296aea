import RNNKernels

/// Trains one model: forward, loss, backpropagation through time, regularisers, clipping, optimiser.
public final class Trainer<S: Scalar> {
  public let model: Model<S>
  public private(set) var options: TrainerOptions
  let optimizer: Optimizer<S>
  var counts = StepCounts()
  /// Norms of the last steps, if the threshold follows them.
  var history: NormHistory?
  /// What is gone back to, if that is the policy.
  let lastGood: LastGood<S>?
  /// Of the last step, before clipping, laid out as the parameters are.
  let gradient: Buffer<S>
  /// What the last observed step saw; nil: none was.
  private(set) var observation: Observation<S>?

  private let clipping: Clipping<S>
  private var orthogonality: Orthogonality<S>?
  private var activations: ActivationPenalty<S>?
  /// Planned when first needed, and again only for a batch of another shape.
  private var flow: GradientFlow<S>?
  private var omega: Omega<S>?
  private var clipCounts: Buffer<Int>
  private var network: Network<S>?
  /// The first step of the last batch whose loss is not finite.
  var badLossStep: Int?
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
    clipping = try Clipping(options.clip, model.tensors)
    orthogonality = try Self.orthogonality(model, options.regularization)
    activations = ActivationPenalty.make(model, options.regularization)
    history = options.clip.quantile == nil ? nil : NormHistory(window: options.clip.window)
    lastGood = options.nonFinite == .rollBack ? try LastGood(model, optimizer) : nil
    clipCounts = try Buffer(count: 0)
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

  /// Any of the regularisers' weights, from the next step on.
  public func setRegularization(_ weights: RegularizationOptions) throws(RNNError) {
    try weights.validate(recomputes: options.recompute)
    if weights.orthogonality != options.regularization.orthogonality {
      orthogonality = try Self.orthogonality(model, weights)
    }
    activations = ActivationPenalty.make(model, weights)
    options.regularization = weights
  }

  /// nil if it is not asked for.
  private static func orthogonality(
    _ model: Model<S>, _ weights: RegularizationOptions
  ) throws(RNNError) -> Orthogonality<S>? {
    weights.orthogonality == 0 ? nil : try Orthogonality(model, weight: weights.orthogonality)
  }

  /// One update. An error leaves the weights as they were; `report` is filled with the step even when the
  /// policy makes a gradient that is not finite an error.
  public func step(_ batch: Batch, _ report: inout StepReport) throws(RNNError) {
    let (objective, network) = try prepare(batch)
    let supervisor = try supervise(objective.sequence, observes: batch.observes)
    report = StepReport()
    report.learningRate = options.optimizer.learningRate
    report.loss = backpropagate(objective, network, supervisor)
    regularize(supervisor, &report)
    clip(supervisor, &report)
    if batch.observes, let flow = supervisor.flow {
      observation = try observe(flow, clipping.tensorNorms.values)
      report.flowCount = flow.records.count
    }
    if !clipping.norm.isFinite {
      report.origin = try locate(objective, network)
      report.action = rollBack() ? .rolledBack : .skipped
    } else if objective.divisor == 0 {
      report.action = .skipped
    } else {
      update(isObserved: batch.observes)
    }
    count(&report)
    try failIfAsked(report)
    finish(objective.sequence, network, isFinite: clipping.norm.isFinite)
  }

  /// The loss of a batch, without dropout, gradient or update.
  public func evaluate(_ batch: Batch) throws(RNNError) -> StepReport {
    let (objective, network) = try prepare(batch)
    var report = StepReport()
    report.learningRate = options.optimizer.learningRate
    report.loss = run(objective, network, isTraining: false, Supervisor())
    report.counts = counts
    finish(objective.sequence, network, isFinite: true)
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

  /// What this step needs beyond the gradient.
  private func supervise(_ sequence: Sequence<S>, observes: Bool) throws(RNNError) -> Supervisor<S> {
    var supervisor = Supervisor<S>()
    let (clip, needsOmega) = (options.clip, options.regularization.omega != 0)
    if clip.clipsSteps {
      if clipCounts.values.count != sequence.rows { clipCounts = try Buffer(count: sequence.rows) }
      supervisor.clip = StepClip(
        value: clip.stepValue ?? .infinity, norm: clip.stepNorm ?? .infinity, counts: clipCounts.values)
    }
    if observes || needsOmega { supervisor.flow = try plannedFlow(sequence) }
    supervisor.recordsActivations = observes
    supervisor.omega = needsOmega ? omega : nil
    supervisor.activations = activations
    return supervisor
  }

  private func plannedFlow(_ sequence: Sequence<S>) throws(RNNError) -> GradientFlow<S> {
    if let flow, flow.steps == sequence.steps, flow.rows == sequence.rows { return flow }
    (flow, omega) = (nil, nil)
    let planned = try GradientFlow(model, steps: sequence.steps, rows: sequence.rows)
    omega = try Omega(planned.records, rows: sequence.rows)
    flow = planned
    return planned
  }

  /// The loss; its gradient is in `gradient` afterwards.
  private func backpropagate(
    _ objective: Objective<S>, _ network: Network<S>, _ supervisor: Supervisor<S>
  ) -> Double {
    clear(gradient.values)
    clipCounts.values.clear()
    badLossStep = nil
    supervisor.flow?.begin(objective.sequence, stretch: stretch(of: objective.sequence))
    supervisor.omega?.clear()
    supervisor.activations?.begin(objective.sequence, stretch: stretch(of: objective.sequence))
    return run(objective, network, isTraining: true, supervisor)
  }

  private func regularize(_ supervisor: Supervisor<S>, _ report: inout StepReport) {
    report.penalty = supervisor.activations?.value ?? 0
    if let omega = supervisor.omega {
      let weight = options.regularization.omega
      report.omega = omega.value
      report.penalty += weight * omega.value
      for (index, matrix) in model.recurrentMatrices.filter({ $0.gate == 0 }).enumerated() {
        omega.addGradient(index, weight: weight, to: gradient(model.tensors[matrix.tensor]))
      }
    }
    report.penalty += orthogonality?.add(model.parameters.values, to: gradient.values) ?? 0
  }

  private func clip(_ supervisor: Supervisor<S>, _ report: inout StepReport) {
    clipping.measure(
      gradient.values, parameters: model.parameters.values,
      automatic: options.clip.quantile.flatMap { history?.quantile($0) })
    report.gradNorm = clipping.norm
    report.clipThreshold = clipping.threshold ?? 0
    report.clipping = clipping.actions
    report.clippedPlaces = clipCounts.values.reduce(0, +)
    if report.clippedPlaces > 0 { report.clipping.insert(.step) }
    if clipping.norm.isFinite { history?.add(clipping.norm) }
  }

  private func update(isObserved: Bool) {
    lastGood?.keep(model, optimizer)
    optimizer.update(
      model.parameters.values, gradient: gradient.values, clipping,
      flow: isObserved ? observation?.updates : nil)
    model.parametersHaveChanged()
  }

  /// Goes through the step once more and looks.
  private func locate(
    _ objective: Objective<S>, _ network: Network<S>
  ) throws(RNNError) -> NonFiniteOrigin? {
    let supervisor = try supervise(objective.sequence, observes: true)
    _ = backpropagate(objective, network, supervisor)
    return supervisor.flow.map { origin($0, clipping.tensorNorms.values) }
  }

  /// Back to the last good weights, to go on more slowly. false: that is not the policy, or there are none.
  private func rollBack() -> Bool {
    guard let lastGood, lastGood.isKept else { return false }
    lastGood.restore(model, optimizer)
    options.optimizer.learningRate *= options.rollBackFactor
    optimizer.options.learningRate = options.optimizer.learningRate
    return true
  }

  private func count(_ report: inout StepReport) {
    counts.steps += 1
    if report.action == .updated && report.clipping != [] { counts.clipped += 1 }
    if report.action == .skipped { counts.skipped += 1 }
    if report.action == .rolledBack { counts.rolledBack += 1 }
    report.counts = counts
  }

  private func failIfAsked(_ report: StepReport) throws(RNNError) {
    guard !report.gradNorm.isFinite, options.nonFinite == .fail else { return }
    let place = report.origin.map { text(", first in \($0.place)") } ?? ""
    throw RNNError(
      .nonFinite,
      "gradient: expected a finite norm, got \(report.gradNorm)\(place); the weights are unchanged")
  }

  /// A final state that is not finite would spoil all that follows: the sequences begin anew.
  private func finish(_ sequence: Sequence<S>, _ network: Network<S>, isFinite: Bool) {
    guard let stateOut = sequence.stateOut, !network.state.isEmpty else { return }
    stateOut.copy(from: network.state.start)
    if !isFinite && !Norms.norm(stateOut).isFinite { stateOut.clear() }
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
