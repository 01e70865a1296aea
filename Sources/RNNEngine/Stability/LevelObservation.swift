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
}

/// What an observed step saw of one stacked recurrent layer.
public struct LevelObservation: Sendable {
  /// Places in the stack and in the layer.
  public let layer: Int
  public let level: Int
  public let size: Int
  public let steps: Int
  public let gateCount: Int
  public let hasCellState: Bool
  /// Of g, n or, in an Elman network, h: the activations that are a tanh.
  let tanhGate: Int?
  /// Units whose |h| never left 0, of all.
  public let deadFraction: Double
  /// Series by series, then both of each gate, [T] each.
  private let numbers: [Double]

  init<S: Scalar>(_ record: FlowRecord<S>, lengths: View<Int>, stretch: Int) {
    (layer, level, size, steps) = (record.layer, record.k, record.size, record.steps)
    (gateCount, hasCellState) = (record.cell.gateCount, record.cell.hasCellState)
    tanhGate =
      record.cell.activation == .tanh ? (0..<record.cell.gateCount).first { record.cell.isTanh($0) } : nil
    var dead = 0
    for top in record.maxima where top <= 1e-6 { dead += 1 }
    deadFraction = Double(dead) / Double(record.size)
    numbers = Summing(record, lengths, stretch).numbers
  }

  /// A series; `gate` is of those of gates. nil: a cell that this layer does not have, or no such gate.
  public func series(_ series: FlowSeries, gate: Int) -> ArraySlice<Double>? {
    var place = series.rawValue
    switch series {
    case .gradCellMean, .gradCellMax: guard hasCellState else { return nil }
    case .gateLow, .gateHigh:
      guard gate >= 0 && gate < gateCount else { return nil }
      place = 8 + 2 * gate + (series == .gateHigh ? 1 : 0)
    case .all: return gate == 0 ? numbers[...] : nil
    default: break
    }
    guard gate == 0 || place >= 8 else { return nil }
    return numbers[place * steps..<(place + 1) * steps]
  }
}

/// From a record's sums to series.
private struct Summing<S: Scalar> {
  private let record: FlowRecord<S>
  private let lengths: View<Int>
  private let stretch: Int
  private(set) var numbers: [Double]

  init(_ record: FlowRecord<S>, _ lengths: View<Int>, _ stretch: Int) {
    (self.record, self.lengths, self.stretch) = (record, lengths, stretch)
    numbers = [Double](repeating: 0, count: (8 + 2 * record.cell.gateCount) * record.steps)
    for t in 0..<record.steps {
      sumNorms(t)
      sumActivations(t)
    }
  }

  private mutating func set(_ series: Int, _ t: Int, _ value: Double) {
    numbers[series * record.steps + t] = value
  }

  private mutating func sumNorms(_ t: Int) {
    let (mean, top) = meanAndMaximum(record.output, t)
    set(FlowSeries.gradOutputMean.rawValue, t, mean)
    set(FlowSeries.gradOutputMax.rawValue, t, top)
    if record.cell.hasCellState {
      let (mean, top) = meanAndMaximum(record.cellState, t)
      set(FlowSeries.gradCellMean.rawValue, t, mean)
      set(FlowSeries.gradCellMax.rawValue, t, top)
    }
    set(FlowSeries.gain.rawValue, t, gain(t))
  }

  private func meanAndMaximum(_ squares: View<Double>, _ t: Int) -> (mean: Double, top: Double) {
    var (sum, top, count) = (0.0, 0.0, 0)
    for row in 0..<record.rows where t < lengths[row] {
      let norm = squares[t * record.rows + row].squareRoot()
      sum += norm
      // Not a number stays the largest.
      top = norm <= top ? top : norm
      count += 1
    }
    return count == 0 ? (.nan, .nan) : (sum / Double(count), top)
  }

  /// ‖(∂s_{t+1}/∂s_t)ᵀ d_{t+1}‖ / ‖d_{t+1}‖ over all rows together, d_t = ∂L/∂s_t, of the state s = h, or (h, c).
  /// NaN where the gradient is cut, absent or zero.
  private func gain(_ t: Int) -> Double {
    guard t + 1 < record.steps, (t + 1) % stretch != 0 else { return .nan }
    var (passed, whole) = (0.0, 0.0)
    for row in 0..<record.rows where t + 1 < lengths[row] {
      let (here, later) = (t * record.rows + row, (t + 1) * record.rows + row)
      passed += record.laterOutput[here]
      whole += record.output[later]
      if record.cell.hasCellState {
        passed += record.laterCell[here]
        whole += record.laterCell[later]
      }
    }
    return whole > 0 ? (passed / whole).squareRoot() : .nan
  }

  private mutating func sumActivations(_ t: Int) {
    var valid = 0
    for row in 0..<record.rows where t < lengths[row] { valid += record.size }
    let (sums, count) = (record.statistics(t), Double(valid))
    let mean = sums[0] / count
    set(FlowSeries.outputMean.rawValue, t, mean)
    set(FlowSeries.outputDeviation.rawValue, t, max(sums[1] / count - mean * mean, 0).squareRoot())
    set(FlowSeries.outputMax.rawValue, t, valid == 0 ? .nan : sums[2])
    for index in 0..<2 * record.cell.gateCount { set(8 + index, t, sums[3 + index] / count) }
  }
}
