import RNNKernels

/// What is counted and measured of activations and of gradients by the state.
enum ActivationStatistics {
  /// Gates below and above these count as saturated, Karpathy, Johnson and Li 2015; a tanh is a gate from -1 to 1.
  private static func saturation(isTanh: Bool) -> (low: Double, high: Double) {
    isTanh ? (-0.9, 0.9) : (0.1, 0.9)
  }

  /// Σ h, Σ h², max |h| of h [rows, width], then, of each gate [rows, size], how many are saturated low and high.
  static func add<S: Scalar>(
    outputs: UnsafePointer<S>, width: Int, gates: UnsafePointer<S>, size: Int, gateStride: Int, rows: Int,
    _ form: LevelForm, to statistics: View<Double>
  ) {
    let moments = S.kernels.moments(outputs, rows: rows, columns: width, stride: width)
    statistics[0] += moments.sum
    statistics[1] += moments.sumOfSquares
    statistics[2] = max(statistics[2], moments.maximum)
    for gate in 0..<form.gateCount {
      let range = saturation(isTanh: form.tanhGates[gate])
      let counts = S.kernels.countBeyond(
        gates + gate * size, rows: rows, columns: size, stride: gateStride, low: range.low, high: range.high)
      statistics[3 + 2 * gate] += counts.below
      statistics[4 + 2 * gate] += counts.above
    }
  }

  /// Norms of rows. Where squares leave the range of the type, one by one.
  static func measure<S: Scalar>(
    _ gradient: UnsafeMutablePointer<S>, width: Int, _ norms: View<Double>
  ) {
    S.kernels.rowSumsOfSquares(
      gradient, rows: norms.count, columns: width, stride: width, to: norms.start)
    let least = S.dtype == .float64 ? 1e-280 : 1e-30
    for row in norms.indices {
      let isInRange = norms[row].isFinite && norms[row] >= least
      norms[row] =
        isInRange ? norms[row].squareRoot() : Norms.norm(View(start: gradient + row * width, count: width))
    }
  }
}
