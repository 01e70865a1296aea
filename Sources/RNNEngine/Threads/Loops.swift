import CPlatform
import RNNKernels

// Loops over flat buffers, shared among threads. Every sum runs in one order, whoever computes its parts.

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
  ThreadPool.split((x.columns + unit - 1) / unit, work: x.rows * unit / 8) { part in
    let first = part.lowerBound * unit
    S.kernels.addColumnSums(
      x.values.start + first, rows: x.rows, columns: min(part.upperBound * unit, x.columns) - first,
      stride: x.stride, to: sums + first)
  }
}

/// Whether any number is NaN.
func containsNaN<S: Scalar>(_ x: View<S>) -> Bool {
  var found: UInt64 = 0
  withUnsafeMutablePointer(to: &found) { found in
    ThreadPool.split(x.count, work: 1) { part in
      if S.kernels.firstNaN(x.start + part.lowerBound, count: part.count) != nil {
        platform_store_uint64(found, 1)
      }
    }
  }
  return found != 0
}
