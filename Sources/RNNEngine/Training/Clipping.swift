import CPlatform
import RNNKernels

/// How gradients are kept in bounds before an update.
public struct ClipOptions: Sendable {
  /// Raw values are those of `rnn_clip_scope`.
  public enum Scope: Int, Sendable {
    case global = 0
    case perTensor = 1
  }

  /// First: each g into [-value, value]. nil: off.
  public var value: Double?
  /// Then: if ‖g‖ > norm, g ← g · norm / ‖g‖, so that the norm is `norm`. nil: off.
  public var norm: Double?
  public var scope = Scope.global

  public init() {}
}

/// What clipping makes of one gradient. The gradient stays as it is: the limit and the scales are applied
/// on its way into the optimiser.
struct Clipping<S: Scalar> {
  /// Over all parameters, before clipping; infinite or NaN if the gradient is.
  let norm: Double
  let hasClipped: Bool
  /// Infinite: no limit.
  let limit: S

  /// Measures a flat gradient and fills `scales`, one for each tensor.
  init(
    _ options: ClipOptions, gradient: View<S>, tensors: [NamedTensor], scales: View<S>, partials: View<Double>
  ) {
    limit = options.value.map { S($0) } ?? .infinity
    let norms = Norms(gradient, tensors, limit: .infinity, partials: partials)
    norm = norms.global
    var clipped = options.value.map { limit in norms.largestMagnitude(above: limit) } ?? false
    let bounded = clipped ? Norms(gradient, tensors, limit: limit, partials: partials) : norms
    for index in tensors.indices {
      let measured = options.scope == .global ? bounded.global : bounded.ofTensor(index)
      if let bound = options.norm, measured > bound {
        scales[index] = S(bound / measured)
        clipped = true
      } else {
        scales[index] = 1
      }
    }
    hasClipped = clipped
  }
}

/// Euclidean norms of a flat gradient, in double, without overflow, summed in one order.
struct Norms<S: Scalar> {
  private let gradient: View<S>
  private let tensors: [NamedTensor]
  private let limit: S
  /// `partialCount` numbers.
  private let partials: View<Double>
  /// Over all tensors.
  let global: Double

  /// Partial sums that the largest tensor needs.
  static func partialCount(_ tensors: [NamedTensor]) -> Int {
    tensors.reduce(0) { max($0, ($1.count + sumBlock - 1) / sumBlock) }
  }

  init(_ gradient: View<S>, _ tensors: [NamedTensor], limit: S, partials: View<Double>) {
    (self.gradient, self.tensors, self.limit) = (gradient, tensors, limit)
    self.partials = partials
    var total = 0.0
    for tensor in tensors {
      total = hypot(total, Self.norm(gradient.part(tensor.start, tensor.count), limit, partials))
    }
    global = total
  }

  func ofTensor(_ index: Int) -> Double {
    Self.norm(gradient.part(tensors[index].start, tensors[index].count), limit, partials)
  }

  func largestMagnitude(above bound: Double) -> Bool {
    Double(Scans<S>.maximumMagnitude(gradient.start, count: gradient.count)) > bound
  }

  /// √Σ min(|g|, limit)². Where squares leave the range of double, a second look with a scale.
  static func norm(_ values: View<S>, _ limit: S, _ partials: View<Double>) -> Double {
    let squares = sumOfSquares(values, limit: limit, partials: partials)
    if squares.isFinite && squares > 1e-280 { return squares.squareRoot() }
    let largest = Scans<S>.maximumMagnitude(values.start, count: values.count)
    if largest == 0 || !largest.isFinite { return Double(largest) }
    let scale = min(largest, limit)
    let scaled = Scans<S>.sumOfSquares(values.start, count: values.count, limit: limit, scale: scale)
    return Double(scale) * scaled.squareRoot()
  }
}
