import RNNKernels

/// A block of gates whose gradient on the hidden side stands in `gates` or in `candidate`.
struct HiddenBlock {
  var firstGate: Int
  var gateCount: Int
  var inCandidate = false
}

/// What tells one recurrent cell from another. Its equations are in `RNNKernels`, one file for each cell;
/// `Recurrent` does the rest for all of them.
struct Cell: Sendable {
  let kind: CellKind
  /// G.
  let gateCount: Int
  let hasCellState: Bool
  let hasCandidate: Bool
  /// φ of an Elman network.
  let activation: Activation

  init(_ description: LayerDescription) {
    activation =
      switch description.nonlinearity {
      case .tanh: .tanh
      case .relu: .relu
      // Others have no fused kernel.
      default: .identity
      }
    switch description.kind {
    case .gru: (kind, gateCount, hasCellState, hasCandidate) = (.gru, 3, false, true)
    case .lstm: (kind, gateCount, hasCellState, hasCandidate) = (.lstm, 4, true, false)
    default: (kind, gateCount, hasCellState, hasCandidate) = (.elman, 1, false, false)
    }
  }

  /// Whether a gate's activation is a tanh: of h itself, g or n. Others are σ.
  func isTanh(_ gate: Int) -> Bool {
    switch kind {
    case .elman: true
    case .gru, .lstm: gate == 2
    }
  }

  /// Where backward leaves the gradients that W_hh sees: all but W_hn of a GRU, which sees that of q.
  var hiddenBlock: HiddenBlock {
    HiddenBlock(firstGate: 0, gateCount: hasCandidate ? gateCount - 1 : gateCount)
  }

  var candidateBlock: HiddenBlock? {
    hasCandidate ? HiddenBlock(firstGate: gateCount - 1, gateCount: 1, inCandidate: true) : nil
  }
}

/// The cells by name.
public enum Cells {
  static let elman = index(named: "elman") ?? 0
  static let gru = index(named: "gru") ?? 0
  static let lstm = index(named: "lstm") ?? 0

  public static func index(named name: String) -> Int? {
    Float.kernels.cells.firstIndex { $0.form.name.description.isSame(as: name) }
  }

  static func name(_ index: Int) -> String { Float.kernels.cells[index].form.name.description }

  /// For C, for ever.
  public static func cName(_ index: Int) -> UnsafePointer<CChar> {
    UnsafeRawPointer(Float.kernels.cells[index].form.name.utf8Start).assumingMemoryBound(to: CChar.self)
  }
}
