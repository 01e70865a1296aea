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
  static func forward(
    _ j: Int, _ lanes: Int, _ row: CellRows<S>, _ step: ForwardStep<S>, _ sum: (Int) -> V
  ) {
    let size = step.shape.size
    // r = σ(W_ir x + b_ir + b_hr + W_hr h), z likewise
    let r = E.sigmoid(sum(1))
    let z = E.sigmoid(sum(2))
    // n = tanh(W_in x + b_in + r∘q),  q = W_hn h + b_hn
    let q = sum(3)
    let n = E.tanh(M.multiplyAdd(sum(0), r, q))
    // h_t = (1-z)∘n + z∘h_{t-1}
    let h = M.multiplyAdd(z * L.load(row.previousOutput, j, lanes), 1 - z, n)
    L.store(h, row.output, j, lanes)
    guard step.keepsActivations else { return }
    L.store(r, row.gates, j, lanes)
    L.store(z, row.gates, size &+ j, lanes)
    L.store(n, row.gates, 2 &* size &+ j, lanes)
    L.store(q, row.candidate, j, lanes)
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
