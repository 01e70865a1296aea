/// exp, tanh and the logistic function on vectors. NaN passes through; no branches. A stream of one row waits for
/// these, so the chains of operations are short.
enum Elementary<M: Machine> {
  typealias V = M.V
  typealias S = M.S

  /// Finds n and q with exp(factor · x) = 2^n (1 + q), |q| < 0.42: factor · x = n ln 2 + r, q = exp(r) - 1. factor · x
  /// within the type's range of exp.
  @inline(__always)
  static func expParts(_ x: V, factor: S) -> (scale: V, q: V) {
    let shift = V(repeating: S.roundingShift)
    let n = M.multiplyAdd(shift, x, V(repeating: factor * S(1.442695040888963407359924681))) - shift
    let r = S.remainder(x * factor, n, M.self)
    return (M.powerOfTwo(n), S.expm1Series(r, M.self))
  }

  /// x so that factor · x is within the range of exp, on both sides.
  @inline(__always)
  private static func bounded(_ x: V, factor: S) -> V {
    let limit = -S.expUnderflow / factor
    return M.minimum(V(repeating: limit), M.maximum(V(repeating: -limit), x))
  }

  /// exp(y) for y <= 0; zero below the type's underflow.
  @inline(__always)
  static func expOfNonPositive(_ y: V) -> V {
    let (scale, q) = expParts(M.maximum(V(repeating: S.expUnderflow), y), factor: 1)
    return M.select(y, below: S.expUnderflow, V(repeating: 0), else: M.multiplyAdd(scale, scale, q))
  }

  /// The logistic function 1 / (1 + exp(-x)).
  @inline(__always)
  static func sigmoid(_ x: V) -> V {
    let (scale, q) = expParts(bounded(x, factor: 1), factor: -1)
    return M.divide(V(repeating: 1), M.multiplyAdd(scale + 1, scale, q))
  }

  /// tanh(x) = m / (m + 2) with m = exp(2x) - 1, which keeps its relative accuracy near 0.
  @inline(__always)
  static func tanh(_ x: V) -> V {
    let (scale, q) = expParts(bounded(x, factor: 2), factor: 2)
    return M.divide(M.multiplyAdd(scale - 1, scale, q), M.multiplyAdd(scale + 1, scale, q))
  }
}
