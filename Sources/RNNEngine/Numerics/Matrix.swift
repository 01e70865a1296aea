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

  /// The first rows of it, of a matrix that is not transposed.
  func firstRows(_ count: Int) -> Matrix {
    Matrix(values, rows: count, columns: columns, stride: stride)
  }

  /// Adds the rows of another of as many columns to the first rows of this one.
  func add(_ other: Matrix) {
    for row in 0..<other.rows {
      S.kernels.add(
        other.values.start + row * other.stride, to: values.start + row * stride, count: columns)
    }
  }

  // As the matrix is read: its sides, and elements from one row or column to the next.
  fileprivate var readRows: Int { isTransposed ? columns : rows }
  fileprivate var readColumns: Int { isTransposed ? rows : columns }
  fileprivate var rowStride: Int { isTransposed ? 1 : stride }
  fileprivate var columnStride: Int { isTransposed ? stride : 1 }

  /// Some rows and columns of it, as it is read.
  fileprivate func block(_ rows: Range<Int>, _ columns: Range<Int>) -> Matrix {
    let offset = rows.lowerBound * rowStride + columns.lowerBound * columnStride
    let (height, width) = isTransposed ? (columns.count, rows.count) : (rows.count, columns.count)
    var block = Matrix(
      values.part(offset, values.count - offset), rows: height, columns: width, stride: stride)
    block.isTransposed = isTransposed
    return block
  }
}

/// Where a product begins.
enum ProductStart<S: Scalar> {
  case zero
  /// What is already there.
  case current
  /// The same row for every row.
  case row(View<S>)

  /// The same for some columns.
  fileprivate func columns(_ columns: Range<Int>) -> ProductStart {
    if case .row(let row) = self { return .row(row.part(columns.lowerBound, columns.count)) }
    return self
  }
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
/// has been; otherwise it is packed here, block by block.
func matmul<S: Scalar>(
  _ a: Matrix<S>, _ b: Matrix<S>, packed: View<S>? = nil, into c: Matrix<S>,
  from start: ProductStart<S> = .zero, by method: ProductMethod = .chosen, scratch: View<S>
) {
  let depth = a.readColumns
  assert(b.readRows == depth && a.readRows == c.rows && b.readColumns == c.columns)
  if method == .blas { return matmulByBLAS(a, b, into: c, from: start, depth: depth) }
  if case .current = start, addAsWeightedRows(a, b, into: c) { return }
  if let packed { return multiply(a, packed: packed, into: c, from: start, scratch: scratch) }
  let panels = scratch.part(Blocking.tile, scratch.count - Blocking.tile)
  for first in stride(from: 0, to: depth, by: Blocking.depth) {
    let steps = first..<min(first + Blocking.depth, depth)
    for column in stride(from: 0, to: c.columns, by: Blocking.columns) {
      let columns = column..<min(column + Blocking.columns, c.columns)
      let (a, b, c) = (a.block(0..<c.rows, steps), b.block(steps, columns), c.block(0..<c.rows, columns))
      let start = first == 0 ? start.columns(columns) : .current
      if b.readRows * b.readColumns < packedTogether || sharesColumns(c) {
        multiplyPackingApart(a, b, into: c, from: start, scratch: scratch)
      } else {
        packMatrix(b, to: panels)
        multiply(a, packed: panels, into: c, from: start, scratch: scratch)
      }
    }
  }
}

/// From so many elements on, threads that share rows pack B together. Below, what each has packed for itself is sooner
/// in its cache.
private var packedTogether: Int { 1 << 16 }

/// Whether threads share the columns of C, where that is fair: then each packs but its part of B.
private func sharesColumns<S: Scalar>(_ c: Matrix<S>) -> Bool {
  let share = Blocking.unit * ThreadPool.threadCount
  return c.columns % share == 0 || c.columns >= 4 * share
}

/// One block, for which each thread packs what it needs of B.
private func multiplyPackingApart<S: Scalar>(
  _ a: Matrix<S>, _ b: Matrix<S>, into c: Matrix<S>, from start: ProductStart<S>, scratch: View<S>
) {
  let (kernels, depth) = (S.kernels, a.readColumns)
  forEachShare(of: c, byRows: !sharesColumns(c), depth: depth, scratch: scratch) { rows, columns, scratch in
    let panels = scratch + Blocking.tile
    kernels.packProduct(
      b.values.start + columns.lowerBound * b.columnStride, depth: depth, columns: columns.count,
      depthStride: b.rowStride, columnStride: b.columnStride, part: 0..<depth, to: panels)
    let packed = PackedColumns(panels, columns: columns.count, from: 0)
    kernels.multiply(call(a, packed, into: c, rows: rows, columns: columns, from: start, scratch: scratch))
  }
}

/// The product with B packed.
private func multiply<S: Scalar>(
  _ a: Matrix<S>, packed: View<S>, into c: Matrix<S>, from start: ProductStart<S>, scratch: View<S>
) {
  let (kernels, byRows) = (S.kernels, c.rows >= 8 * ThreadPool.threadCount)
  forEachShare(
    of: c, byRows: byRows, depth: a.readColumns, scratch: scratch.part(0, Blocking.tile)
  ) { rows, columns, scratch in
    let packed = PackedColumns(packed.start, columns: c.columns, from: columns.lowerBound)
    kernels.multiply(call(a, packed, into: c, rows: rows, columns: columns, from: start, scratch: scratch))
  }
}

/// Threads share the rows of C or its columns. Each element is computed by one of them, as it would be by any.
private func forEachShare<S: Scalar>(
  of c: Matrix<S>, byRows: Bool, depth: Int, scratch: View<S>,
  _ body: (_ rows: Range<Int>, _ columns: Range<Int>, UnsafeMutablePointer<S>) -> Void
) {
  let unit = Blocking.unit
  let count = byRows ? c.rows : (c.columns + unit - 1) / unit
  // The beginning and end of a tile cost as much as 16 steps of the depth.
  let work = max((byRows ? c.columns : c.rows * unit) / 16, 1) * (depth + 16)
  ThreadPool.split(count, work: work, scratch: scratch) { part, scratch in
    if byRows {
      body(part, 0..<c.columns, scratch)
    } else {
      body(0..<c.rows, part.lowerBound * unit..<min(part.upperBound * unit, c.columns), scratch)
    }
  }
}

/// Some rows and columns of C.
private func call<S: Scalar>(
  _ a: Matrix<S>, _ b: PackedColumns<S>, into c: Matrix<S>, rows: Range<Int>, columns: Range<Int>,
  from start: ProductStart<S>, scratch: UnsafeMutablePointer<S>
) -> ProductCall<S> {
  let place = c.values.start + rows.lowerBound * c.stride + columns.lowerBound
  let (from, fromStride): (UnsafePointer<S>?, Int) =
    switch start {
    case .zero: (nil, 0)
    case .current: (UnsafePointer(place), c.stride)
    case .row(let row): (UnsafePointer(row.start + columns.lowerBound), 0)
    }
  return ProductCall(
    rows: rows.count, columns: columns.count, depth: a.readColumns,
    a: a.values.start + rows.lowerBound * a.rowStride, aRowStride: a.rowStride, aDepthStride: a.columnStride,
    b: b, c: place, cRowStride: c.stride, start: from, startRowStride: fromStride, scratch: scratch)
}

/// A single row or column to add to is a weighted sum of rows that lie in memory as they are: nothing to pack.
@inline(never)
private func addAsWeightedRows<S: Scalar>(_ a: Matrix<S>, _ b: Matrix<S>, into c: Matrix<S>) -> Bool {
  if c.columns == 1 && c.stride == 1 && a.isTransposed {
    addWeightedRows(a.transposed, weights: b.values.start, weightStride: b.rowStride, to: c.values.start)
  } else if c.rows == 1 && !b.isTransposed {
    addWeightedRows(b, weights: a.values.start, weightStride: a.columnStride, to: c.values.start)
  } else {
    return false
  }
  return true
}

/// Packs B for all products with it. Threads share the depth.
func packMatrix<S: Scalar>(_ b: Matrix<S>, to packed: View<S>) {
  let (unit, depth, columns) = (16, b.readRows, b.readColumns)
  ThreadPool.split((depth + unit - 1) / unit, work: unit * columns / 8) { part in
    S.kernels.packProduct(
      b.values.start, depth: depth, columns: columns, depthStride: b.rowStride, columnStride: b.columnStride,
      part: part.lowerBound * unit..<min(part.upperBound * unit, depth), to: packed.start)
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
