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
  public let reason: String

  /// What counts as gone, or as exploded when inverted.
  public static var fraction: Double { 0.01 }
  /// More units than this part are too many.
  private static var mostOfUnits: Double { 0.5 }

  public init(_ level: LevelObservation) {
    rate = Self.rate(level)
    horizon = rate < 1 ? log(Self.fraction) / log(rate) : rate.isNaN ? .nan : .infinity
    (verdict, reason) = Self.judge(level, rate, horizon)
  }

  private static func rate(_ level: LevelObservation) -> Double {
    var (sum, count) = (0.0, 0)
    guard let gains = level.series(.gain, gate: 0) else { return .nan }
    for gain in gains where !gain.isNaN {
      sum += log(gain)
      count += 1
    }
    return count == 0 ? .nan : exp(sum / Double(count))
  }

  private static func judge(_ level: LevelObservation, _ rate: Double, _ horizon: Double) -> (Verdict, String)
  {
    let (kept, saturated) = (pow(rate, Double(level.steps - 1)), level.saturatedFraction)
    let flow = text(
      "each step back multiplies the gradient's norm by \(short(rate)); over \(level.steps - 1) steps \(short(kept)) of it is left"
    )
    if !level.activationsAreFinite { return (.nonFinite, "the activations are not finite") }
    if !level.gradientIsFinite { return (.nonFinite, "the gradient is not finite") }
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
