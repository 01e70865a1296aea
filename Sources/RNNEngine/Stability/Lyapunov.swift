import CPlatform
import RNNKernels

/// How Lyapunov exponents are measured, and where they go.
public struct LyapunovOptions {
  /// Leading exponents; nil: as many as the state has numbers.
  public var count: Int?
  /// First steps that are left out: the directions settle meanwhile.
  public var warmUp = 0
  /// Steps between orthonormalisations.
  public var interval = 1
  /// [B, m], and optionally [B, m], [B], [B]. `LyapunovOutput` says of what.
  public var exponents: RawBuffer
  public var errors: RawBuffer
  public var dimension: RawBuffer
  public var entropy: RawBuffer

  public init(exponents: RawBuffer, errors: RawBuffer, dimension: RawBuffer, entropy: RawBuffer) {
    (self.exponents, self.errors) = (exponents, errors)
    (self.dimension, self.entropy) = (dimension, entropy)
  }
}

/// Where the measurements of one sequence go: finite-time Lyapunov exponents, how fast neighbouring states part, per step
/// and by the natural logarithm.
struct LyapunovOutput {
  /// [m], in the order in which the directions are orthonormalised: the largest first, but for errors.
  let exponents: View<Double>
  /// [m]: the standard error of the mean of ten parts of the time; NaN if there are fewer.
  let errors: View<Double>?
  /// Kaplan and Yorke 1979: k + Σ_{i<=k} λ_i / |λ_{k+1}|, k the most exponents whose sum is not below 0. NaN if it takes
  /// more exponents than were asked for.
  let dimension: UnsafeMutablePointer<Double>?
  /// Σ of the positive exponents, Pesin 1977.
  let entropy: UnsafeMutablePointer<Double>?
}

/// Benettin et al. 1980: m directions go along, are orthonormalised now and then, Q R; λ_i is the mean of ln |R_ii|.
struct LyapunovMeasurement {
  let trajectory: Trajectory
  let tangents: Tangents
  private let factors: QR
  private let options: LyapunovOptions
  /// Of each part of the time: Σ ln |R_ii|, [parts, m], and its steps.
  private let sums: Buffer<Double>
  private let durations: Buffer<Double>

  private static var parts: Int { 10 }

  /// `isTaped`: whether `run` may be given a tape, to be gone back through afterwards.
  init(
    _ model: Model<Double>, _ input: RowInput, _ options: LyapunovOptions, isTaped: Bool = false
  ) throws(RNNError) {
    let (size, count) = (model.stateCountPerRow, options.count ?? model.stateCountPerRow)
    trajectory = isTaped ? try Trajectory(model, input, longest: input.steps) : try Trajectory(model, input)
    tangents = try Tangents(trajectory.stages, count: count, keepsSums: isTaped)
    factors = try QR(long: size, short: count)
    sums = try Buffer(count: Size.product(Self.parts, count))
    durations = try Buffer(count: Self.parts)
    self.options = options
    // Any directions but special ones: of this stream of random numbers.
    Initializer<Double>(generator: Philox(seed: 0, stream: 1 << 62)).normal(tangents.values.values)
    factors.orthonormalize(tangents.values.values)
  }

  func run(_ output: LyapunovOutput, _ tape: TangentTape? = nil) throws(RNNError) {
    var pushed = 0
    for t in 0..<trajectory.steps {
      tape?.keep(tangents, before: t)
      trajectory.push(tangents, through: t)
      pushed += 1
      guard pushed == options.interval || t == options.warmUp - 1 || t == trajectory.steps - 1 else {
        continue
      }
      factors.orthonormalize(tangents.values.values, triangle: tape?.makeTriangle(after: t))
      try check(t, steps: pushed)
      if t >= options.warmUp { note(t, steps: pushed) }
      pushed = 0
    }
    tape?.keep(tangents, before: trajectory.steps)
    write(output)
  }

  /// A direction that is lost in one step has an exponent of -infinity. In many it may only have been overgrown.
  private func check(_ t: Int, steps: Int) throws(RNNError) {
    try trajectory.checkState(through: t)
    let diagonal = factors.diagonal.values
    if steps > 1 && !diagonal.allSatisfy({ $0.isFinite && $0 != 0 }) {
      throw RNNError(
        .argument,
        "interval: expected so few steps that the directions stay apart, got \(steps) up to step \(t)")
    }
    if !diagonal.allSatisfy({ $0.isFinite }) {
      throw RNNError(.nonFinite, "derivatives: expected finite numbers, got others at step \(t)")
    }
  }

  /// The parts are as long as one another but for a step.
  private func note(_ t: Int, steps: Int) {
    let part = (t - options.warmUp) * Self.parts / (trajectory.steps - options.warmUp)
    for j in 0..<tangents.count {
      sums.values[part * tangents.count + j] += log(factors.diagonal.values[j].magnitude)
    }
    durations.values[part] += Double(steps)
  }

  private func write(_ output: LyapunovOutput) {
    let duration = durations.values.reduce(0, +)
    for j in 0..<tangents.count {
      var sum = 0.0
      for part in 0..<Self.parts { sum += sums.values[part * tangents.count + j] }
      output.exponents[j] = sum / duration
      output.errors?[j] = error(j)
    }
    let sorted = descending(output.exponents.map { $0 }).map { output.exponents[$0] }
    output.dimension?.pointee = Self.dimension(sorted, isWhole: tangents.count == tangents.size)
    output.entropy?.pointee = sorted.reduce(0) { $0 + max($1, 0) }
  }

  /// Of the mean of the parts; NaN if one has no steps.
  private func error(_ j: Int) -> Double {
    let parts = Double(Self.parts)
    func rate(_ part: Int) -> Double { sums.values[part * tangents.count + j] / durations.values[part] }
    let mean = (0..<Self.parts).reduce(0) { $0 + rate($1) } / parts
    let squares = (0..<Self.parts).reduce(0) { $0 + (rate($1) - mean) * (rate($1) - mean) }
    return (squares / (parts * (parts - 1))).squareRoot()
  }

  private static func dimension(_ exponents: [Double], isWhole: Bool) -> Double {
    var sum = 0.0
    for (index, exponent) in exponents.enumerated() {
      if sum + exponent < 0 { return Double(index) + sum / exponent.magnitude }
      sum += exponent
    }
    return isWhole ? Double(exponents.count) : .nan
  }
}
