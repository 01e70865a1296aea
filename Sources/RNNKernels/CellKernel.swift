/// What a cell does between the matrix products of one time step, for one vector of hidden units j ..< j + lanes of
/// one row.
///
/// The products leave `sumCount` vectors of sums for each vector of units. W_ih x adds to the first `gateCount` of
/// them, W_hh h to the last: of an LSTM all sums have both, of a GRU the first has x alone and the last h alone.
protocol CellKernel<M> {
  associatedtype M: Machine
  typealias V = M.V
  typealias S = M.S

  /// G.
  static var gateCount: Int { get }
  static var sumCount: Int { get }
  static var hasCellState: Bool { get }
  static var hasCandidate: Bool { get }
  /// The gate, as weights are ordered, whose W_ih x and W_hh h, with their biases, a sum has.
  static func inputGate(_ sum: Int) -> Int
  static func hiddenGate(_ sum: Int) -> Int

  /// From the sums to h_t, in two parts, so that those of many units can overlap: what `begin` returns `end` goes on
  /// from. The activations are left in `gates` if they are kept.
  static func begin(
    _ j: Int, _ lanes: Int, _ sums: UnsafePointer<S>, _ row: CellRows<S>, _ step: ForwardStep<S>
  ) -> V
  static func end(
    _ begun: V, _ j: Int, _ lanes: Int, _ sums: UnsafePointer<S>, _ row: CellRows<S>, _ step: ForwardStep<S>)

  /// From `dh` = ∂L/∂h_t to the gradients of the pre-activations in `gates` and `candidate`, and of c_{t-1} in the
  /// step's `carriedCell`, where the row begins at `place`. Returns the part of ∂L/∂h_{t-1} that does not pass through W_hh.
  static func backward(
    _ j: Int, _ lanes: Int, dh: V, _ row: CellRows<S>, place: Int, _ step: BackwardStep<S>
  ) -> V
}

extension CellKernel {
  static var sumCount: Int { gateCount }
  @inline(__always)
  static func inputGate(_ sum: Int) -> Int { sum }
  @inline(__always)
  static func hiddenGate(_ sum: Int) -> Int { sum }

  /// The first sum that W_hh h adds to.
  @inline(__always)
  static var firstHiddenSum: Int { sumCount &- gateCount }

  /// At padding nothing happens, so no gradient begins there.
  @inline(__always)
  static func clearActivations(_ j: Int, _ lanes: Int, _ row: CellRows<S>, size: Int) {
    let zero = V(repeating: 0)
    for gate in 0..<gateCount { Lanes<M>.store(zero, row.gates, gate &* size &+ j, lanes) }
    if hasCandidate { Lanes<M>.store(zero, row.candidate, j, lanes) }
  }
}
