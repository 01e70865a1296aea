/// One time step of an LSTM, gates i, f, g, o in this order.
/// Hochreiter and Schmidhuber 1997; forget gate of Gers, Schmidhuber and Cummins 2000.
enum LSTMKernel<M: Machine>: CellKernel {
  typealias L = Lanes<M>
  typealias E = Elementary<M>
  static var gateCount: Int { 4 }
  static var hasCellState: Bool { true }
  static var hasCandidate: Bool { false }

  /// `backward` needs i, f, g, o, which stay in `gates`, and c_t.
  @inline(__always)
  static func begin(
    _ j: Int, _ lanes: Int, _ sums: UnsafePointer<S>, _ row: CellRows<S>, _ step: ForwardStep<S>
  ) -> V {
    // i = σ(W_ii x + b_ii + b_hi + W_hi h), f and o likewise; g = tanh(…)
    let i = E.sigmoid(Tile<M>.load(sums, 0))
    let f = E.sigmoid(Tile<M>.load(sums, 1))
    let g = E.tanh(Tile<M>.load(sums, 2))
    // c_t = f∘c_{t-1} + i∘g
    let c = M.multiplyAdd(i * g, f, L.load(row.previousCell, j, lanes))
    L.store(c, row.cell, j, lanes)
    if step.keepsActivations {
      L.store(i, row.gates, j, lanes)
      L.store(f, row.gates, step.shape.size &+ j, lanes)
      L.store(g, row.gates, 2 &* step.shape.size &+ j, lanes)
    }
    return c
  }

  @inline(__always)
  static func end(
    _ c: V, _ j: Int, _ lanes: Int, _ sums: UnsafePointer<S>, _ row: CellRows<S>, _ step: ForwardStep<S>
  ) {
    // h_t = o∘tanh(c_t)
    let o = E.sigmoid(Tile<M>.load(sums, 3))
    L.store(o * E.tanh(c), row.output, j, lanes)
    if step.keepsActivations { L.store(o, row.gates, 3 &* step.shape.size &+ j, lanes) }
  }

  /// All of ∂L/∂h_{t-1} passes through W_hh.
  @inline(__always)
  static func backward(
    _ j: Int, _ lanes: Int, dh: V, _ row: CellRows<S>, place: Int, _ step: BackwardStep<S>
  ) -> V {
    let size = step.shape.size
    let i = L.load(row.gates, j, lanes)
    let f = L.load(row.gates, size &+ j, lanes)
    let g = L.load(row.gates, 2 &* size &+ j, lanes)
    let o = L.load(row.gates, 3 &* size &+ j, lanes)
    let tanhC = E.tanh(L.load(row.cell, j, lanes))
    // h_t = o∘tanh(c_t):  dc += dh∘o∘(1 - tanh²c)
    let dc = L.load(step.carriedCell + place, j, lanes) + dh * o * (1 - tanhC * tanhC)
    if let observed = step.flow.cell { L.store(dc, observed + place, j, lanes) }
    // c_t = f∘c_{t-1} + i∘g, then through σ' = σ(1-σ) and tanh' = 1 - tanh²
    L.store(dc * g * i * (1 - i), row.gates, j, lanes)
    L.store(dc * L.load(row.previousCell, j, lanes) * f * (1 - f), row.gates, size &+ j, lanes)
    L.store(dc * i * (1 - g * g), row.gates, 2 &* size &+ j, lanes)
    L.store(dh * tanhC * o * (1 - o), row.gates, 3 &* size &+ j, lanes)
    L.store(dc * f, step.carriedCell + place, j, lanes)
    return V(repeating: 0)
  }
}
