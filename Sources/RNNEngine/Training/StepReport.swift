/// What one step did.
public struct StepReport: Sendable {
  public enum Action: Int, Sendable {
    case updated = 0
    case skipped = 1
    case rolledBack = 2
    case accumulated = 3
  }

  public var loss = 0.0
  public var gradNorm = 0.0
  public var learningRate = 0.0
  public var action = Action.updated
  public var clipping: ClipActions = []
  /// The bound on the norm that was in force; 0: none.
  public var clipThreshold = 0.0
  /// Rows and steps at which ∂L/∂h_t was clipped.
  public var clippedPlaces = 0
  /// What regularisers added to the loss, with their weights; and Ω alone, without.
  public var penalty = 0.0
  public var omega = 0.0
  public var origin: NonFiniteOrigin?
  /// Stacked recurrent layers that an observed step tells of.
  public var flowCount = 0
  public var counts = StepCounts()

  public init() {}

  /// There was no update, and the gradient is lost.
  public var isSkipped: Bool { action == .skipped || action == .rolledBack }
}

/// Steps since training began.
public struct StepCounts: Sendable {
  /// All, clipped, skipped and rolled back ones included.
  public var steps = 0
  public var clipped = 0
  public var skipped = 0
  public var rolledBack = 0
}

/// Where a number that is not finite first appeared: on the way forward by layers and then steps, on the way back in
/// reverse.
public struct NonFiniteOrigin: Sendable {
  /// Raw values are those of `rnn_origin`.
  public enum Kind: Int, Sendable {
    case activation = 1
    case loss = 2
    case stateGradient = 3
    case tensorGradient = 4
  }

  public var kind: Kind
  /// Places in the stack, in the layer and in the sequence; -1: in none.
  public var layer = -1
  public var level = -1
  public var step = -1
  /// The tensor whose gradient it made non-finite.
  public var tensor: String
}
