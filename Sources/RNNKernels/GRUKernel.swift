/// One time step of a GRU, gates r, z, n in this order, reset applied after the product.
/// Cho et al. 2014, in the form of cuDNN and PyTorch.
enum GRUKernel<M: Machine>: CellKernel {
  typealias L = Lanes<M>
  typealias E = Elementary<M>
  static var gateCount: Int { 3 }
  /// x's part of n, r, z, q.
  static var sumCount: Int { 4 }
  static var hasCellState: Bool { false }
  static var hasCandidate: Bool { true }
  @inline(__always)
  static func inputGate(_ sum: Int) -> Int { sum == 0 ? 2 : sum &- 1 }
  @inline(__always)
  static func hiddenGate(_ sum: Int) -> Int { sum &- 1 }

  /// `backward` needs r, z, n, which stay in `gates`, and q = W_hn h_{t-1} + b_hn, which stays in `candidate`.
  @inline(__always)
  static func begin(
    _ j: Int, _ lanes: Int, _ sums: UnsafePointer<S>, _ row: CellRows<S>, _ step: ForwardStep<S>
  ) -> V {
    // r = σ(W_ir x + b_ir + b_hr + W_hr h), z likewise
    let r = E.sigmoid(Tile<M>.load(sums, 1))
    let q = Tile<M>.load(sums, 3)
    if step.keepsActivations {
      L.store(r, row.gates, j, lanes)
      L.store(q, row.candidate, j, lanes)
    }
    // n = tanh(W_in x + b_in + r∘q),  q = W_hn h + b_hn
    return M.multiplyAdd(Tile<M>.load(sums, 0), r, q)
  }

  @inline(__always)
  static func end(
    _ a: V, _ j: Int, _ lanes: Int, _ sums: UnsafePointer<S>, _ row: CellRows<S>, _ step: ForwardStep<S>
  ) {
    let z = E.sigmoid(Tile<M>.load(sums, 2))
    let n = E.tanh(a)
    // h_t = (1-z)∘n + z∘h_{t-1}
    let h = M.multiplyAdd(z * L.load(row.previousOutput, j, lanes), 1 - z, n)
    L.store(h, row.output, j, lanes)
    if step.keepsActivations {
      L.store(z, row.gates, step.shape.size &+ j, lanes)
      L.store(n, row.gates, 2 &* step.shape.size &+ j, lanes)
    }
  }

  /// Gradients on the input's side to `gates`, and of q to `candidate`: on the hidden side r and z have the former,
  /// n has the latter.
  @inline(__always)
  static func backward(
    _ j: Int, _ lanes: Int, dh: V, _ row: CellRows<S>, place: Int, _ step: BackwardStep<S>
  ) -> V {
    let size = step.shape.size
    let r = L.load(row.gates, j, lanes)
    let z = L.load(row.gates, size &+ j, lanes)
    let n = L.load(row.gates, 2 &* size &+ j, lanes)
    // h_t = (1-z)∘n + z∘h_{t-1}
    let dz = dh * (L.load(row.previousOutput, j, lanes) - n)
    let dn = dh * (1 - z) * (1 - n * n)
    // n = tanh(… + r∘q)
    let dr = dn * L.load(row.candidate, j, lanes)
    L.store(dr * r * (1 - r), row.gates, j, lanes)
    L.store(dz * z * (1 - z), row.gates, size &+ j, lanes)
    L.store(dn, row.gates, 2 &* size &+ j, lanes)
    L.store(dn * r, row.candidate, j, lanes)
    return dh * z
  }
}
