/// What is to be known of a cell besides its equations.
public struct CellForm: Sendable {
  /// What users call it by.
  public let name: StaticString
  /// G.
  public let gateCount: Int
  /// Whether the state is (h, c).
  public var hasCellState = false
  /// How h_{t-1} takes part.
  public var hidden = HiddenPart.sums
  /// The gate whose activation is g, a tanh unless another is asked for; those of others are f.
  public var candidate: Int?
  /// Gates that look at c: peepholes may be asked for. Each has a weight for every unit.
  public var peepholeCount = 0
  /// The gate that keeps the state where it is near 1, and the one that lets go of it: chrono initialisation sets them.
  public var keepingGate: Int?
  public var takingGate: Int?
  /// Whether f cannot be another function: one that may be 0 would be divided by.
  public var needsSigmoid = false
  /// Whether the candidate's function is the identity unless another is asked for.
  public var isLinear = false

  /// Whether h_t is made by `end` alone, of activations that see x alone: then threads can share the steps.
  public var isScanned: Bool { hidden == .none && !hasCellState }

  public init(_ name: StaticString, gates: Int) { (self.name, gateCount) = (name, gates) }
}

/// How h_{t-1} takes part in the sums of a step: v_t = W_ih x_t + b_ih, u_t = W_hh h_{t-1} + b_hh.
public enum HiddenPart: Sendable {
  /// Not at all: there is no W_hh. Without c `begin` makes activations of x alone, and `end` h_t of them and h_{t-1}.
  case none
  /// All gates see v + u: one gradient serves both.
  case sums
  /// Some gate sees u by itself: it is kept, and has a gradient of its own.
  case apart
  /// As `sums`, but the last gate sees W_hn s + b_hn, with an s that the cell makes of h_{t-1}: first all other gates,
  /// then the last.
  case reset
}

/// A function of a sum: its kind and constants.
public struct CellFunction<S: Real>: BitwiseCopyable, Sendable {
  public let kind: FunctionKind
  /// Of the hard sigmoid, clamp(α x + β, 0, 1).
  public let alpha: S
  public let beta: S

  public init(_ kind: FunctionKind, alpha: S = 0, beta: S = 0) {
    (self.kind, self.alpha, self.beta) = (kind, alpha, beta)
  }
}

public enum FunctionKind: BitwiseCopyable, Sendable {
  case tanh
  case relu
  case identity
  case sigmoid
  case hardSigmoid
  /// x / (1 + |x|).
  case softsign
}
