import CPlatform
import RNNKernels

/// Euclidean norms in double, without overflow, summed in one order.
enum Norms {
  /// Partial sums that `count` numbers need.
  static func partialCount(_ count: Int) -> Int { (count + sumBlock - 1) / sumBlock }

  /// √Σ min(|x|, limit)², shared among threads. `partials` holds `partialCount` numbers.
  static func norm<S: Scalar>(_ x: View<S>, limit: S, partials: View<Double>) -> Double {
    norm(x, limit, squares: sumOfSquares(x, limit: limit, partials: partials))
  }

  /// The same of a few numbers, by this thread alone.
  static func norm<S: Scalar>(_ x: View<S>, limit: S = .infinity) -> Double {
    norm(x, limit, squares: S.kernels.sumOfSquares(x.start, count: x.count, limit: Double(limit)))
  }

  /// Where squares leave the range of double, a second look with a scale.
  private static func norm<S: Scalar>(_ x: View<S>, _ limit: S, squares: Double) -> Double {
    if squares.isFinite && squares > 1e-280 { return squares.squareRoot() }
    let largest = Scans<S>.maximumMagnitude(x.start, count: x.count)
    if largest == 0 || !largest.isFinite { return Double(largest) }
    let scale = min(largest, limit)
    return Double(scale)
      * Scans<S>.sumOfSquares(x.start, count: x.count, limit: limit, scale: scale).squareRoot()
  }
}
