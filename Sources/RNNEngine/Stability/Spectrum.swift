import COpenBLAS
import CPlatform

/// Eigenvalues and norm of a square matrix.
public struct Spectrum {
  /// [n, 2]: real and imaginary parts, the largest magnitude first.
  public let eigenvalues: Buffer<Double>
  /// max |λ|.
  public let radius: Double
  /// The largest singular value.
  public let norm: Double

  public var size: Int { eigenvalues.values.count / 2 }

  /// Of a matrix [size, size], by LAPACK. nil: it does not converge.
  init?(_ matrix: View<Double>, size: Int) throws(RNNError) {
    // Column-major the matrix is its transpose, which has the same eigenvalues and singular values.
    eigenvalues = try Buffer(count: Size.product(2, size))
    guard let largest = try RNNEngine.eigenvalues(matrix, size, to: eigenvalues.values),
      let norm = try Self.norm(matrix, size)
    else { return nil }
    (radius, self.norm) = (largest, norm)
  }

  private static func norm(_ matrix: View<Double>, _ size: Int) throws(RNNError) -> Double? {
    let copy = try Buffer<Double>(count: size * size)
    copy.values.copy(from: matrix.start)
    let singular = try Buffer<Double>(count: size)
    let work = try Buffer<Double>(count: Size.product(size, 16))
    var (n, workSize, info, one) = (Int32(size), Int32(size * 16), Int32(0), Int32(1))
    var none = CChar(bitPattern: UInt8(ascii: "N"))
    dgesvd_(
      &none, &none, &n, &n, copy.values.start, &n, singular.values.start, nil, &one, nil, &one,
      work.values.start, &workSize, &info)
    return info == 0 ? singular.values[0] : nil
  }
}
