import COpenBLAS
import CPlatform
import RNNKernels

/// A row-major matrix, or a block of columns of a wider one.
struct Matrix<S: Scalar> {
  let values: View<S>
  let rows: Int
  let columns: Int
  /// Elements from one row to the next.
  let stride: Int
  var isTransposed = false

  init(_ values: View<S>, rows: Int, columns: Int, stride: Int? = nil) {
    assert(values.count >= (rows - 1) * (stride ?? columns) + columns)
    self.values = values
    self.rows = rows
    self.columns = columns
    self.stride = stride ?? columns
  }

  /// The same numbers, to be read as the transpose.
  var transposed: Matrix {
    var copy = self
    copy.isTransposed.toggle()
    return copy
  }

  /// Elements from one row or column, as the matrix is read, to the next.
  fileprivate var rowStride: Int { isTransposed ? 1 : stride }
  fileprivate var columnStride: Int { isTransposed ? stride : 1 }
}

/// Where a product begins.
enum ProductStart<S: Scalar> {
  case zero
  /// What is already there.
  case current
  /// The same row for every row.
  case row(View<S>)
}

/// Who multiplies.
public enum ProductMethod: Int32, Sendable {
  /// Our kernels: docs/performance.md has the table that says why.
  case kernels = 1
  case blas = 2

  /// LIBRNN_PRODUCTS in the environment: "kernels" or "blas".
  static var chosen: ProductMethod { ProductMethod(rawValue: platform_product_method()) ?? .kernels }
}

/// C ← start + A B. `scratch` has room for `matmulScratch` of this product. `packed` is B packed by `packMatrix`, if it
/// has been.
func matmul<S: Scalar>(
  _ a: Matrix<S>, _ b: Matrix<S>, packed: View<S>? = nil, into c: Matrix<S>,
  from start: ProductStart<S> = .zero,
  by method: ProductMethod = .chosen, scratch: View<S>
) {
  let depth = a.isTransposed ? a.rows : a.columns
  assert((b.isTransposed ? b.columns : b.rows) == depth)
  assert(
    (a.isTransposed ? a.columns : a.rows) == c.rows && (b.isTransposed ? b.rows : b.columns) == c.columns)
  if method == .blas { return matmulByBLAS(a, b, into: c, from: start, depth: depth) }
  let (kernels, unit, byRows) = (S.kernels, Blocking.unit, isSharedByRows(c, isPacked: packed != nil))
  let count = byRows ? c.rows : (c.columns + unit - 1) / unit
  let work = (byRows ? c.columns : c.rows * unit) * depth / 16
  ThreadPool.split(count, work: work, scratch: scratch) { part, scratch in
    let rows = byRows ? part : 0..<c.rows
    let columns =
      byRows ? 0..<c.columns : part.lowerBound * unit..<min(part.upperBound * unit, c.columns)
    let place = c.values.start + rows.lowerBound * c.stride + columns.lowerBound
    let (from, fromStride): (UnsafePointer<S>?, Int) =
      switch start {
      case .zero: (nil, 0)
      case .current: (UnsafePointer(place), c.stride)
      case .row(let row): (UnsafePointer(row.start + columns.lowerBound), 0)
      }
    var call = ProductCall(
      rows: rows.count, columns: columns.count, depth: depth,
      a: a.values.start + rows.lowerBound * a.rowStride, aRowStride: a.rowStride,
      aDepthStride: a.columnStride, b: b.values.start + columns.lowerBound * b.columnStride,
      bDepthStride: b.rowStride, bColumnStride: b.columnStride, c: place, cRowStride: c.stride, start: from,
      startRowStride: fromStride, scratch: scratch)
    call.packed = packed.map { PackedColumns($0.start, columns: c.columns, from: columns.lowerBound) }
    kernels.multiply(call)
  }
}

/// Threads share the columns of C where that is fair, for then each packs but its own part of B; otherwise its rows.
/// Where B is packed they share the rows, if there are enough. Each element is computed by one of them, as it would be
/// by any.
private func isSharedByRows<S: Scalar>(_ c: Matrix<S>, isPacked: Bool) -> Bool {
  if isPacked { return c.rows >= 8 * ThreadPool.threadCount }
  let share = Blocking.unit * ThreadPool.threadCount
  return c.columns % share != 0 && c.columns < 4 * share
}

/// Packs B for all products with it.
func packMatrix<S: Scalar>(_ b: Matrix<S>, to packed: View<S>) {
  let unit = Blocking.unit
  let (depth, columns) = b.isTransposed ? (b.columns, b.rows) : (b.rows, b.columns)
  ThreadPool.split((columns + unit - 1) / unit, work: depth * unit / 8) { part in
    S.kernels.packProduct(
      b.values.start, depth: depth, columns: columns, depthStride: b.rowStride, columnStride: b.columnStride,
      part: part.lowerBound * unit..<min(part.upperBound * unit, columns), to: packed.start)
  }
}

/// Elements of scratch for a product with so many columns and steps of depth.
func matmulScratch(columns: Int, depth: Int) -> Int { Blocking.scratch(columns: columns, depth: depth) }

private func matmulByBLAS<S: Scalar>(
  _ a: Matrix<S>, _ b: Matrix<S>, into c: Matrix<S>, from start: ProductStart<S>, depth: Int
) {
  var beta: S = 1
  switch start {
  case .zero: beta = 0
  case .current: break
  case .row(let row):
    for r in 0..<c.rows { c.values.part(r * c.stride, c.columns).copy(from: row.start) }
  }
  S.gemm(
    a.isTransposed ? CblasTrans : CblasNoTrans, b.isTransposed ? CblasTrans : CblasNoTrans,
    Int32(truncatingIfNeeded: c.rows), Int32(truncatingIfNeeded: c.columns),
    Int32(truncatingIfNeeded: depth), a.values.start, Int32(truncatingIfNeeded: a.stride), b.values.start,
    Int32(truncatingIfNeeded: b.stride), beta, c.values.start, Int32(truncatingIfNeeded: c.stride))
}
