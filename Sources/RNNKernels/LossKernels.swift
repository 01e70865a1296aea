import CPlatform

/// The losses of one row of outputs, each with its gradient.
public enum LossKernels<S: Real> {
  typealias L = Lanes<S, Baseline>
  typealias E = Elementary<S, Baseline>
  typealias V = S.Vector

  /// Softmax cross-entropy, log Σ_k exp(x_k) - x_label, shifted by the maximum.
  /// `gradient` [O] receives weight · (softmax(x) - onehot(label)).
  public static func crossEntropy(
    size: Int, logits: UnsafePointer<S>, label: Int, weight: S, gradient: UnsafeMutablePointer<S>?
  ) -> Double {
    let top = maximum(size: size, logits)
    let partition = sumOfExponentials(size: size, logits, shift: top)
    if let gradient {
      let factor = weight / partition
      L.forEach(size) { j, lanes in
        L.store(E.expOfNonPositive(L.load(logits, j, lanes) - top) * factor, gradient, j, lanes)
      }
      gradient[label] -= weight
    }
    return log(Double(partition)) + Double(top) - Double(logits[label])
  }

  /// Squared errors Σ_o (y_o - t_o)², in double. `gradient` [O] receives weight · 2(y - t).
  public static func meanSquared(
    size: Int, outputs: UnsafePointer<S>, targets: UnsafePointer<S>, weight: S,
    gradient: UnsafeMutablePointer<S>?
  ) -> Double {
    var sum = S.WideVector(repeating: 0)
    L.forEach(size) { j, lanes in
      let difference = L.load(outputs, j, lanes) - L.load(targets, j, lanes)
      let wide = S.widen(difference)
      sum = sum + wide * wide
      if let gradient { L.store(2 * weight * difference, gradient, j, lanes) }
    }
    return laneSum(sum)
  }

  /// Binary cross-entropy of logits, Σ_o max(y, 0) - y t + log(1 + exp(-|y|)).
  /// `gradient` [O] receives weight · (σ(y) - t).
  public static func binaryCrossEntropy(
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
      top = S.maximum(top, L.load(row, j, lanes, fill: row[0]))
    }
    var result = top[0]
    for lane in 1..<V.scalarCount { result = top[lane] > result ? top[lane] : result }
    return result
  }

  @inline(__always)
  private static func sumOfExponentials(size: Int, _ row: UnsafePointer<S>, shift: S) -> S {
    var sum = V(repeating: 0)
    L.forEach(size) { j, lanes in
      sum = sum + E.expOfNonPositive(L.load(row, j, lanes, fill: -S.infinity) - shift)
    }
    return laneSum(sum)
  }
}
