import CPlatform
import RNNKernels

/// How Lyapunov exponents are measured.
public struct LyapunovOptions: Sendable {
  /// Leading exponents; nil: as many as the state has numbers.
  public var count: Int?
  /// First steps that are left out: the directions settle meanwhile.
  public var warmUp = 0
  /// Steps between orthonormalisations.
  public var interval = 1

  public init() {}
}

/// Finite-time Lyapunov exponents of one sequence: how fast neighbouring states part, per step, by the natural logarithm.
public struct LyapunovSpectrum: Sendable {
  /// In the order in which the directions were orthonormalised: the largest first, but for errors.
  public let exponents: [Double]
  /// Of each: the standard error of the mean of ten parts of the time; NaN if there are fewer than ten parts.
  public let errors: [Double]
  /// Kaplan and Yorke 1979: k + Σ_{i<=k} λ_i / |λ_{k+1}|, k the most exponents whose sum is not below 0. NaN if it takes
  /// more exponents than were asked for.
  public let dimension: Double
  /// Σ of the positive exponents, Pesin 1977.
  public let entropy: Double
}

/// Benettin et al. 1980: m directions go along, are orthonormalised now and then, Q R; λ_i is the mean of ln |R_ii|.
struct LyapunovMeasurement {
  private let trajectory: Trajectory
  private let tangents: Tangents
  private let factors: QR
  private let options: LyapunovOptions
  /// ln |R_ii| of each orthonormalisation after the warm-up, and the steps it stands for.
  private var logarithms: [[Double]] = []
  private var durations: [Double] = []

  static func measure(
    _ model: Model<Double>, _ input: RowInput, _ options: LyapunovOptions
  ) throws(RNNError) -> LyapunovSpectrum {
    var measurement = try LyapunovMeasurement(model, input, options)
    try measurement.run()
    return measurement.spectrum()
  }

  private init(_ model: Model<Double>, _ input: RowInput, _ options: LyapunovOptions) throws(RNNError) {
    let (size, count) = (model.stateCountPerRow, options.count ?? model.stateCountPerRow)
    trajectory = try Trajectory(model, input)
    tangents = try Tangents(model, count: count)
    factors = try QR(long: size, short: count)
    self.options = options
    // Any directions but special ones: of this stream of random numbers.
    Initializer<Double>(generator: Philox(seed: 0, stream: 1 << 62)).normal(tangents.values.values)
    factors.orthonormalize(tangents.values.values)
  }

  private mutating func run() throws(RNNError) {
    var pushed = 0
    for t in 0..<trajectory.steps {
      trajectory.push(tangents, through: t)
      pushed += 1
      guard pushed == options.interval || t == options.warmUp - 1 || t == trajectory.steps - 1 else {
        continue
      }
      factors.orthonormalize(tangents.values.values)
      if t >= options.warmUp { note(steps: pushed) }
      pushed = 0
      guard trajectory.stateIsFinite, factors.diagonal.values.allSatisfy({ $0.isFinite }) else {
        throw RNNError(.nonFinite, "state: expected finite numbers, got others at step \(t)")
      }
    }
  }

  private mutating func note(steps: Int) {
    logarithms.append(factors.diagonal.values.map { log($0.magnitude) })
    durations.append(Double(steps))
  }

  private func spectrum() -> LyapunovSpectrum {
    let all = 0..<durations.count
    let exponents = mean(all)
    let sorted = descending(exponents).map { exponents[$0] }
    return LyapunovSpectrum(
      exponents: exponents, errors: errors(),
      dimension: Self.dimension(sorted, isWhole: exponents.count == trajectory.stateSize),
      entropy: sorted.reduce(0) { $0 + max($1, 0) })
  }

  private func mean(_ range: Range<Int>) -> [Double] {
    let duration = durations[range].reduce(0, +)
    return (0..<tangents.count).map { index in
      logarithms[range].reduce(0) { $0 + $1[index] } / duration
    }
  }

  private func errors() -> [Double] {
    let parts = 10
    guard durations.count >= parts else { return [Double](repeating: .nan, count: tangents.count) }
    let means = (0..<parts).map { part in
      mean(part * durations.count / parts..<(part + 1) * durations.count / parts)
    }
    return (0..<tangents.count).map { index in
      let average = means.reduce(0) { $0 + $1[index] } / Double(parts)
      let squares = means.reduce(0) { $0 + ($1[index] - average) * ($1[index] - average) }
      return (squares / Double(parts * (parts - 1))).squareRoot()
    }
  }

  private static func dimension(_ exponents: [Double], isWhole: Bool) -> Double {
    var sum = 0.0
    for (index, exponent) in exponents.enumerated() {
      if sum + exponent < 0 { return Double(index) + (exponent == -.infinity ? 0 : sum / exponent.magnitude) }
      sum += exponent
    }
    return isWhole ? Double(exponents.count) : .nan
  }
}
