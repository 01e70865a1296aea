import CPlatform

/// How the learning rate goes from update to update: PyTorch's StepLR, CosineAnnealingLR, OneCycleLR and
/// ReduceLROnPlateau, after a linear warm-up. A function of the base rate b and of the number of updates.
public struct Schedule: Sendable {
  /// Raw values are those of `rnn_schedule`.
  public enum Kind: Int, Sendable {
    case none = 0
    case step = 1
    case cosine = 2
    case oneCycle = 3
    case plateau = 4
  }

  public var kind = Kind.none
  /// Updates with a smaller rate, before the schedule starts.
  public var warmUp = 0
  /// T: updates between reductions, or in all; of a plateau the reports that may be no better.
  public var period = 0
  public var factor = 0.1
  public var floor = 0.0
  public var divisor = 25.0
  public var finalDivisor = 1e4

  public init() {}

  func validate() throws(RNNError) {
    guard warmUp >= 0 else {
      throw RNNError(.argument, "schedule_warm_up: expected at least 0, got \(warmUp)")
    }
    let least = kind == .none || kind == .plateau ? 0 : 1
    guard period >= least else {
      throw RNNError(.argument, "schedule_period: expected at least \(least), got \(period)")
    }
    try check(factor, "schedule_factor", .part)
    try check(floor, "schedule_floor", .notNegative)
    try check(divisor, "schedule_divisor", .divisor)
    try check(finalDivisor, "schedule_final_divisor", .divisor)
  }

  /// The rate of the update that follows `updates` others, after `reductions` by reports.
  @inline(never)
  func rate(_ base: Double, updates: Int, reductions: Int) -> Double {
    let count = Double(max(updates - warmUp, 0))
    let rate = rate(base, at: count, reductions)
    return updates < warmUp ? rate * Double(updates + 1) / (Double(warmUp) + 1) : rate
  }

  private func rate(_ base: Double, at count: Double, _ reductions: Int) -> Double {
    let period = Double(period)
    switch kind {
    case .none: return base
    case .step: return base * pow(factor, (count / period).rounded(.down))
    case .cosine: return descent(from: base, to: floor, min(count / period, 1))
    case .oneCycle: return oneCycle(base, min(count, period - 1), peak: 0.3 * period - 1, last: period - 1)
    case .plateau: return max(base * pow(factor, Double(reductions)), floor)
    }
  }

  /// Smith and Topin 2018, in PyTorch's form.
  private func oneCycle(_ base: Double, _ count: Double, peak: Double, last: Double) -> Double {
    let low = base / divisor
    if count <= peak { return descent(from: low, to: base, count / peak) }
    return descent(from: base, to: low / finalDivisor, (count - peak) / (last - peak))
  }

  /// Half a cosine: part 0 gives `start`, part 1 gives `end`.
  private func descent(from start: Double, to end: Double, _ part: Double) -> Double {
    end + (start - end) / 2 * (1 + cos(Double.pi * part))
  }
}

/// What `Schedule.Kind.plateau` has been told.
struct Plateau: Sendable {
  /// nil: nothing yet.
  var best: Double?
  /// Reports in a row that were no better.
  var worse = 0
  var reductions = 0

  /// ReduceLROnPlateau with mode "min", a relative threshold of 1e-4 and no cooldown.
  mutating func report(_ metric: Double, _ schedule: Schedule, base: Double) throws(RNNError) {
    guard schedule.kind == .plateau else {
      throw RNNError(.argument, "schedule: expected RNN_SCHEDULE_PLATEAU for a metric, got another")
    }
    try check(metric, "metric", .any)
    if let best, metric >= best * (1 - 1e-4) { worse += 1 } else { (best, worse) = (metric, 0) }
    guard worse > schedule.period else { return }
    worse = 0
    // A rate that would hardly change stays.
    let (now, then) = (
      schedule.rate(base, updates: .max, reductions: reductions),
      schedule.rate(base, updates: .max, reductions: reductions + 1)
    )
    if now - then > 1e-8 { reductions += 1 }
  }
}
