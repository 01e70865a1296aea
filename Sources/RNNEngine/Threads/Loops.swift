import CPlatform
import RNNKernels

// Loops over flat buffers, shared among threads. Every sum runs in one order, whoever computes its parts.

/// Calls `body` with parts of 0 ..< count, for threads to share. `work` is what one vector of elements costs in vector
/// operations; to wait for memory costs 8.
@inline(never)
func forEachPart(of count: Int, work: Int, _ body: (Range<Int>) -> Void) {
  let block = 1024
  ThreadPool.split((count + block - 1) / block, work: block / 16 * work) { part in
    body(part.lowerBound * block..<min(part.upperBound * block, count))
  }
}

/// x ← 0.
func clear<S: Scalar>(_ x: View<S>) {
  forEachPart(of: x.count, work: 8) { part in x.part(part.lowerBound, part.count).clear() }
}

/// target ← source.
func copy<S: Scalar>(_ source: View<S>, to target: View<S>) {
  forEachPart(of: source.count, work: 16) { part in
    target.part(part.lowerBound, part.count).copy(from: source.start + part.lowerBound)
  }
}

/// Σ min(|x|, limit)², in double: block by block, then the blocks in order. `partials` holds one number for each.
func sumOfSquares<S: Scalar>(_ x: View<S>, limit: S, partials: View<Double>) -> Double {
  let block = sumBlock
  let blocks = (x.count + block - 1) / block
  ThreadPool.split(blocks, work: block / 8) { part in
    for index in part {
      let values = x.part(index * block, min(block, x.count - index * block))
      partials[index] = S.kernels.sumOfSquares(values.start, count: values.count, limit: Double(limit))
    }
  }
  var sum = 0.0
  for index in 0..<blocks { sum += partials[index] }
  return sum
}

/// Elements of one partial sum.
var sumBlock: Int { 1 << 13 }

/// sums[j] += Σ_rows x[row, j].
func addColumnSums<S: Scalar>(_ x: Matrix<S>, to sums: UnsafeMutablePointer<S>) {
  let unit = Blocking.unit
  ThreadPool.split((x.columns + unit - 1) / unit, work: x.rows * unit / 2) { part in
    let first = part.lowerBound * unit
    S.kernels.addColumnSums(
      x.values.start + first, rows: x.rows, columns: min(part.upperBound * unit, x.columns) - first,
      stride: x.stride, to: sums + first)
  }
}

/// sums[j] += Σ_rows weights[row] x[row, j], where weights are `weightStride` elements apart.
func addWeightedRows<S: Scalar>(
  _ x: Matrix<S>, weights: UnsafePointer<S>, weightStride: Int, to sums: UnsafeMutablePointer<S>
) {
  let unit = Blocking.unit
  ThreadPool.split((x.columns + unit - 1) / unit, work: x.rows * unit / 2) { part in
    let first = part.lowerBound * unit
    S.kernels.addWeightedRows(
      x.values.start + first, rows: x.rows, columns: min(part.upperBound * unit, x.columns) - first,
      stride: x.stride, weights: weights, weightStride: weightStride, to: sums + first)
  }
}

/// Whether any number is NaN.
func containsNaN<S: Scalar>(_ x: View<S>) -> Bool {
  var found: UInt64 = 0
  withUnsafeMutablePointer(to: &found) { found in
    forEachPart(of: x.count, work: 8) { part in
      if S.kernels.firstNaN(x.start + part.lowerBound, count: part.count) != nil {
        platform_store_uint64(found, 1)
      }
    }
  }
  return found != 0
}
