import COpenBLAS
import RNNKernels

/// QR factors of column-major matrices of one size [long, short], long >= short, by LAPACK.
final class QR {
  /// Of R, as the last factoring left it: 0 where a column was the sum of those before it but for rounding.
  let diagonal: Buffer<Double>
  private let long: Int
  private let short: Int
  private let factors: Buffer<Double>
  private let work: Buffer<Double>
  /// Of the columns.
  private let norms: Buffer<Double>

  init(long: Int, short: Int) throws(RNNError) {
    (self.long, self.short) = (long, short)
    diagonal = try Buffer(count: short)
    norms = try Buffer(count: short)
    factors = try Buffer(count: short)
    work = try Buffer(count: Size.product(short, 64))
  }

  /// Replaces the matrix by its Q. `triangle`, if it is given, gets R, column-major [short, short], and whatever below.
  func orthonormalize(_ a: View<Double>, triangle: View<Double>? = nil) {
    var (m, n) = (Int32(truncatingIfNeeded: long), Int32(truncatingIfNeeded: short))
    var (workSize, info) = (Int32(truncatingIfNeeded: work.values.count), Int32(0))
    for j in 0..<short { norms.values[j] = Norms.norm(a.part(j * long, long)) }
    dgeqrf_(&m, &n, a.start, &m, factors.values.start, work.values.start, &workSize, &info)
    let rounding = Double(long) * Double.ulpOfOne
    for j in 0..<short {
      if a[j * long + j].magnitude <= rounding * norms.values[j] { a[j * long + j] = 0 }
      diagonal.values[j] = a[j * long + j]
      triangle?.part(j * short, short).copy(from: a.start + j * long)
    }
    dorgqr_(&m, &n, &n, a.start, &m, factors.values.start, work.values.start, &workSize, &info)
  }
}

/// The way back through A = Q R, for functions of Q and of the ln |R_ii|: Walter and Lehmann 2013.
///
///     Ā = (Q̄ + Q S) R⁻ᵀ,  S symmetric with the lower triangle of R R̄ᵀ - Q̄ᵀ Q,
///
/// where R R̄ᵀ has the derivatives by ln |R_ii| on its diagonal and nothing below.
final class QRCotangents {
  private let long: Int
  private let short: Int
  /// S.
  private let symmetric: Buffer<Double>
  private let scratch: Buffer<Double>

  init(long: Int, short: Int) throws(RNNError) {
    (self.long, self.short) = (long, short)
    symmetric = try Buffer(count: Size.product(short, short))
    scratch = try Buffer(count: matmulScratch(columns: max(long, short), depth: max(long, short)))
  }

  /// Q̄ becomes Ā. Column-major, as all here: read by rows, they are the transposes.
  func pull(_ cotangent: View<Double>, q: View<Double>, triangle: View<Double>, logarithms: View<Double>?) {
    let (qBar, q) = (Matrix(cotangent, rows: short, columns: long), Matrix(q, rows: short, columns: long))
    let s = Matrix(symmetric.values, rows: short, columns: short)
    matmul(qBar, q.transposed, into: s, scratch: scratch.values)
    for i in 0..<short {
      for j in 0..<i {
        s.values[i * short + j] *= -1
        s.values[j * short + i] = s.values[i * short + j]
      }
      s.values[i * short + i] = (logarithms?[i] ?? 0) - s.values[i * short + i]
    }
    matmul(s, q, into: qBar, from: .current, scratch: scratch.values)
    cblas_dtrsm(
      CblasColMajor, CblasRight, CblasUpper, CblasTrans, CblasNonUnit, Int32(truncatingIfNeeded: long),
      Int32(truncatingIfNeeded: short), 1, triangle.start, Int32(truncatingIfNeeded: short), cotangent.start,
      Int32(truncatingIfNeeded: long))
  }
}
