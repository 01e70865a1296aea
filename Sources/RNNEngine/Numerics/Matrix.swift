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
  /// Our kernel where it is the faster one, which is all but the products of very few rows.
  case automatic = 0
  case kernels = 1
  case blas = 2

  /// LIBRNN_PRODUCTS in the environment: "kernels" or "blas"; otherwise `automatic`.
  static var chosen: ProductMethod { ProductMethod(rawValue: platform_product_method()) ?? .automatic }

  /// Below so many rows packing B costs more than it saves: docs/performance.md has the table.
  private static var fewestRows: Int { 4 }

  fileprivate func usesKernels(rows: Int) -> Bool {
    self == .kernels || self == .automatic && rows >= Self.fewestRows
  }
}

/// C ← start + A B. `scratch` has room for `matmulScratch` of this product.
func matmul<S: Scalar>(
  _ a: Matrix<S>, _ b: Matrix<S>, into c: Matrix<S>, from start: ProductStart<S> = .zero, scratch: View<S>
) {
  let depth = a.isTransposed ? a.rows : a.columns
  assert((b.isTransposed ? b.columns : b.rows) == depth)
  assert(
    (a.isTransposed ? a.columns : a.rows) == c.rows && (b.isTransposed ? b.rows : b.columns) == c.columns)
  guard ProductMethod.chosen.usesKernels(rows: c.rows) else {
    return matmulByBLAS(a, b, into: c, from: start, depth: depth)
  }
  let (kernels, unit, byRows) = (S.kernels, Blocking.unit, isSharedByRows(c))
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
    kernels.multiply(
      ProductCall(
        rows: rows.count, columns: columns.count, depth: depth,
        a: a.values.start + rows.lowerBound * a.rowStride, aRowStride: a.rowStride,
        aDepthStride: a.columnStride, b: b.values.start + columns.lowerBound * b.columnStride,
        bDepthStride: b.rowStride, bColumnStride: b.columnStride, c: place, cRowStride: c.stride,
        start: from, startRowStride: fromStride, scratch: scratch))
  }
}

/// Threads share the columns of C where that is fair, for then each packs but its own part of B; otherwise its rows.
/// Each element is computed by one of them, as it would be by any.
private func isSharedByRows<S: Scalar>(_ c: Matrix<S>) -> Bool {
  let share = Blocking.unit * ThreadPool.threadCount
  return c.columns % share != 0 && c.columns < 4 * share
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
