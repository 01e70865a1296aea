import RNNKernels

/// The Elman network, φ = tanh or relu:
///
///     h_t = φ(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh)
struct ElmanCell<S: Scalar>: Cell {
  let size: Int
  let relu: Bool
  var gateCount: Int { 1 }
  var hasCellState: Bool { false }
  var hasCandidate: Bool { false }
  var hiddenBlocks: [HiddenBlock] { [HiddenBlock(firstGate: 0, gateCount: 1)] }

  init(_ description: LayerDescription) {
    size = description.outputSize
    relu = description.nonlinearity == .relu
  }

  func forward(_ row: CellRow<S>, _ biases: CellBiases<S>) {
    ElmanKernel<S>.forward(
      size: size, relu: relu, input: row.gates, hidden: row.hidden, inputBias: biases.input,
      hiddenBias: biases.hidden, output: row.output)
  }

  /// All of ∂L/∂h_{t-1} passes through W_hh.
  func backward(_ row: CellRow<S>, gradOutput: UnsafeMutablePointer<S>, gradCell: UnsafeMutablePointer<S>) {
    ElmanKernel<S>.backward(
      size: size, relu: relu, output: row.output, gradOutput: gradOutput, gradGates: row.gates)
    View(start: gradOutput, count: size).clear()
  }
}
