import COpenBLAS

/// QR factors of column-major matrices of one size [long, short], long >= short, by LAPACK.
final class QR {
  /// Of R, as the last factoring left it.
  let diagonal: Buffer<Double>
  private let long: Int
  private let short: Int
  private let factors: Buffer<Double>
  private let work: Buffer<Double>

  init(long: Int, short: Int) throws(RNNError) {
    (self.long, self.short) = (long, short)
    diagonal = try Buffer(count: short)
    factors = try Buffer(count: short)
    work = try Buffer(count: Size.product(short, 64))
  }

  /// Replaces the matrix by its Q.
  func orthonormalize(_ a: View<Double>) {
    var (m, n) = (Int32(truncatingIfNeeded: long), Int32(truncatingIfNeeded: short))
    var (workSize, info) = (Int32(truncatingIfNeeded: work.values.count), Int32(0))
    dgeqrf_(&m, &n, a.start, &m, factors.values.start, work.values.start, &workSize, &info)
    for j in 0..<short { diagonal.values[j] = a[j * long + j] }
    dorgqr_(&m, &n, &n, a.start, &m, factors.values.start, work.values.start, &workSize, &info)
  }
}
