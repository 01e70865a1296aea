import CPlatform
import RNNKernels

/// How a matrix of weights begins.
public enum Initialization: Int, Sendable {
  case standard = 0
  case xavier = 1
  case orthogonal = 2
  case identity = 3
  case sparse = 4
  case keras = 5
}

/// Fills parameters, reproducibly: number j of a tensor depends on the seed, the stream and j alone.
struct Initializer<S: Scalar> {
  let generator: Philox

  /// U(-bound, bound).
  func uniform(_ values: View<S>, bound: Double) {
    for j in values.indices { values[j] = S((2 * generator.uniform(j) - 1) * bound) }
  }

  /// N(0, 1).
  func normal(_ values: View<S>) {
    for j in values.indices { values[j] = S(gaussian(j)) }
  }

  /// A matrix [rows, columns] by `method`; `standard` is U(±bound), `sparse` gets the spectral radius, if one is
  /// given. `block` tells the gates of one tensor apart.
  func matrix(
    _ values: View<S>, rows: Int, columns: Int, method: Initialization, bound: Double,
    radius: Double? = nil, block: Int = 0
  ) throws(RNNError) {
    let own = Initializer(
      generator: Philox(seed: generator.seed, stream: generator.stream &+ UInt64(block) << 32))
    switch method {
    case .standard: own.uniform(values, bound: bound)
    case .xavier, .keras: own.uniform(values, bound: (6 / Double(rows + columns)).squareRoot())
    case .orthogonal: try own.orthogonal(values, rows: rows, columns: columns)
    case .sparse: try own.sparse(values, rows: rows, columns: columns, radius: radius)
    case .identity:
      values.clear()
      for j in 0..<min(rows, columns) { values[j * columns + j] = 1 }
    }
  }

  /// Box and Muller 1958.
  func gaussian(_ j: Int) -> Double {
    let radius = (-2 * log(1 - generator.uniform(2 * j))).squareRoot()
    return radius * cos(2 * .pi * generator.uniform(2 * j + 1))
  }

  /// Orthonormal rows or columns, whichever are fewer: Q of a Gaussian matrix, its columns multiplied by the
  /// signs of R's diagonal so that Q is uniformly distributed. Saxe, McClelland and Ganguli 2014.
  private func orthogonal(_ values: View<S>, rows: Int, columns: Int) throws(RNNError) {
    let (long, short) = (max(rows, columns), min(rows, columns))
    let (q, factors) = (
      try Buffer<Double>(count: Size.product(long, short)), try QR(long: long, short: short)
    )
    for j in q.values.indices { q.values[j] = gaussian(j) }
    factors.orthonormalize(q.values)
    withExtendedLifetime((q, factors)) {
      for i in 0..<rows {
        for j in 0..<columns {
          let (row, column) = rows >= columns ? (i, j) : (j, i)
          let sign = factors.diagonal.values[column] < 0 ? -1.0 : 1
          values[i * columns + j] = S(q.values[column * long + row] * sign)
        }
      }
    }
  }
}
