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

/// Of a matrix [size, size], by LAPACK: real and imaginary parts, the largest magnitude first. Returns that; nil: no
/// convergence. Column-major the matrix is its transpose, which has the same.
func eigenvalues(
  _ matrix: View<Double>, _ size: Int, to pairs: View<Double>
) throws(RNNError) -> Double? {
  let (copy, parts) = (try Buffer<Double>(count: size * size), try Buffer<Double>(count: 2 * size))
  copy.values.copy(from: matrix.start)
  let work = try Buffer<Double>(count: Size.product(size, 16))
  var (n, workSize, info, one) = (Int32(size), Int32(size * 16), Int32(0), Int32(1))
  var none = CChar(bitPattern: UInt8(ascii: "N"))
  let (real, imaginary) = (parts.values.start, parts.values.start + size)
  dgeev_(
    &none, &none, &n, copy.values.start, &n, real, imaginary, nil, &one, nil, &one, work.values.start,
    &workSize, &info)
  guard info == 0 else { return nil }
  return withExtendedLifetime(parts) {
    let magnitudes = (0..<size).map { hypot(real[$0], imaginary[$0]) }
    for (place, index) in descending(magnitudes).enumerated() {
      (pairs[2 * place], pairs[2 * place + 1]) = (real[index], imaginary[index])
    }
    return hypot(pairs[0], pairs[1])
  }
}
