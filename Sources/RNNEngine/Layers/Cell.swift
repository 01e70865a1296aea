import RNNKernels

/// The numbers of one row at one time step. A cell without c or q leaves those pointers alone.
struct CellRow<S: Scalar> {
  /// [GH]: W_ih x, then the activations, then the gradient of the pre-activations.
  var gates: UnsafeMutablePointer<S>
  /// [GH]: W_hh h_{t-1}.
  var hidden: UnsafeMutablePointer<S>
  /// [H]: h_{t-1}, h_t, c_{t-1}, c_t.
  var previousOutput: UnsafeMutablePointer<S>
  var output: UnsafeMutablePointer<S>
  var previousCell: UnsafeMutablePointer<S>
  var cell: UnsafeMutablePointer<S>
  /// [H]: q = W_hn h_{t-1} + b_hn of a GRU, then its gradient.
  var candidate: UnsafeMutablePointer<S>
}

/// Biases of a layer, [GH] each.
struct CellBiases<S: Scalar> {
  var input: UnsafeMutablePointer<S>
  var hidden: UnsafeMutablePointer<S>
}

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

  /// `gradOutput` [H]: in ∂L/∂h_t, out the part of ∂L/∂h_{t-1} that does not pass through W_hh.
  /// `gradCell` [H]: in ∂L/∂c_t, out ∂L/∂c_{t-1}.
  func backward(_ row: CellRow<S>, gradOutput: UnsafeMutablePointer<S>, gradCell: UnsafeMutablePointer<S>)
}
