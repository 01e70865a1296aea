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
    S.elmanForward(size: size, relu: relu, row, biases)
  }

  func backward(_ row: CellRow<S>, _ gradient: CellGradient<S>) {
    S.elmanBackward(size: size, relu: relu, row, gradient)
  }
}
