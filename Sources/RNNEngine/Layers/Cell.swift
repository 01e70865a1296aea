import RNNKernels

/// A block of gates whose gradient on the hidden side stands in `gates` or in `candidate`.
struct HiddenBlock {
  var firstGate: Int
  var gateCount: Int
  var inCandidate = false
}

/// One recurrent cell: what happens between the matrix products of one time step.
/// `Recurrent` does the rest for all of them.
protocol Cell<S> {
  associatedtype S: Scalar
  var size: Int { get }
  /// G.
  var gateCount: Int { get }
  var hasCellState: Bool { get }
  var hasCandidate: Bool { get }
  /// Where backward leaves the gradients that W_hh sees.
  var hiddenBlocks: [HiddenBlock] { get }

  func forward(_ row: CellRow<S>, _ biases: CellBiases<S>)
  func backward(_ row: CellRow<S>, _ gradient: CellGradient<S>)
}
