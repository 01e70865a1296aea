/// One time step of an Elman network. Elman 1990.
enum ElmanKernel<M: Machine>: CellKernel {
  typealias L = Lanes<M>
  static var gateCount: Int { 1 }
  static var hasCellState: Bool { false }
  static var hasCandidate: Bool { false }

  /// h_t = φ(W_ih x_t + b_ih + b_hh + W_hh h_{t-1}), φ = relu or tanh.
  @inline(__always)
  static func forward(
    _ j: Int, _ lanes: Int, _ sums: UnsafePointer<S>, _ row: CellRows<S>, _ step: ForwardStep<S>
  ) {
    let a = Tile<M>.load(sums, 0)
    let h = step.shape.relu ? M.maximum(V(repeating: 0), a) : Elementary<M>.tanh(a)
    L.store(h, row.output, j, lanes)
  }

  /// The gradient of the pre-activation: (1 - h²)∘dh, or dh where h > 0. All of ∂L/∂h_{t-1} passes through W_hh.
  @inline(__always)
  static func backward(
    _ j: Int, _ lanes: Int, dh: V, _ row: CellRows<S>, carriedCell: UnsafeMutablePointer<S>,
    _ step: BackwardStep<S>
  ) -> V {
    let h = L.load(row.output, j, lanes)
    let zero = V(repeating: 0)
    let da = step.shape.relu ? M.select(-h, below: 0, dh, else: zero) : dh * (1 - h * h)
    L.store(da, row.gates, j, lanes)
    return zero
  }
}
