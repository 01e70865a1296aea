/// Adds the lanes in order, so that a sum has one result on every machine.
@inline(__always)
func laneSum<V: SIMD>(_ vector: V) -> V.Scalar where V.Scalar: FloatingPoint {
  var sum = vector[0]
  for lane in 1..<V.scalarCount { sum += vector[lane] }
  return sum
}

/// Sums and scans over flat buffers.
public enum Reductions<S: Real> {
  typealias L = Lanes<S, Baseline>
  /// Σ min(|x|, limit)², in double.
  public static func sumOfSquares(_ x: UnsafePointer<S>, count: Int, limit: S) -> Double {
    var sum = S.WideVector(repeating: 0)
    L.forEach(count) { j, lanes in
      let wide = S.widen(clamp(L.load(x, j, lanes), limit))
      sum = sum + wide * wide
    }
    return laneSum(sum)
  }

  /// Σ (min(|x|, limit) / scale)²: for a second look at values whose squares leave the range of double.
  public static func sumOfSquares(
    _ x: UnsafePointer<S>, count: Int, limit: S, scale: S
  ) -> Double {
    var sum = 0.0
    for j in 0..<count {
      let ratio = Double(min(x[j].magnitude, limit) / scale)
      sum += ratio * ratio
    }
    return sum
  }

  /// The largest |x|; NaN if any x is.
  public static func maximumMagnitude(_ x: UnsafePointer<S>, count: Int) -> S {
    var top: S = 0
    for j in 0..<count {
      if x[j].isNaN { return .nan }
      top = max(top, x[j].magnitude)
    }
    return top
  }

  /// The place of the first NaN, or nil.
  public static func firstNaN(_ x: UnsafePointer<S>, count: Int) -> Int? {
    var sum = S.Vector(repeating: 0)
    L.forEach(count) { j, lanes in
      let vector = L.load(x, j, lanes)
      // x * 0 is NaN for NaN and infinity alike: a cheap sign that something may be wrong.
      sum = sum + vector * 0
    }
    guard laneSum(sum).isNaN else { return nil }
    return (0..<count).first { x[$0].isNaN }
  }

  /// sums[j] += Σ_rows x[row, j].
  public static func addColumnSums(
    _ x: UnsafePointer<S>, rows: Int, columns: Int, stride: Int, to sums: UnsafeMutablePointer<S>
  ) {
    for row in 0..<rows {
      let start = x + row &* stride
      L.forEach(columns) { j, lanes in
        L.store(L.load(sums, j, lanes) + L.load(start, j, lanes), sums, j, lanes)
      }
    }
  }

  /// y += x.
  @inline(__always)
  public static func add(_ x: UnsafePointer<S>, to y: UnsafeMutablePointer<S>, count: Int) {
    L.forEach(count) { j, lanes in
      L.store(L.load(y, j, lanes) + L.load(x, j, lanes), y, j, lanes)
    }
  }

  /// Each value into [-limit, limit]; NaN passes.
  @inline(__always)
  static func clamp(_ x: S.Vector, _ limit: S) -> S.Vector {
    let bounded = S.select(x, below: -limit, S.Vector(repeating: -limit), else: x)
    return S.select(-bounded, below: -limit, S.Vector(repeating: limit), else: bounded)
  }
}
