/// The functions that cells may be asked for, and their derivatives by what they have given.
enum CellFunctions<M: Machine> {
  typealias V = M.V
  typealias S = M.S

  /// One piece of code for all cells.
  @inline(never)
  static func apply(_ function: UnsafePointer<CellFunction<S>>, _ x: V) -> V {
    switch function.pointee.kind {
    case .tanh: Elementary<M>.tanh(x)
    case .sigmoid: Elementary<M>.sigmoid(x)
    case .relu: M.maximum(V(repeating: 0), x)
    case .identity: x
    case .hardSigmoid:
      M.minimum(
        V(repeating: 1),
        M.maximum(
          V(repeating: 0),
          M.multiplyAdd(V(repeating: function.pointee.beta), x, V(repeating: function.pointee.alpha)))
      )
    case .softsign: M.divide(x, magnitude(x) + 1)
    }
  }

  /// φ' from y = φ(x).
  @inline(never)
  static func slope(_ function: UnsafePointer<CellFunction<S>>, _ y: V) -> V {
    let (zero, one) = (V(repeating: 0), V(repeating: 1))
    switch function.pointee.kind {
    case .tanh: return one - y * y
    case .sigmoid: return y * (one - y)
    case .relu: return M.select(-y, below: 0, one, else: zero)
    case .identity: return one
    // Within (0, 1): α.
    case .hardSigmoid:
      return M.select(
        -y, below: 0, M.select(y, below: 1, V(repeating: function.pointee.alpha), else: zero), else: zero)
    // 1 / (1 + |x|)² = (1 - |y|)².
    case .softsign:
      let rest = one - magnitude(y)
      return rest * rest
    }
  }

  @inline(__always)
  private static func magnitude(_ x: V) -> V { M.maximum(-x, x) }

  /// y = φ(x) for many numbers; x may be y.
  static func apply(
    _ function: UnsafePointer<CellFunction<S>>, _ x: UnsafePointer<S>, to y: UnsafeMutablePointer<S>,
    count: Int
  ) {
    Lanes<M>.forEach(count) { j, lanes in
      Lanes<M>.store(apply(function, Lanes<M>.load(x, j, lanes)), y, j, lanes)
    }
  }

  /// dx = φ'∘dy, from y = φ(x).
  static func multiplySlope(
    _ function: UnsafePointer<CellFunction<S>>, _ y: UnsafePointer<S>, _ dy: UnsafePointer<S>,
    to dx: UnsafeMutablePointer<S>, count: Int
  ) {
    Lanes<M>.forEach(count) { j, lanes in
      Lanes<M>.store(Lanes<M>.load(dy, j, lanes) * slope(function, Lanes<M>.load(y, j, lanes)), dx, j, lanes)
    }
  }
}
