/// exp, tanh and the logistic function on vectors. NaN passes through; no branches. A stream of one row waits for
/// these, so the chains of operations are short.
enum Elementary<M: Machine> {
  typealias V = M.V
  typealias S = M.S

  /// exp(y) for y <= 0; zero below the type's underflow.
  @inline(__always)
  static func expOfNonPositive(_ y: V) -> V {
    M.select(y, below: S.expUnderflow, V(repeating: 0), else: ExpParts<M>(y, factor: 1).plus(0))
  }

  /// The logistic function 1 / (1 + exp(-x)). As exp keeps its relative accuracy, so do σ far below 0 and 1 - σ far
  /// above: how long a gate keeps what there is.
  @inline(__always)
  static func sigmoid(_ x: V) -> V { M.divide(V(repeating: 1), ExpParts<M>(x, factor: -1).plus(1)) }

  @inline(__always)
  static func tanh(_ x: V) -> V { S.tanh(x, M.self) }
}

/// exp(y) = 2^n (1 + r + r² E(r)), y = n ln 2 + r, where y is `factor` times a number, brought within the range of exp on
/// both sides.
struct ExpParts<M: Machine> {
  typealias V = M.V
  typealias S = M.S
  /// 2^n.
  private let scale: V
  private let r: V
  private let square: V
  private let tail: V

  @inline(__always)
  init(_ x: V, factor: S) {
    let limit = -S.expUnderflow / factor.magnitude
    let x = M.minimum(V(repeating: limit), M.maximum(V(repeating: -limit), x))
    let shift = V(repeating: S.roundingShift)
    let shifted = M.multiplyAdd(shift, x, V(repeating: factor * S(1.442695040888963407359924681)))
    scale = M.powerOfTwo(shifted)
    r = S.remainder(x * factor, shifted - shift, M.self)
    square = r * r
    tail = S.expTail(r, square, M.self)
  }

  /// exp(y) + a for a whole number a: what is exact comes first.
  @inline(__always)
  func plus(_ a: S) -> V {
    M.multiplyAdd(M.multiplyAdd(scale + a, scale, r), scale * square, tail)
  }
}
