/// What somebody who looks at activations and gradients wants to know of them, each in one pass. `x` is [rows, columns],
/// rows `stride` apart.
enum Statistics<M: Machine> {
  typealias V = M.V
  typealias S = M.S
  typealias L = Lanes<M>

  static func moments(_ x: UnsafePointer<S>, rows: Int, columns: Int, stride: Int) -> Moments {
    var (sum, squares) = (M.Wide(repeating: 0), M.Wide(repeating: 0))
    var top = V(repeating: 0)
    for row in 0..<rows {
      L.forEach(columns) { j, lanes in
        let value = L.load(x + row &* stride, j, lanes)
        let wide = M.widen(value)
        sum = sum + wide
        squares = squares + wide * wide
        top = M.maximum(top, magnitude(value))
      }
    }
    var maximum: S = 0
    for lane in 0..<V.scalarCount { maximum = max(maximum, top[lane]) }
    return Moments(sum: M.sum(sum), sumOfSquares: M.sum(squares), maximum: Double(maximum))
  }

  /// How many are below `low`, and how many above `high`.
  static func countBeyond(
    _ x: UnsafePointer<S>, rows: Int, columns: Int, stride: Int, low: S, high: S
  ) -> (below: Double, above: Double) {
    let (zero, one) = (V(repeating: 0), V(repeating: 1))
    var (below, above) = (zero, zero)
    for row in 0..<rows {
      L.forEach(columns) { j, lanes in
        // Beyond the tail stands what is neither.
        let value = L.load(x + row &* stride, j, lanes, fill: (low + high) / 2)
        below = below + M.select(value, below: low, one, else: zero)
        above = above + M.select(-value, below: -high, one, else: zero)
      }
    }
    return (Double(M.sum(below)), Double(M.sum(above)))
  }

  /// maxima[j] ← max(maxima[j], |x[row, j]|) over the rows.
  static func raiseMaxima(
    _ x: UnsafePointer<S>, rows: Int, columns: Int, stride: Int, _ maxima: UnsafeMutablePointer<S>
  ) {
    for row in 0..<rows {
      L.forEach(columns) { j, lanes in
        let value = magnitude(L.load(x + row &* stride, j, lanes))
        L.store(M.maximum(L.load(maxima, j, lanes), value), maxima, j, lanes)
      }
    }
  }

  /// sums[row] = Σ_j x[row, j]², where it does not leave the range of x's type.
  static func rowSumsOfSquares(
    _ x: UnsafePointer<S>, rows: Int, columns: Int, stride: Int, to sums: UnsafeMutablePointer<Double>
  ) {
    for row in 0..<rows {
      var sum = V(repeating: 0)
      L.forEach(columns) { j, lanes in
        let value = L.load(x + row &* stride, j, lanes)
        sum = M.multiplyAdd(sum, value, value)
      }
      sums[row] = Double(M.sum(sum))
    }
  }

  /// Σ (x - y)², in double.
  static func squaredDistance(_ x: UnsafePointer<S>, _ y: UnsafePointer<S>, count: Int) -> Double {
    var sum = M.Wide(repeating: 0)
    L.forEach(count) { j, lanes in
      let wide = M.widen(L.load(x, j, lanes) - L.load(y, j, lanes))
      sum = sum + wide * wide
    }
    return M.sum(sum)
  }

  /// |x|; NaN stays.
  @inline(__always)
  private static func magnitude(_ x: V) -> V { M.maximum(-x, x) }
}

/// Σ x, Σ x² and max |x|. The maximum leaves NaN out, the sums do not.
public struct Moments: Sendable {
  public var sum = 0.0
  public var sumOfSquares = 0.0
  public var maximum = 0.0

  public init() {}

  init(sum: Double, sumOfSquares: Double, maximum: Double) {
    (self.sum, self.sumOfSquares, self.maximum) = (sum, sumOfSquares, maximum)
  }
}
