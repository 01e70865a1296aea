import CPlatform

/// The losses of one row of outputs, each with its gradient.
enum LossKernels<M: Machine> {
  typealias V = M.V
  typealias S = M.S
  typealias L = Lanes<M>
  typealias E = Elementary<M>

  static func crossEntropy(
    size: Int, logits: UnsafePointer<S>, label: Int, weight: S, gradient: UnsafeMutablePointer<S>?
  ) -> Double {
    let top = maximum(size: size, logits)
    let partition = sumOfExponentials(size: size, logits, shift: top, to: gradient)
    if let gradient {
      let factor = weight / partition
      L.forEach(size) { j, lanes in L.store(L.load(gradient, j, lanes) * factor, gradient, j, lanes) }
      gradient[label] -= weight
    }
    return log(Double(partition)) + Double(top) - Double(logits[label])
  }

  static func meanSquared(
    size: Int, outputs: UnsafePointer<S>, targets: UnsafePointer<S>, weight: S,
    gradient: UnsafeMutablePointer<S>?
  ) -> Double {
    var sum = M.Wide(repeating: 0)
    L.forEach(size) { j, lanes in
      let difference = L.load(outputs, j, lanes) - L.load(targets, j, lanes)
      let wide = M.widen(difference)
      sum = sum + wide * wide
      if let gradient { L.store(2 * weight * difference, gradient, j, lanes) }
    }
    return M.sum(sum)
  }

  static func binaryCrossEntropy(
    size: Int, logits: UnsafePointer<S>, targets: UnsafePointer<S>, weight: S,
    gradient: UnsafeMutablePointer<S>?
  ) -> Double {
    var sum = 0.0
    for o in 0..<size {
      let y = Double(logits[o])
      sum += max(y, 0) - y * Double(targets[o]) + log1p(exp(-y.magnitude))
    }
    if let gradient {
      L.forEach(size) { j, lanes in
        let error = E.sigmoid(L.load(logits, j, lanes)) - L.load(targets, j, lanes)
        L.store(weight * error, gradient, j, lanes)
      }
    }
    return sum
  }

  @inline(__always)
  private static func maximum(size: Int, _ row: UnsafePointer<S>) -> S {
    var top = V(repeating: row[0])
    L.forEach(size) { j, lanes in
      top = M.maximum(top, L.load(row, j, lanes, fill: row[0]))
    }
    var result = top[0]
    for lane in 1..<V.scalarCount { result = top[lane] > result ? top[lane] : result }
    return result
  }

  /// Σ exp(x - shift); the terms to `terms`, if given.
  @inline(__always)
  private static func sumOfExponentials(
    size: Int, _ row: UnsafePointer<S>, shift: S, to terms: UnsafeMutablePointer<S>?
  ) -> S {
    var sum = V(repeating: 0)
    L.forEach(size) { j, lanes in
      let term = E.expOfNonPositive(L.load(row, j, lanes, fill: -S.infinity) - shift)
      sum = sum + term
      if let terms { L.store(term, terms, j, lanes) }
    }
    return M.sum(sum)
  }
}
