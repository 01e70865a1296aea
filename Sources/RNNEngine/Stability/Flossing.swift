import RNNKernels

/// Gradient flossing, Engelken 2023: F = 1/m Σ λ_i² of the m leading Lyapunov exponents of one sequence. Where F is
/// small, gradients keep their norm over its length in m directions. Its derivatives by the parameters go back through
/// the QR factors, through the tangents and through the states on which their Jacobians depend.
struct Flossing {
  private let measurement: LyapunovMeasurement
  private let tape: TangentTape
  private let cotangents: Cotangents
  private let factors: QRCotangents
  private let warmUp: Int
  /// ∂F/∂ln |R_ii| of each step after the first `warmUp`.
  private let weights: Buffer<Double>

  private var tangents: Tangents { measurement.tangents }

  init(_ model: Model<Double>, _ input: RowInput, _ options: LyapunovOptions) throws(RNNError) {
    measurement = try LyapunovMeasurement(model, input, options, isTaped: true)
    warmUp = options.warmUp
    tape = try TangentTape(measurement.tangents, steps: input.steps)
    cotangents = try Cotangents(measurement.trajectory, measurement.tangents)
    factors = try QRCotangents(long: measurement.tangents.size, short: measurement.tangents.count)
    weights = try Buffer(count: measurement.tangents.count)
  }

  /// Returns F, and adds its gradient times `scale`.
  func run(_ output: LyapunovOutput, scale: Double, addingTo gradient: View<Double>) throws(RNNError)
    -> Double
  {
    try measurement.run(output, tape)
    let (count, steps) = (Double(tangents.count), measurement.trajectory.steps)
    // λ_i is the mean of ln |R_ii| over the steps.
    for (i, exponent) in output.exponents.enumerated() {
      weights.values[i] = scale * 2 * exponent / (count * Double(steps - warmUp))
    }
    for t in (0..<steps).reversed() { goBack(through: t, gradient) }
    return output.exponents.reduce(0) { $0 + $1 * $1 } / count
  }

  private func goBack(through t: Int, _ gradient: View<Double>) {
    tangents.values.values.copy(from: tape[t].start)
    measurement.trajectory.push(tangents, through: t)
    if let triangle = tape.triangle(after: t) {
      factors.pull(
        cotangents.ofTangents, q: tape[t + 1], triangle: triangle,
        logarithms: t >= warmUp ? weights.values : nil)
    }
    cotangents.pull(through: t, measurement.trajectory, from: tape[t], to: gradient)
  }
}
