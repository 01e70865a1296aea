import RNNKernels

extension Trainer {
  /// One update, or with `accumulate` a part of one. An error leaves the weights as they were; `report` is filled with the step even when the
  /// policy makes a gradient that is not finite an error.
  public func step(_ batch: Batch, _ report: inout StepReport) throws(RNNError) {
    let (objective, network) = try prepare(batch)
    let supervisor = try supervise(objective.sequence, observes: batch.observes)
    let planned = batch.observes ? try plannedObservation(supervisor) : nil
    report = StepReport()
    report.learningRate = learningRate
    report.loss = backpropagate(objective, network, supervisor)
    addPenalties(supervisor, &report)
    if !putAside(&report, isCounted: objective.divisor != 0) {
      clip(&report, automatic: options.clip.quantile.flatMap { history?.quantile($0) })
      if clipping.norm.isFinite { history?.add(clipping.norm) }
    }
    if batch.observes, let flow = supervisor.flow, let planned {
      planned.take(flow, clipping.tensorNorms.values)
      (observation, report.flowCount) = (planned, flow.records.count)
    }
    if !clipping.norm.isFinite {
      report.origin = try locate(objective, network)
      report.action = rollBack() ? .rolledBack : .skipped
    } else if objective.divisor == 0 {
      report.action = .skipped
    } else if report.action == .updated {
      update(isObserved: batch.observes)
    }
    count(&report)
    try failIfAsked(report)
    finish(objective.sequence, network, isFinite: clipping.norm.isFinite)
  }

  /// One update by the gradient of `Flossing` alone, through clipping, policy and optimiser as any other.
  public func floss(
    _ batch: Batch, _ options: LyapunovOptions, _ report: inout StepReport
  ) throws(RNNError) {
    report = StepReport()
    report.learningRate = learningRate
    report.loss = try flossingLoss(batch, options)
    clearFrozen()
    clipCounts.values.clear()
    clip(&report, automatic: nil)
    if clipping.norm.isFinite {
      update(isObserved: false)
    } else {
      report.action = rollBack() ? .rolledBack : .skipped
    }
    count(&report)
    try failIfAsked(report)
  }

  /// Where states or their derivatives do not stay finite, neither does the gradient, and the policy decides.
  private func flossingLoss(_ batch: Batch, _ options: LyapunovOptions) throws(RNNError) -> Double {
    do throws(RNNError) {
      return try model.floss(batch, options, to: gradient.values)
    } catch {
      guard error.code == .nonFinite else { throw error }
      for j in gradient.values.indices { gradient.values[j] = .nan }
      return .nan
    }
  }

  /// What this step needs beyond the gradient.
  private func supervise(_ sequence: Sequence<S>, observes: Bool) throws(RNNError) -> Supervisor<S> {
    var supervisor = Supervisor<S>()
    let (clip, needsOmega) = (options.clip, options.penalties.omega != 0)
    if clip.clipsSteps {
      if clipCounts.values.count != sequence.rows { clipCounts = try Buffer(count: sequence.rows) }
      supervisor.clip = StepClip(
        value: clip.stepValue ?? .infinity, norm: clip.stepNorm ?? .infinity, counts: clipCounts.values)
    }
    if observes || needsOmega { supervisor.flow = try plannedFlow(sequence) }
    supervisor.recordsActivations = observes
    if needsOmega, let flow = supervisor.flow { supervisor.omega = try plannedOmega(flow) }
    supervisor.activations = activations
    return supervisor
  }

  private func plannedFlow(_ sequence: Sequence<S>) throws(RNNError) -> GradientFlow<S> {
    if let flow, flow.steps == sequence.steps, flow.rows == sequence.rows { return flow }
    (flow, omega) = (nil, nil)
    let planned = try GradientFlow(model, steps: sequence.steps, rows: sequence.rows)
    flow = planned
    return planned
  }

  /// The memory of the last one, if that was of the same shape.
  private func plannedObservation(_ supervisor: Supervisor<S>) throws(RNNError) -> Observation<S>? {
    guard let flow = supervisor.flow else { return nil }
    if let observation, observation.levels.allSatisfy({ $0.steps == flow.steps }) { return observation }
    return try Observation(flow, model.tensors)
  }

  private func plannedOmega(_ flow: GradientFlow<S>) throws(RNNError) -> Omega<S> {
    if let omega { return omega }
    let planned = try Omega(flow.records, rows: flow.rows)
    omega = planned
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

  private func addPenalties(_ supervisor: Supervisor<S>, _ report: inout StepReport) {
    report.penalty = supervisor.activations?.value ?? 0
    if let omega = supervisor.omega {
      let weight = options.penalties.omega
      report.omega = omega.value
      report.penalty += weight * omega.value
      for (index, tensor) in levelTensors.enumerated() {
        omega.addGradient(index, weight: weight, to: gradient(model.tensors[tensor]))
      }
    }
    report.penalty += orthogonality?.add(model.parameters.values, to: gradient.values) ?? 0
    clearFrozen()
  }

  /// Lets the gradient wait for others, for an update by their mean. false: there is nothing to wait for, for it is the
  /// last and has become that mean, or is not finite, or of no element, and is left out.
  private func putAside(_ report: inout StepReport, isCounted: Bool) -> Bool {
    guard let accumulation, isCounted else { return false }
    clipping.measure(gradient.values)
    guard clipping.norm.isFinite, !accumulation.add(gradient.values) else { return false }
    report.action = .accumulated
    report.gradNorm = clipping.norm
    reportPlaces(&report)
    return true
  }

  private func clip(_ report: inout StepReport, automatic: Double?) {
    clipping.measure(gradient.values, parameters: model.parameters.values, automatic: automatic)
    report.gradNorm = clipping.norm
    report.clipThreshold = clipping.threshold ?? 0
    report.clipping = clipping.actions
    reportPlaces(&report)
  }

  private func reportPlaces(_ report: inout StepReport) {
    report.clippedPlaces = clipCounts.values.reduce(0, +)
    if report.clippedPlaces > 0 { report.clipping.insert(.step) }
  }

  private func update(isObserved: Bool) {
    lastGood?.keep(model, optimizer, average)
    optimizer.options.learningRate = learningRate
    optimizer.update(
      model.parameters.values, gradient: gradient.values, clipping, groups,
      flow: isObserved ? observation?.updates : nil)
    updateAverage()
    model.parametersHaveChanged()
    lastGood?.version = model.version
  }

  /// Goes through the step once more and looks.
  private func locate(
    _ objective: Objective<S>, _ network: Network<S>
  ) throws(RNNError) -> NonFiniteOrigin? {
    let supervisor = try supervise(objective.sequence, observes: true)
    var again = StepReport()
    again.loss = backpropagate(objective, network, supervisor)
    addPenalties(supervisor, &again)
    return supervisor.flow.map { origin($0, clipping.tensorNorms.values) }
  }

  /// Back to the last good weights, to go on more slowly. false: that is not the policy, or there are none.
  private func rollBack() -> Bool {
    guard let lastGood, lastGood.holds(for: model) else { return false }
    lastGood.restore(model, optimizer, average)
    lastGood.version = model.version
    accumulation?.count = 0
    options.optimizer.learningRate *= options.rollBackFactor
    return true
  }

  private func count(_ report: inout StepReport) {
    counts.steps += 1
    if !report.isSkipped && report.clipping != [] { counts.clipped += 1 }
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
}
