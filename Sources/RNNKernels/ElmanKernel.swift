/// One time step of an Elman network. Elman 1990.
enum ElmanKernel<M: Machine>: CellKernel {
  typealias L = Lanes<M>
  static var gateCount: Int { 1 }
  static var hasCellState: Bool { false }
  static var hasCandidate: Bool { false }

  @inline(__always)
  static func begin(
    _ j: Int, _ lanes: Int, _ sums: UnsafePointer<S>, _ row: CellRows<S>, _ step: ForwardStep<S>
  ) -> V {
    Tile<M>.load(sums, 0)
  }

  /// h_t = φ(W_ih x_t + b_ih + b_hh + W_hh h_{t-1}), φ = tanh, relu or the identity.
  @inline(__always)
  static func end(
    _ a: V, _ j: Int, _ lanes: Int, _ sums: UnsafePointer<S>, _ row: CellRows<S>, _ step: ForwardStep<S>
  ) {
    let h =
      switch step.shape.activation {
      case .tanh: Elementary<M>.tanh(a)
      case .relu: M.maximum(V(repeating: 0), a)
      case .identity: a
      }
    L.store(h, row.output, j, lanes)
  }

  /// The gradient of the pre-activation: (1 - h²)∘dh, dh where h > 0, or dh. All of ∂L/∂h_{t-1} passes through W_hh.
  @inline(__always)
  static func backward(
    _ j: Int, _ lanes: Int, dh: V, _ row: CellRows<S>, place: Int, _ step: BackwardStep<S>
  ) -> V {
    let h = L.load(row.output, j, lanes)
    let zero = V(repeating: 0)
    let da =
      switch step.shape.activation {
      case .tanh: dh * (1 - h * h)
      case .relu: M.select(-h, below: 0, dh, else: zero)
      case .identity: dh
      }
    L.store(da, row.gates, j, lanes)
    return zero
  }
}
