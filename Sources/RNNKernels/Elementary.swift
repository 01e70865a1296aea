/// exp, tanh and the logistic function on vectors. NaN passes through; no branches.
enum Elementary<M: Machine> {
  typealias V = M.V
  typealias S = M.S

  /// Finds n and q with exp(y) = 2^n (1 + q), |q| < 0.42: y = n ln 2 + r, q = exp(r) - 1. y within the type's range
  /// of exp.
  @inline(__always)
  static func expParts(_ y: V) -> (scale: V, q: V) {
    let shift = V(repeating: S.roundingShift)
    let n = M.multiplyAdd(shift, y, V(repeating: S(1.442695040888963407359924681))) - shift
    let r = M.multiplyAdd(M.multiplyAdd(y, n, V(repeating: -S.ln2High)), n, V(repeating: -S.ln2Low))
    return (M.powerOfTwo(n), r * S.expm1Series(r, M.self))
  }

  /// y into the range of exp, on both sides.
  @inline(__always)
  private static func bounded(_ y: V) -> V {
    M.minimum(V(repeating: -S.expUnderflow), M.maximum(V(repeating: S.expUnderflow), y))
  }

  /// exp(y) for y <= 0; zero below the type's underflow.
  @inline(__always)
  static func expOfNonPositive(_ y: V) -> V {
    let (scale, q) = expParts(M.maximum(V(repeating: S.expUnderflow), y))
    return M.select(y, below: S.expUnderflow, V(repeating: 0), else: M.multiplyAdd(scale, scale, q))
  }

  /// The logistic function 1 / (1 + exp(-x)).
  @inline(__always)
  static func sigmoid(_ x: V) -> V {
    let (scale, q) = expParts(bounded(-x))
    let one = V(repeating: 1)
    return M.divide(one, one + M.multiplyAdd(scale, scale, q))
  }

  /// tanh(x) = m / (m + 2) with m = exp(2x) - 1, which keeps its relative accuracy near 0.
  @inline(__always)
  static func tanh(_ x: V) -> V {
    let (scale, q) = expParts(bounded(x + x))
    let m = M.multiplyAdd(scale - 1, scale, q)
    return M.divide(m, m + 2)
  }
}
