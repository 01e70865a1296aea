import RNNKernels

/// Long short-term memory:
///
///     i = σ(W_ii x_t + b_ii + W_hi h_{t-1} + b_hi)
///     f = σ(W_if x_t + b_if + W_hf h_{t-1} + b_hf)
///     g = tanh(W_ig x_t + b_ig + W_hg h_{t-1} + b_hg)
///     o = σ(W_io x_t + b_io + W_ho h_{t-1} + b_ho)
///     c_t = f∘c_{t-1} + i∘g
///     h_t = o∘tanh(c_t)
struct LSTMCell<S: Scalar>: Cell {
  let size: Int
  var gateCount: Int { 4 }
  var hasCellState: Bool { true }
  var hasCandidate: Bool { false }
  var hiddenBlocks: [HiddenBlock] { [HiddenBlock(firstGate: 0, gateCount: 4)] }

  init(_ description: LayerDescription) { size = description.outputSize }

  func forward(_ row: CellRow<S>, _ biases: CellBiases<S>) {
    S.lstmForward(size: size, row, biases)
  }

  func backward(_ row: CellRow<S>, _ gradient: CellGradient<S>) {
    S.lstmBackward(size: size, row, gradient)
  }
}
