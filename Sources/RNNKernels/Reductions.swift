/// Sums and scans over flat buffers.
enum Reductions<M: Machine> {
  typealias V = M.V
  typealias S = M.S
  typealias L = Lanes<M>

  static func sumOfSquares(_ x: UnsafePointer<S>, count: Int, limit: S) -> Double {
    var sum = M.Wide(repeating: 0)
    L.forEach(count) { j, lanes in
      let wide = M.widen(clamp(L.load(x, j, lanes), limit))
      sum = sum + wide * wide
    }
    return M.sum(sum)
  }

  static func firstNaN(_ x: UnsafePointer<S>, count: Int) -> Int? {
    var sum = V(repeating: 0)
    L.forEach(count) { j, lanes in
      // x * 0 is NaN for NaN and infinity alike: a cheap sign that something may be wrong.
      sum = sum + L.load(x, j, lanes) * 0
    }
    guard M.sum(sum).isNaN else { return nil }
    return (0..<count).first { x[$0].isNaN }
  }

  /// Four rows at a time, in order, so that memory is read as it lies.
  static func addColumnSums(
    _ x: UnsafePointer<S>, rows: Int, columns: Int, stride: Int, to sums: UnsafeMutablePointer<S>
  ) {
    var row = 0
    while row &+ 4 <= rows {
      let start = x + row &* stride
      L.forEach(columns) { j, lanes in
        let pair = L.load(start, j, lanes) + L.load(start + stride, j, lanes)
        let next = L.load(start + 2 &* stride, j, lanes) + L.load(start + 3 &* stride, j, lanes)
        L.store(L.load(sums, j, lanes) + (pair + next), sums, j, lanes)
      }
      row &+= 4
    }
    while row < rows {
      add(x + row &* stride, to: sums, count: columns)
      row &+= 1
    }
  }

  /// Four rows at a time, each sum in a register.
  static func addWeightedRows(
    _ x: UnsafePointer<S>, rows: Int, columns: Int, stride: Int, weights: UnsafePointer<S>, weightStride: Int,
    to sums: UnsafeMutablePointer<S>
  ) {
    var row = 0
    while row < rows {
      let count = min(4, rows &- row)
      L.forEach(columns) { j, lanes in
        var sum = L.load(sums, j, lanes)
        for r in row..<row &+ count {
          sum = M.multiplyAdd(
            sum, V(repeating: weights[r &* weightStride]), L.load(x + r &* stride, j, lanes))
        }
        L.store(sum, sums, j, lanes)
      }
      row &+= count
    }
  }

  static func add(_ x: UnsafePointer<S>, to y: UnsafeMutablePointer<S>, count: Int) {
    L.forEach(count) { j, lanes in
      L.store(L.load(y, j, lanes) + L.load(x, j, lanes), y, j, lanes)
    }
  }

  /// Each value into [-limit, limit]; NaN passes.
  @inline(__always)
  static func clamp(_ x: V, _ limit: S) -> V {
    let bounded = M.select(x, below: -limit, V(repeating: -limit), else: x)
    return M.select(-bounded, below: -limit, V(repeating: limit), else: bounded)
  }
}

/// Scans that are rare enough to be plain loops.
public enum Scans<S: Real> {
  /// Σ (min(|x|, limit) / scale)²: for a second look at values whose squares leave the range of double.
  public static func sumOfSquares(_ x: UnsafePointer<S>, count: Int, limit: S, scale: S) -> Double {
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
}
