import COpenBLAS
import CPlatform

/// The places of numbers, the largest first and of equal ones the first. By insertion: there are few, and it is little code.
func descending(_ numbers: [Double]) -> [Int] {
  var order: [Int] = []
  order.reserveCapacity(numbers.count)
  for place in numbers.indices {
    var index = order.count
    order.append(place)
    while index > 0 && numbers[order[index - 1]] < numbers[place] {
      order[index] = order[index - 1]
      index -= 1
    }
    order[index] = place
  }
  return order
}

/// Eigenvalues and norm of a square matrix.
public struct Spectrum: Sendable {
  /// Real parts, then imaginary parts; the largest magnitude first.
  public let eigenvalues: [(real: Double, imaginary: Double)]
  /// max |λ|.
  public let radius: Double
  /// The largest singular value.
  public let norm: Double

  /// Of a matrix [size, size], by LAPACK. nil: it does not converge.
  init?(_ matrix: View<Double>, size: Int) throws(RNNError) {
    // Column-major the matrix is its transpose, which has the same eigenvalues and singular values.
    guard let values = try Self.eigenvalues(matrix, size), let largest = try Self.norm(matrix, size) else {
      return nil
    }
    let magnitudes = values.map { hypot($0.real, $0.imaginary) }
    let order = descending(magnitudes)
    eigenvalues = order.map { values[$0] }
    radius = order.first.map { magnitudes[$0] } ?? 0
    norm = largest
  }

  private static func eigenvalues(
    _ matrix: View<Double>, _ size: Int
  ) throws(RNNError) -> [(real: Double, imaginary: Double)]? {
    let copy = try Buffer<Double>(count: size * size)
    copy.values.copy(from: matrix.start)
    let parts = try Buffer<Double>(count: 2 * size)
    let work = try Buffer<Double>(count: Size.product(size, 16))
    var (n, workSize, info, one) = (Int32(size), Int32(size * 16), Int32(0), Int32(1))
    var none = CChar(bitPattern: UInt8(ascii: "N"))
    dgeev_(
      &none, &none, &n, copy.values.start, &n, parts.values.start, parts.values.start + size, nil, &one, nil,
      &one, work.values.start, &workSize, &info)
    guard info == 0 else { return nil }
    return (0..<size).map { (parts.values[$0], parts.values[size + $0]) }
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
