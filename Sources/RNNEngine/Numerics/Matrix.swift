import COpenBLAS
import RNNKernels

/// A scalar that BLAS multiplies matrices of.
public protocol Scalar: RecurrentKernels {
  static var dtype: DType { get }
  static func gemm(
    _ transposeA: CBLAS_TRANSPOSE, _ transposeB: CBLAS_TRANSPOSE, _ m: Int32, _ n: Int32, _ k: Int32,
    _ a: UnsafePointer<Self>, _ lda: Int32, _ b: UnsafePointer<Self>, _ ldb: Int32, _ beta: Self,
    _ c: UnsafeMutablePointer<Self>, _ ldc: Int32)
}

extension Float: Scalar {
  public static var dtype: DType { .float32 }
  public static func gemm(
    _ transposeA: CBLAS_TRANSPOSE, _ transposeB: CBLAS_TRANSPOSE, _ m: Int32, _ n: Int32, _ k: Int32,
    _ a: UnsafePointer<Float>, _ lda: Int32, _ b: UnsafePointer<Float>, _ ldb: Int32, _ beta: Float,
    _ c: UnsafeMutablePointer<Float>, _ ldc: Int32
  ) {
    cblas_sgemm(CblasRowMajor, transposeA, transposeB, m, n, k, 1, a, lda, b, ldb, beta, c, ldc)
  }
}

extension Double: Scalar {
  public static var dtype: DType { .float64 }
  public static func gemm(
    _ transposeA: CBLAS_TRANSPOSE, _ transposeB: CBLAS_TRANSPOSE, _ m: Int32, _ n: Int32, _ k: Int32,
    _ a: UnsafePointer<Double>, _ lda: Int32, _ b: UnsafePointer<Double>, _ ldb: Int32, _ beta: Double,
    _ c: UnsafeMutablePointer<Double>, _ ldc: Int32
  ) {
    cblas_dgemm(CblasRowMajor, transposeA, transposeB, m, n, k, 1, a, lda, b, ldb, beta, c, ldc)
  }
}

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
}

/// C ← A B, or C ← C + A B when `adding`.
func matmul<S: Scalar>(_ a: Matrix<S>, _ b: Matrix<S>, into c: Matrix<S>, adding: Bool = false) {
  let inner = a.isTransposed ? a.rows : a.columns
  assert((b.isTransposed ? b.columns : b.rows) == inner)
  assert(
    (a.isTransposed ? a.columns : a.rows) == c.rows && (b.isTransposed ? b.rows : b.columns) == c.columns)
  S.gemm(
    a.isTransposed ? CblasTrans : CblasNoTrans, b.isTransposed ? CblasTrans : CblasNoTrans,
    Int32(truncatingIfNeeded: c.rows), Int32(truncatingIfNeeded: c.columns), Int32(truncatingIfNeeded: inner),
    a.values.start, Int32(truncatingIfNeeded: a.stride), b.values.start, Int32(truncatingIfNeeded: b.stride),
    adding ? 1 : 0, c.values.start, Int32(truncatingIfNeeded: c.stride))
}
