import RNNKernels

/// Trains one model: forward, loss, backpropagation through time, regularisers, clipping, optimiser.
public final class Trainer<S: Scalar> {
  public let model: Model<S>
  public internal(set) var options: TrainerOptions
  let optimizer: Optimizer<S>
  var counts = StepCounts()
  var plateau = Plateau()
  /// Norms of the last steps, if the threshold follows them.
  var history: NormHistory?
  /// What is gone back to, if that is the policy.
  let lastGood: LastGood<S>?
  /// Of the last step, before clipping, laid out as the parameters are.
  let gradient: Buffer<S>
  /// Of the steps before it that wait for an update, if more than one makes it.
  let accumulation: Accumulation<S>?
  /// Of the weights, if it is asked for.
  let average: Buffer<S>?
  var groups: TensorGroups
  /// What the last observed step saw; nil: none was.
  var observation: Observation<S>?

  let clipping: Clipping<S>
  let criterion: Criterion
  /// `Model.levelTensors`.
  let levelTensors: [Int]
  private(set) var orthogonality: Orthogonality<S>?
  private(set) var activations: ActivationPenalty<S>?
  /// Planned when first needed, and again only for a batch of another shape.
  var flow: GradientFlow<S>?
  var omega: Omega<S>?
  var clipCounts: Buffer<Int>
  private var network: Network<S>?
  /// The first step of the last batch whose loss is not finite.
  var badLossStep: Int?
  /// The state after a part of the sequence, while the one before is still needed.
  private(set) var nextState: Buffer<S>
  /// With `recompute`, the states at the cuts of a stretch, and the gradient of one of them.
  private(set) var states: Buffer<S>
  private(set) var stateGradient: Buffer<S>

  /// Without weights of classes.
  convenience init(_ model: Model<S>, _ options: TrainerOptions) throws(RNNError) {
    let none = RawBuffer(nil as UnsafeRawPointer?, bytes: 0)
    try self.init(model, options, Criterion(options.loss, none, classes: model.outputSize))
  }

  convenience init(_ model: Model<S>, _ options: TrainerOptions, _ criterion: Criterion) throws(RNNError) {
    try options.validate(outputs: model.outputSize, isLastStep: model.isLastStep)
    try TensorGroups(count: 1).check(options, S.dtype)
    if S(options.optimizer.eps) == 0 {
      throw RNNError(
        .argument,
        "eps: expected a number that is not zero in \(S.dtype.name), got \(options.optimizer.eps)")
    }
    if options.bptt != nil { try model.checkWalksForward("bptt cuts sequences") }
    if options.recompute { try model.checkWalksForward("recompute cuts sequences") }
    try Self.checkOmega(model, options.penalties)
    try self.init(checked: options, model, criterion)
  }

  /// Throws where there is no memory.
  private init(checked options: TrainerOptions, _ model: Model<S>, _ criterion: Criterion) throws(RNNError) {
    (self.model, self.options) = (model, options)
    optimizer = try Optimizer(options.optimizer, parameterCount: model.parameters.values.count)
    gradient = try Buffer(count: model.parameters.values.count)
    accumulation =
      options.accumulate == 1
      ? nil : try Accumulation(size: options.accumulate, parameterCount: model.parameters.values.count)
    average = options.emaDecay == nil ? nil : try Buffer(count: model.parameters.values.count)
    clipping = try Clipping(options.clip, model.tensors)
    groups = TensorGroups(count: model.tensors.count)
    levelTensors = model.levelTensors
    orthogonality = try Self.orthogonality(model, options.penalties)
    activations = Self.activationPenalty(model, options.penalties)
    history = options.clip.quantile == nil ? nil : NormHistory(window: options.clip.window)
    lastGood =
      options.nonFinite == .rollBack ? try LastGood(model, optimizer, hasAverage: average != nil) : nil
    self.criterion = criterion
    clipCounts = try Buffer(count: 0)
    nextState = try Buffer(count: 0)
    states = try Buffer(count: 0)
    stateGradient = try Buffer(count: 0)
    if let average { copy(model.parameters.values, to: average.values) }
  }

  public func setLearningRate(_ rate: Double) throws(RNNError) {
    try check(rate, "learning_rate", .notNegative)
    var changed = options
    changed.optimizer.learningRate = rate
    try groups.check(changed, S.dtype)
    options.optimizer.learningRate = rate
  }

  /// Of the next update: the base by the schedule.
  var learningRate: Double {
    options.schedule.rate(
      options.optimizer.learningRate, updates: optimizer.updates, reductions: plateau.reductions)
  }

  public func reportMetric(_ metric: Double) throws(RNNError) {
    try plateau.report(metric, options.schedule, base: options.optimizer.learningRate)
  }

  /// What Ω is made of, the fused kernels leave behind.
  private static func checkOmega(_ model: Model<S>, _ weights: PenaltyOptions) throws(RNNError) {
    guard weights.omega != 0 else { return }
    for (index, layer) in model.descriptions.enumerated() where !layer.isPlain {
      throw RNNError(
        .model, "\(Stack.name(index, layer)): omega: expected plain recurrent layers, got one with options")
    }
  }

  /// Any of the regularisers' weights, from the next step on.
  public func setPenalties(_ weights: PenaltyOptions) throws(RNNError) {
    try weights.validate(recomputes: options.recompute)
    try Self.checkOmega(model, weights)
    if weights.orthogonality != options.penalties.orthogonality {
      orthogonality = try Self.orthogonality(model, weights)
    }
    activations = Self.activationPenalty(model, weights)
    options.penalties = weights
  }

  private static func activationPenalty(
    _ model: Model<S>, _ weights: PenaltyOptions
  ) -> ActivationPenalty<S>? {
    ActivationPenalty.make(
      model.descriptions, activation: weights.activation, temporal: weights.temporalActivation)
  }

  /// nil if it is not asked for.
  private static func orthogonality(
    _ model: Model<S>, _ weights: PenaltyOptions
  ) throws(RNNError) -> Orthogonality<S>? {
    weights.orthogonality == 0 ? nil : try Orthogonality(model, weight: weights.orthogonality)
  }

  /// The loss of a batch, without dropout, gradient or update.
  public func evaluate(_ batch: Batch) throws(RNNError) -> StepReport {
    let (objective, network) = try prepare(batch)
    var report = StepReport()
    report.learningRate = learningRate
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

  func prepare(_ batch: Batch) throws(RNNError) -> (Objective<S>, Network<S>) {
    let sequence = try Sequence(batch, for: model)
    let objective = try Objective(batch, sequence, criterion, outputSize: model.outputSize)
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

  /// A final state that is not finite would spoil all that follows: the sequences begin anew.
  func finish(_ sequence: Sequence<S>, _ network: Network<S>, isFinite: Bool) {
    guard let stateOut = sequence.stateOut, !network.state.isEmpty else { return }
    stateOut.copy(from: network.state.start)
    if !isFinite && !Norms.norm(stateOut).isFinite { stateOut.clear() }
  }
}
