/// What training minimises, and how it is reduced to one number. Raw values are those of `rnn.h`.
public struct Loss: Sendable {
  public enum Kind: Int, Sendable {
    case crossEntropy = 0
    case meanSquared = 1
    case binaryCrossEntropy = 2
    case huber = 3
    case ctc = 4
  }

  public enum Reduction: Int, Sendable {
    case mean = 0
    case sum = 1
  }

  public var kind = Kind.crossEntropy
  public var reduction = Reduction.mean
  /// A label that counts for nothing.
  public var ignoreIndex = -100
  /// Of cross-entropy: ε in [0, 1).
  public var labelSmoothing = 0.0
  /// Where the Huber loss becomes linear.
  public var huberDelta = 1.0
  /// Of CTC: the class that is no label, and whether an infinite loss counts as none.
  public var blank = 0
  public var zeroInfinity = false

  public init() {}

  /// For a model with so many outputs.
  func validate(outputs: Int) throws(RNNError) {
    try check(labelSmoothing, "label_smoothing", .smoothing)
    try check(huberDelta, "huber_delta", .positive)
    try Check.integer(blank, "blank", 0, outputs - 1)
  }
}

/// What outputs are compared with: class labels [T, B], values [T, B, O] or the labels of whole sequences, which the
/// criterion has.
public enum Targets<S: Scalar> {
  case labels(Integers)
  case values(View<S>)
  case sequences
}
