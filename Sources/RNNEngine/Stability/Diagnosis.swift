import CPlatform

/// What an observed step says of the gradient's way through one stacked recurrent layer.
public struct Diagnosis: Sendable {
  /// Raw values are those of `rnn_verdict`.
  public enum Verdict: Int, Sendable {
    case healthy = 0
    case vanishing = 1
    case exploding = 2
    case saturated = 3
    case dead = 4
    case nonFinite = 5
  }

  public let verdict: Verdict
  /// γ: the geometric mean of the gains, by which the gradient's norm is multiplied in each step back. NaN: there is no
  /// step back.
  public let rate: Double
  /// How many steps back the gradient keeps `fraction` of its norm: ln(fraction) / ln(γ); infinite if γ >= 1.
  public let horizon: Double
  /// Of g, n or h: |tanh| > 0.9, mean over the steps. 0 if there is no tanh.
  public let saturatedFraction: Double
  public let reason: String

  /// What counts as gone, or as exploded when inverted.
  public static var fraction: Double { 0.01 }
  /// More units than this part are too many.
  private static var mostOfUnits: Double { 0.5 }

  public init(_ level: LevelObservation) {
    rate = Self.rate(level)
    horizon = rate < 1 ? log(Self.fraction) / log(rate) : rate.isNaN ? .nan : .infinity
    saturatedFraction = Self.saturation(level)
    (verdict, reason) = Self.judge(level, rate, horizon, saturatedFraction)
  }

  private static func rate(_ level: LevelObservation) -> Double {
    var (sum, count) = (0.0, 0)
    for gain in level.series(.gain, gate: 0) ?? [] where !gain.isNaN {
      sum += log(gain)
      count += 1
    }
    return count == 0 ? .nan : exp(sum / Double(count))
  }

  private static func saturation(_ level: LevelObservation) -> Double {
    guard let gate = level.tanhGate else { return 0 }
    var (sum, count) = (0.0, 0)
    for series in [FlowSeries.gateLow, .gateHigh] {
      for fraction in level.series(series, gate: gate) ?? [] where !fraction.isNaN {
        sum += fraction
        count += 1
      }
    }
    return count == 0 ? 0 : 2 * sum / Double(count)
  }

  private static func judge(
    _ level: LevelObservation, _ rate: Double, _ horizon: Double, _ saturated: Double
  ) -> (Verdict, String) {
    let steps = Double(level.steps - 1)
    let kept = pow(rate, steps)
    let flow = text(
      "each step back multiplies the gradient's norm by \(short(rate)); over \(level.steps - 1) steps \(short(kept)) of it is left"
    )
    for norm in level.series(.gradOutputMax, gate: 0) ?? [] where !norm.isFinite && !norm.isNaN {
      return (.nonFinite, "the gradient is not finite")
    }
    if level.series(.gradOutputMean, gate: 0)?.contains(where: { $0.isNaN }) ?? false,
      level.series(.outputMean, gate: 0)?.contains(where: { !$0.isFinite }) ?? false
    {
      return (.nonFinite, "the activations are not finite")
    }
    if level.deadFraction > mostOfUnits {
      return (.dead, text("\(short(100 * level.deadFraction)) % of the units stay at zero at every step"))
    }
    if saturated > mostOfUnits {
      return (
        .saturated, text("\(short(100 * saturated)) % of the tanh activations are beyond 0.9; \(flow)")
      )
    }
    if kept < fraction {
      return (.vanishing, text("\(flow), and \(short(horizon)) steps leave a hundredth"))
    }
    if kept > 1 / fraction { return (.exploding, flow) }
    return (.healthy, rate.isNaN ? "there is no step back to judge by" : flow)
  }

  /// Three digits.
  private static func short(_ value: Double) -> String {
    guard value.isFinite, value != 0 else { return text("\(value)") }
    let exponent = Int(floor(log10(value.magnitude)))
    if exponent < -3 || exponent > 5 {
      let mantissa = value / pow(10, Double(exponent))
      return text("\((mantissa * 100).rounded() / 100)e\(exponent)")
    }
    let scale = pow(10, Double(max(2 - exponent, 0)))
    return text("\((value * scale).rounded() / scale)")
  }
}
