import RNNKernels

/// Gated recurrent unit, reset after the matrix product:
///
///     r = σ(W_ir x_t + b_ir + W_hr h_{t-1} + b_hr)
///     z = σ(W_iz x_t + b_iz + W_hz h_{t-1} + b_hz)
///     n = tanh(W_in x_t + b_in + r∘q),  q = W_hn h_{t-1} + b_hn
///     h_t = (1-z)∘n + z∘h_{t-1}
struct GRUCell<S: Scalar>: Cell {
  let size: Int
  var gateCount: Int { 3 }
  var hasCellState: Bool { false }
  var hasCandidate: Bool { true }
  /// W_hr and W_hz see the gradients of r and z; W_hn sees that of q.
  var hiddenBlocks: [HiddenBlock] {
    [HiddenBlock(firstGate: 0, gateCount: 2), HiddenBlock(firstGate: 2, gateCount: 1, inCandidate: true)]
  }

  init(_ description: LayerDescription) { size = description.outputSize }

  func forward(_ row: CellRow<S>, _ biases: CellBiases<S>) {
    S.gruForward(size: size, row, biases)
  }

  func backward(_ row: CellRow<S>, _ gradient: CellGradient<S>) {
    S.gruBackward(size: size, row, gradient)
  }
}
