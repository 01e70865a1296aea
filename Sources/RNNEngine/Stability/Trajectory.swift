import RNNKernels

/// One sequence through a model in double precision, and how small changes of the state go along: the activations are
/// those of the model's own forward pass, a stretch of steps at a time.
final class Trajectory {
  let model: Model<Double>
  let stages: Stages
  private let network: Network<Double>
  private let sequence: Sequence<Double>
  /// Held for its memory, which `sequence` views.
  private let input: RowInput
  /// The state after the stretch.
  private let state: Buffer<Double>
  /// Steps whose activations are there.
  private var stretch = 0..<0

  var steps: Int { sequence.steps }
  /// n: numbers of the state, h of each recurrent layer, then c of an LSTM.
  var stateSize: Int { stages.stateSize }
  /// Of the stretch that was moved to last; nil: all states of it are finite.
  private var firstStepNotFinite: Int?

  /// `longest`: steps whose activations are held at a time.
  init(_ model: Model<Double>, _ input: RowInput, longest: Int = 256) throws(RNNError) {
    (self.model, self.input, stages) = (model, input, try Stages(model))
    sequence = try Sequence(input.batch, for: model)
    network = try Network(
      model, maximumSteps: min(input.steps, longest), rows: 1, training: true)
    state = try Buffer(count: model.stateCountPerRow)
    state.values.copy(from: input.state.values.start)
  }

  /// Step t, which follows on the one before, or is 0.
  func move(to t: Int) {
    if stretch.contains(t) { return }
    stretch = stretch.upperBound..<min(stretch.upperBound + network.maximumSteps, steps)
    network.begin(with: state.values)
    _ = network.forward(sequence, stretch, stateOut: state.values, dropout: nil)
    firstStepNotFinite = state.values.allSatisfy { $0.isFinite } ? nil : stretch.first { !stateIsFinite($0) }
  }

  /// Whether all states are finite up to step t, which is of the stretch that was moved to last.
  func checkState(through t: Int) throws(RNNError) {
    if let step = firstStepNotFinite, step <= t {
      throw RNNError(.nonFinite, "state: expected finite numbers, got others at step \(step)")
    }
  }

  /// At a step of the stretch.
  private func stateIsFinite(_ t: Int) -> Bool {
    func isFinite(_ values: UnsafeMutablePointer<Double>, _ count: Int) -> Bool {
      (0..<count).allSatisfy { values[$0].isFinite }
    }
    for (index, stage) in stages.all.enumerated() {
      let (pass, step) = pass(index, through: t)
      guard case .recurrent(let layer, _) = stage, let context = Recurrent<Double>.Context(layer, pass) else {
        continue
      }
      for k in 0..<layer.depth {
        let numbers = context.numbers(context.level(k), step, from: 0)
        guard isFinite(numbers.output, layer.size),
          !layer.cell.hasCellState || isFinite(numbers.cell, layer.size)
        else { return false }
      }
    }
    return true
  }

  /// What a layer worked on in the stretch of step t, and the place of t in it.
  func pass(_ layer: Int, through t: Int) -> (LayerPass<Double>, Int) {
    move(to: t)
    return (network.pass(layer, sequence, stretch), t - stretch.lowerBound)
  }

  /// Takes tangents [m, n] of the state before step t to that after it.
  func push(_ tangents: Tangents, through t: Int) {
    var input: Matrix<Double>?
    for (index, stage) in stages.all.enumerated() {
      let (pass, step) = pass(index, through: t)
      switch stage {
      case .embedding: input = nil
      case .linear:
        if let changed = input { input = tangents.multiply(changed, model, layer: index) }
      case .recurrent(let layer, let places):
        guard let context = Recurrent<Double>.Context(layer, pass) else { return }
        for k in 0..<layer.depth {
          let moved = tangents.level(layer, places[k], input: input)
          layer.push(moved, context.level(k), step: step, context)
          input = moved.output
        }
      }
    }
  }
}
