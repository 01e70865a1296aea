import RNNKernels

/// What training minimises, and how it is reduced to one number. Raw values are those of `rnn.h`.
public struct Loss: Sendable {
  public enum Kind: Int, Sendable {
    case crossEntropy = 0
    case meanSquared = 1
    case binaryCrossEntropy = 2
  }

  public enum Reduction: Int, Sendable {
    case mean = 0
    case sum = 1
  }

  public var kind = Kind.crossEntropy
  public var reduction = Reduction.mean
  /// A label that counts for nothing.
  public var ignoreIndex = -100

  public init() {}

  /// The loss of one row of outputs, Σ over its elements, in double. Its gradient, times `weight`, goes to
  /// `gradient` [O].
  func evaluate<S: Scalar>(
    _ outputs: View<S>, _ targets: Targets<S>, place: Int, weight: Double, gradient: View<S>?
  ) -> Double {
    let size = outputs.count
    let gradient = gradient?.start
    switch targets {
    case .labels(let labels):
      return S.kernels.crossEntropy(
        size: size, logits: outputs.start, label: labels[place], weight: weight, gradient: gradient)
    case .values(let values):
      let row = values.start + place * size
      return kind == .meanSquared
        ? S.kernels.meanSquared(
          size: size, outputs: outputs.start, targets: row, weight: weight, gradient: gradient)
        : S.kernels.binaryCrossEntropy(
          size: size, logits: outputs.start, targets: row, weight: weight, gradient: gradient)
    }
  }
}

/// What outputs are compared with: class labels [T, B] or values [T, B, O].
public enum Targets<S: Scalar> {
  case labels(Integers)
  case values(View<S>)
}
