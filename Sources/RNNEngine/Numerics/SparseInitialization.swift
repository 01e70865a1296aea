import RNNKernels

/// Sparse matrices: each row has 15 numbers of N(0, 1), or as many as it is long, at random places. Martens 2010;
/// Sutskever, Martens, Dahl and Hinton 2013.
extension Initializer {
  private static var connections: Int { 15 }

  /// Scaled to a spectral radius, if one is given. Jaeger 2001.
  func sparse(_ values: View<S>, rows: Int, columns: Int, radius: Double?) throws(RNNError) {
    let matrix = try Buffer<Double>(count: Size.product(rows, columns))
    try draw(matrix.values, rows, columns)
    let scale = try radius.map { radius throws(RNNError) in try radius / ownRadius(matrix.values, rows) } ?? 1
    for j in values.indices { values[j] = S(matrix.values[j] * scale) }
  }

  /// The places of a row are the first of a list of all that goes on being shuffled.
  private func draw(_ matrix: View<Double>, _ rows: Int, _ columns: Int) throws(RNNError) {
    let places = try Buffer<Int>(count: columns)
    let (order, count) = (places.values, min(Self.connections, columns))
    for j in order.indices { order[j] = j }
    for row in 0..<rows {
      for j in 0..<count {
        let number = row * count + j
        let other = j + Int(generator.uniform(2 * rows * count + number) * Double(columns - j))
        order.swapAt(j, other)
        matrix[row * columns + order[j]] = gaussian(number)
      }
    }
  }

  /// The spectral radius of a square matrix.
  private func ownRadius(_ matrix: View<Double>, _ size: Int) throws(RNNError) -> Double {
    let pairs = try Buffer<Double>(count: Size.product(2, size))
    guard let radius = try eigenvalues(matrix, size, to: pairs.values), radius > 0 else {
      throw RNNError(
        .nonFinite, "recurrent_init: expected a matrix with a spectral radius > 0, got one without")
    }
    return radius
  }
}
