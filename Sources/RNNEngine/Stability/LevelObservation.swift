import CPlatform
import RNNKernels

/// A number for each time step. Raw values are those of `rnn_flow_series`.
public enum FlowSeries: Int, Sendable {
  case gradOutputMean = 0
  case gradOutputMax = 1
  case gradCellMean = 2
  case gradCellMax = 3
  case gain = 4
  case outputMean = 5
  case outputDeviation = 6
  case outputMax = 7
  case gateLow = 8
  case gateHigh = 9
  /// All of them, gate by gate at the end.
  case all = 10

  /// Of all gates together.
  static func count(gates: Int) -> Int { gateLow.rawValue + 2 * gates }
}

/// What an observed step saw of one stacked recurrent layer.
public final class LevelObservation {
  /// Places in the stack and in the layer.
  public let layer: Int
  public let level: Int
  public let size: Int
  public let steps: Int
  public let gateCount: Int
  public let hasCellState: Bool
  /// Units whose |h| never left 0, of all; and of the activations of g, n or h that are a tanh, those beyond 0.9, or NaN
  /// if none is.
  public fileprivate(set) var deadFraction = 0.0
  public fileprivate(set) var saturatedFraction = 0.0
  /// Whether all that was seen is.
  fileprivate(set) var gradientIsFinite = true
  fileprivate(set) var activationsAreFinite = true
  /// Of g, n or, in an Elman network, h.
  fileprivate let tanhGate: Int?
  /// Series by series, then both of each gate, [T] each.
  fileprivate let numbers: Buffer<Double>

  init(layer: Int, level: Int, _ form: LevelForm, steps: Int) throws(RNNError) {
    (self.layer, self.level, size, self.steps) = (layer, level, form.size, steps)
    (gateCount, hasCellState, tanhGate) = (form.gateCount, form.hasCellState, form.tanhGate)
    numbers = try Buffer(count: Size.product(FlowSeries.count(gates: form.gateCount), steps))
  }

  /// A series; `gate` is of those of gates. nil: a cell that this layer does not have, or no such gate.
  public func series(_ series: FlowSeries, gate: Int) -> UnsafeBufferPointer<Double>? {
    var place = series.rawValue
    switch series {
    case .all: return gate == 0 ? UnsafeBufferPointer(numbers.values) : nil
    case .gradCellMean, .gradCellMax: guard hasCellState else { return nil }
    case .gateLow, .gateHigh:
      guard gate >= 0 && gate < gateCount else { return nil }
      place = FlowSeries.count(gates: gate) + (series == .gateHigh ? 1 : 0)
    default: break
    }
    guard gate == 0 || place >= FlowSeries.gateLow.rawValue else { return nil }
    return UnsafeBufferPointer(numbers.values.part(place * steps, steps))
  }
}

/// From a record's sums to series.
struct FlowSummary<S: Scalar> {
  private let record: FlowRecord<S>
  private let lengths: View<Int>
  private let stretch: Int
  private let target: LevelObservation

  static func write(
    _ record: FlowRecord<S>, lengths: View<Int>, stretch: Int, to target: LevelObservation
  ) {
    let summary = FlowSummary(record: record, lengths: lengths, stretch: stretch, target: target)
    (target.gradientIsFinite, target.activationsAreFinite) = (true, true)
    for t in 0..<record.steps {
      summary.sumNorms(t)
      summary.sumActivations(t)
    }
    summary.countUnits()
  }

  private func set(_ series: Int, _ t: Int, _ value: Double) {
    target.numbers.values[series * record.steps + t] = value
  }

  private func sumNorms(_ t: Int) {
    let (mean, top) = meanAndMaximum(record.output, t)
    set(FlowSeries.gradOutputMean.rawValue, t, mean)
    set(FlowSeries.gradOutputMax.rawValue, t, top)
    if record.form.hasCellState {
      let (mean, top) = meanAndMaximum(record.cellState, t)
      set(FlowSeries.gradCellMean.rawValue, t, mean)
      set(FlowSeries.gradCellMax.rawValue, t, top)
    }
    set(FlowSeries.gain.rawValue, t, gain(t))
  }

  private func meanAndMaximum(_ norms: View<Double>, _ t: Int) -> (mean: Double, top: Double) {
    var (sum, top, count) = (0.0, 0.0, 0)
    for row in 0..<record.rows where t < lengths[row] {
      let norm = norms[t * record.rows + row]
      if !norm.isFinite { target.gradientIsFinite = false }
      sum += norm
      // Not a number stays the largest.
      if norm.isNaN || norm > top { top = norm }
      count += 1
    }
    return count == 0 ? (.nan, .nan) : (sum / Double(count), top)
  }

  /// ‖(∂s_{t+1}/∂s_t)ᵀ d_{t+1}‖ / ‖d_{t+1}‖ over all rows together, d_t = ∂L/∂s_t, of the state s = h, or (h, c).
  /// NaN where the gradient is cut, absent or zero.
  private func gain(_ t: Int) -> Double {
    guard t + 1 < record.steps, (t + 1) % stretch != 0 else { return .nan }
    let (passed, whole) = total(t) { $0 + $1 * $1 }
    if passed > 1e-280 && whole > 1e-280 && passed + whole < .infinity {
      return (passed / whole).squareRoot()
    }
    let norms = total(t) { hypot($0, $1) }
    return norms.whole > 0 ? norms.passed / norms.whole : .nan
  }

  /// Norms of all rows, joined: of what passed from step t + 1 to t, and of what had arrived there.
  @inline(__always)
  private func total(_ t: Int, _ join: (Double, Double) -> Double) -> (passed: Double, whole: Double) {
    var (passed, whole) = (0.0, 0.0)
    for row in 0..<record.rows where t + 1 < lengths[row] {
      let (here, later) = (t * record.rows + row, (t + 1) * record.rows + row)
      passed = join(passed, record.laterOutput[here])
      whole = join(whole, record.output[later])
      if record.form.hasCellState {
        passed = join(passed, record.laterCell[here])
        whole = join(whole, record.laterCell[later])
      }
    }
    return (passed, whole)
  }

  private func valid(_ t: Int) -> Double {
    var count = 0
    for row in 0..<record.rows where t < lengths[row] { count += record.size }
    return Double(count)
  }

  private func sumActivations(_ t: Int) {
    let (sums, count) = (record.statistics(t), valid(t))
    if !sums[0].isFinite { target.activationsAreFinite = false }
    let mean = sums[0] / count
    set(FlowSeries.outputMean.rawValue, t, mean)
    set(FlowSeries.outputDeviation.rawValue, t, max(sums[1] / count - mean * mean, 0).squareRoot())
    set(FlowSeries.outputMax.rawValue, t, count == 0 ? .nan : sums[2])
    for index in 0..<2 * record.form.gateCount {
      let part = record.form.isBounded ? sums[3 + index] / count : .nan
      set(FlowSeries.gateLow.rawValue + index, t, part)
    }
  }

  private func countUnits() {
    var dead = 0
    for top in record.maxima where top <= 1e-6 { dead += 1 }
    target.deadFraction = Double(dead) / Double(record.size)
    guard let gate = target.tanhGate else { return target.saturatedFraction = .nan }
    var (saturated, all) = (0.0, 0.0)
    for t in 0..<record.steps {
      saturated += record.statistics(t)[3 + 2 * gate] + record.statistics(t)[4 + 2 * gate]
      all += valid(t)
    }
    target.saturatedFraction = all == 0 ? 0 : saturated / all
  }
}
