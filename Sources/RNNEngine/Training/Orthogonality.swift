import RNNKernels

/// The penalty β Σ ‖WᵀW - 1‖² over the recurrent matrices, gate by gate: 0 if they keep all norms. Its gradient is
/// 4β W (WᵀW - 1). Vorontsov et al. 2017 and others.
final class Orthogonality<S: Scalar> {
  private let weight: Double
  /// First element, and H, of each matrix within flat parameters.
  private let matrices: [(start: Int, size: Int)]
  /// WᵀW - 1, and scratch of products.
  private let gram: Buffer<S>
  private let scratch: Buffer<S>

  init(_ model: Model<S>, weight: Double) throws(RNNError) {
    self.weight = weight
    var (matrices, largest) = ([(start: Int, size: Int)](), 0)
    for block in model.recurrentMatrices {
      matrices.append((block.start, block.size))
      largest = max(largest, block.size)
    }
    self.matrices = matrices
    gram = try Buffer(count: Size.product(largest, largest))
    scratch = try Buffer(count: matmulScratch(columns: largest, depth: largest))
  }

  /// The penalty; its gradient is added to a flat one.
  func add(_ parameters: View<S>, to gradient: View<S>) -> Double {
    matrices.reduce(0) { $0 + add($1.size, parameters, gradient, from: $1.start) }
  }

  private func add(_ size: Int, _ parameters: View<S>, _ gradient: View<S>, from start: Int) -> Double {
    let w = Matrix(parameters.part(start, size * size), rows: size, columns: size)
    let product = Matrix(gram.values.part(0, size * size), rows: size, columns: size)
    matmul(w.transposed, w, into: product, scratch: scratch.values)
    for j in 0..<size { product.values[j * size + j] -= 1 }
    let penalty = S.kernels.sumOfSquares(product.values.start, count: size * size, limit: .infinity)
    for j in product.values.indices { product.values[j] *= S(4 * weight) }
    matmul(
      w, product, into: Matrix(gradient.part(start, size * size), rows: size, columns: size), from: .current,
      scratch: scratch.values)
    return weight * penalty
  }
}
