import CPlatform

/// Layer normalisation of one row: y = γ x̂ + β, x̂ = (x - μ) / σ, σ² = mean of (x - μ)² + ε. Ba, Kiros and Hinton 2016.
enum Normalization<M: Machine> {
  typealias V = M.V
  typealias S = M.S
  typealias L = Lanes<M>

  /// PyTorch's.
  private static var epsilon: Double { 1e-5 }

  /// x̂ to `normal`, y to `target`; either may be x's place. Returns 1/σ.
  @inline(never)
  static func forward(
    _ x: UnsafePointer<S>, count: Int, scale: UnsafePointer<S>, shift: UnsafePointer<S>?,
    normal: UnsafeMutablePointer<S>?, to target: UnsafeMutablePointer<S>
  ) -> S {
    let mean = sum(count) { j, lanes in L.load(x, j, lanes) } / S(count)
    let middle = V(repeating: mean)
    let squares = sum(count) { j, lanes in
      let d = L.load(x, j, lanes, fill: mean) - middle
      return d * d
    }
    let inverse = 1 / (squares / S(count) + S(epsilon)).squareRoot()
    L.forEach(count) { j, lanes in
      let hat = (L.load(x, j, lanes) - middle) * inverse
      if let normal { L.store(hat, normal, j, lanes) }
      let start = shift.map { L.load($0, j, lanes) } ?? V(repeating: 0)
      L.store(M.multiplyAdd(start, L.load(scale, j, lanes), hat), target, j, lanes)
    }
    return inverse
  }

  /// From dy to dx, in place, with d = γ dy: dx = (d - mean d - x̂ mean(d x̂)) / σ; dγ += dy x̂; dβ += dy.
  @inline(never)
  static func backward(
    _ dy: UnsafeMutablePointer<S>, count: Int, scale: UnsafePointer<S>, normal: UnsafePointer<S>,
    inverse: S, scaleGradient: UnsafeMutablePointer<S>, shiftGradient: UnsafeMutablePointer<S>
  ) {
    let mean = sum(count) { j, lanes in L.load(dy, j, lanes) * L.load(scale, j, lanes) } / S(count)
    let slope =
      sum(count) { j, lanes in
        L.load(dy, j, lanes) * L.load(scale, j, lanes) * L.load(normal, j, lanes)
      } / S(count)
    L.forEach(count) { j, lanes in
      let (dy0, hat) = (L.load(dy, j, lanes), L.load(normal, j, lanes))
      L.store(M.multiplyAdd(L.load(scaleGradient, j, lanes), dy0, hat), scaleGradient, j, lanes)
      L.store(L.load(shiftGradient, j, lanes) + dy0, shiftGradient, j, lanes)
      let d = dy0 * L.load(scale, j, lanes)
      L.store((d - mean - hat * slope) * inverse, dy, j, lanes)
    }
  }

  @inline(__always)
  private static func sum(_ count: Int, _ term: (Int, Int) -> V) -> S {
    var sum = V(repeating: 0)
    L.forEach(count) { j, lanes in sum = sum + term(j, lanes) }
    return M.sum(sum)
  }
}
