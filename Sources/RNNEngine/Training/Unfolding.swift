import RNNKernels

/// How a trainer walks through the unfolded graph.
extension Trainer {
  /// L = Σ_t L^(t), stretch by stretch. Between stretches the state goes on and its gradient is cut.
  func run(
    _ objective: Objective<S>, _ network: Network<S>, isTraining: Bool, _ supervisor: Supervisor<S>
  ) -> Double {
    let sequence = objective.sequence
    network.begin(with: sequence.state)
    let size = stretch(of: sequence)
    var loss = objective.divisor == 0 ? Double.nan : 0
    for first in stride(from: 0, to: sequence.steps, by: size) {
      let walk = Walk(
        objective: objective, network: network, stretch: first..<min(first + size, sequence.steps),
        segment: segment(of: size, rows: sequence.rows), isTraining: isTraining, supervisor: supervisor)
      loss = forward(walk, loss)
      if isTraining && options.recompute { backwardRecomputing(walk) }
    }
    if model.addsInput { sequence.repeatLast() }
    return loss
  }

  /// Steps between two cuts of the gradient.
  func stretch(of sequence: Sequence<S>) -> Int { min(sequence.steps, options.bptt ?? sequence.steps) }

  /// Steps whose activations are kept at a time: all of a stretch, or, if they are computed again, about as many as
  /// there are then cuts, √T, in whole blocks.
  func segment(of stretch: Int, rows: Int) -> Int {
    guard options.recompute else { return stretch }
    let block = blockSteps(rows: rows)
    let root = Int(Double(stretch).squareRoot().rounded(.up))
    return min((root + block - 1) / block * block, stretch)
  }

  /// A stretch between two cuts of the gradient, in segments.
  private struct Walk {
    let objective: Objective<S>
    let network: Network<S>
    let stretch: Range<Int>
    let segment: Int
    let isTraining: Bool
    let supervisor: Supervisor<S>

    /// The first step among some, just evaluated, whose loss is not finite.
    func badLoss(_ steps: Range<Int>) -> Int? {
      let losses = network.rowLosses
      guard sequence.isLastStep else {
        return (0..<steps.count * sequence.rows).first { !losses[$0].isFinite }
          .map { steps.lowerBound + $0 / sequence.rows }
      }
      return (0..<sequence.rows).first { !losses[$0].isFinite }.map { sequence.length($0) - 1 }
    }

    var count: Int { (stretch.count + segment - 1) / segment }
    var sequence: Sequence<S> { objective.sequence }

    func steps(_ index: Int) -> Range<Int> {
      let first = stretch.lowerBound + index * segment
      return first..<min(first + segment, stretch.upperBound)
    }
  }

  /// All segments in order; each back at once unless that is left for later. Returns `loss` and theirs.
  private func forward(_ walk: Walk, _ loss: Double) -> Double {
    var loss = loss
    for index in 0..<walk.count {
      let steps = walk.steps(index)
      if options.recompute { cut(index, walk).copy(from: walk.network.state.start) }
      let outputs = forward(walk, steps)
      if let output = walk.sequence.output, walk.sequence.isLastStep {
        walk.sequence.copyEnding(in: steps, from: outputs, to: output)
      }
      let backward = walk.isTraining && !options.recompute
      loss = walk.objective.evaluate(
        steps, outputs: outputs, gradient: backward ? walk.network.outputGradient(steps) : nil,
        rowLosses: walk.network.rowLosses, adding: loss)
      if !loss.isFinite && badLossStep == nil { badLossStep = walk.badLoss(steps) }
      if backward { self.backward(walk, steps, stateGradient: nil) }
      walk.network.begin(with: nextState.values)
    }
    return loss
  }

  /// The segments in reverse: each forward again from the state at its beginning, then back. Chen et al. 2016,
  /// "Training deep nets with sublinear memory cost".
  private func backwardRecomputing(_ walk: Walk) {
    cut(walk.count, walk).copy(from: walk.network.state.start)
    stateGradient.values.clear()
    for index in (0..<walk.count).reversed() {
      let steps = walk.steps(index)
      walk.network.begin(with: cut(index, walk))
      let outputs = forward(walk, steps)
      _ = walk.objective.evaluate(
        steps, outputs: outputs, gradient: walk.network.outputGradient(steps),
        rowLosses: walk.network.rowLosses, adding: 0)
      backward(walk, steps, stateGradient: stateGradient.values)
    }
    walk.network.begin(with: cut(walk.count, walk))
  }

  /// The state at a cut.
  private func cut(_ index: Int, _ walk: Walk) -> View<S> {
    let count = walk.network.state.count
    return states.values.part(index * count, count)
  }

  private func forward(_ walk: Walk, _ steps: Range<Int>) -> View<S> {
    walk.network.forward(
      walk.sequence, steps, stateOut: nextState.values,
      dropout: walk.isTraining ? dropout(from: steps.lowerBound) : nil)
  }

  private func backward(_ walk: Walk, _ steps: Range<Int>, stateGradient: View<S>?) {
    walk.network.backward(
      walk.sequence, steps, gradient: gradient.values, stateGradient: stateGradient,
      dropout: dropout(from: steps.lowerBound), supervisor: walk.supervisor)
  }

  /// Masks differ from step to step, and are the same wherever the graph is cut.
  private func dropout(from firstStep: Int) -> Dropout {
    let stream = 1 << 63 | UInt64(truncatingIfNeeded: counts.steps) << 32
    return Dropout(generator: Philox(seed: options.seed, stream: stream), firstStep: firstStep)
  }
}
