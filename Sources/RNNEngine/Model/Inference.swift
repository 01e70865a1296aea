import RNNKernels

extension Model {
  /// Whether outputs are more than functions of states: inputs are added.
  var addsInput: Bool { descriptions.contains { $0.options.isResidual || $0.addsInput } }

  /// Steps that run at a time: enough for large matrix products, few enough that activations stay in the caches.
  private static func stretchOfInference(rows: Int) -> Int { min(max(1024 / rows, 8), 128) }

  /// Runs the model over a batch. Reads the parameters only, so any number of threads may call it.
  public func forward(_ batch: Batch) throws(RNNError) {
    let sequence = try Sequence(batch, for: self)
    guard let output = sequence.output else {
      let shape = outputShape(steps: batch.steps, rows: batch.rows)
      throw RNNError(.argument, "output: expected \(S.dtype.name) \(shapeText(shape)), got NULL")
    }
    // Who walks time backward has to begin at its end.
    let stretch = walksForward ? Self.stretchOfInference(rows: sequence.rows) : sequence.steps
    let network = try idle.take(self, steps: stretch, rows: sequence.rows)
    network.run(sequence) { stretch, outputs in
      if isLastStep { sequence.copyEnding(in: stretch, from: outputs, to: output) }
    }
    if addsInput { sequence.repeatLast() }
    idle.giveBack(network)
  }
}

extension Network {
  /// Inference over all steps, stretch by stretch; the final state goes to the caller.
  func run(_ sequence: Sequence<S>, _ body: (Range<Int>, View<S>) -> Void) {
    begin(with: sequence.state)
    for first in stride(from: 0, to: sequence.steps, by: maximumSteps) {
      let stretch = first..<min(first + maximumSteps, sequence.steps)
      body(stretch, forward(sequence, stretch, stateOut: state, dropout: nil))
    }
    if let stateOut = sequence.stateOut, !state.isEmpty { stateOut.copy(from: state.start) }
  }
}

extension Sequence {
  /// After its end a row's outputs keep their last values. Within a stretch layers see to that; in those after it what
  /// is added to states is not there any more.
  func repeatLast() {
    guard let output, lengths != nil, !isLastStep else { return }
    let width = output.count / (steps * rows)
    for row in 0..<rows where length(row) > 0 {
      let last = output.start + ((length(row) - 1) * rows + row) * width
      for t in length(row)..<steps { output.part((t * rows + row) * width, width).copy(from: last) }
    }
  }

  /// The rows whose last valid step lies in the stretch have their final output now.
  func copyEnding(in stretch: Range<Int>, from outputs: View<S>, to output: View<S>) {
    let width = output.count / rows
    for row in 0..<rows where stretch.contains(length(row) - 1) {
      output.part(row * width, width).copy(from: outputs.start + row * width)
    }
  }
}
