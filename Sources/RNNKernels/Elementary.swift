/// exp, tanh and the logistic function on vectors. NaN passes through; no branches.
enum Elementary<S: Real, I: InstructionSet> {
  typealias V = S.Vector

  /// For y <= 0 finds n and q with exp(y) = 2^n (1 + q), |q| < 0.42: y = n ln 2 + r, q = exp(r) - 1.
  @inline(__always)
  static func expParts(_ y: V) -> (scale: V, q: V) {
    let bounded = S.maximum(V(repeating: S.expUnderflow), y)
    let log2e = S(1.442695040888963407359924681)
    let n = (bounded * log2e + S.roundingShift) - S.roundingShift
    let r = (bounded - n * S.ln2High) - n * S.ln2Low
    return (S.powerOfTwo(n), r * S.expm1Polynomial(r))
  }

  /// exp(y) for y <= 0; zero below the type's underflow.
  @inline(__always)
  static func expOfNonPositive(_ y: V) -> V {
    let (scale, q) = expParts(y)
    return S.select(y, below: S.expUnderflow, V(repeating: 0), else: scale + scale * q)
  }

  /// The logistic function 1 / (1 + exp(-x)), from exp(-|x|) so that nothing overflows.
  @inline(__always)
  static func sigmoid(_ x: V) -> V {
    let (scale, q) = expParts(S.select(x, below: 0, x, else: -x))
    let e = scale + scale * q
    return S.select(x, below: 0, e, else: V(repeating: 1)) / (1 + e)
  }

  /// tanh(x) = -m / (2 + m) for x >= 0 with m = exp(-2x) - 1, odd. m keeps its relative accuracy near 0.
  @inline(__always)
  static func tanh(_ x: V) -> V {
    let (scale, q) = expParts(2 * S.select(x, below: 0, x, else: -x))
    let m = scale * q + (scale - 1)
    let magnitude = m / (2 + m)
    return S.select(x, below: 0, magnitude, else: -magnitude)
  }
}
