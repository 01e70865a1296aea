/// exp, tanh and the logistic function on vectors. NaN passes through; no branches.
enum Elementary<M: Machine> {
  typealias V = M.V
  typealias S = M.S

  /// For y <= 0 finds n and q with exp(y) = 2^n (1 + q), |q| < 0.42: y = n ln 2 + r, q = exp(r) - 1.
  @inline(__always)
  static func expParts(_ y: V) -> (scale: V, q: V) {
    let bounded = M.maximum(V(repeating: S.expUnderflow), y)
    let shift = V(repeating: S.roundingShift)
    let n = M.multiplyAdd(shift, bounded, V(repeating: S(1.442695040888963407359924681))) - shift
    let r = M.multiplyAdd(
      M.multiplyAdd(bounded, n, V(repeating: -S.ln2High)), n, V(repeating: -S.ln2Low))
    return (M.powerOfTwo(n), r * S.expm1Series(r, M.self))
  }

  /// exp(y) for y <= 0; zero below the type's underflow.
  @inline(__always)
  static func expOfNonPositive(_ y: V) -> V {
    let (scale, q) = expParts(y)
    return M.select(y, below: S.expUnderflow, V(repeating: 0), else: M.multiplyAdd(scale, scale, q))
  }

  /// The logistic function 1 / (1 + exp(-x)), from exp(-|x|) so that nothing overflows.
  @inline(__always)
  static func sigmoid(_ x: V) -> V {
    let (scale, q) = expParts(M.select(x, below: 0, x, else: -x))
    let e = M.multiplyAdd(scale, scale, q)
    let one = V(repeating: 1)
    return M.divide(M.select(x, below: 0, e, else: one), M.multiplyAdd(one, e, one))
  }

  /// tanh(x) = -m / (2 + m) for x >= 0 with m = exp(-2x) - 1, odd. m keeps its relative accuracy near 0.
  @inline(__always)
  static func tanh(_ x: V) -> V {
    let (scale, q) = expParts(2 * M.select(x, below: 0, x, else: -x))
    let m = M.multiplyAdd(scale - 1, scale, q)
    let magnitude = M.divide(m, 2 + m)
    return M.select(x, below: 0, magnitude, else: -magnitude)
  }
}
