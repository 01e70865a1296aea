import CPlatform
import RNNKernels

/// The regulariser of Pascanu, Mikolov and Bengio 2013, which asks the gradient to keep its norm on its way back:
///
///   Ω = mean over t, b of (‖v_{t-1}‖² / ‖d_t‖² - 1)²,  d_t = ∂L/∂h_t,  v_{t-1} = (∂h_t/∂h_{t-1})ᵀ d_t
///
/// The squared norms are those of the authors' program, with which their weights (4 at ICML, 2 before) go; the paper's
/// text has norms. Only the immediate derivative by W_hh counts: h and d are constants. In v, W_hh stands once, in
/// v = W_hhᵀ u + …, u the gradient of the gates, so that
///
///   ∂Ω/∂W_hh = mean of 4 (‖v‖²/‖d‖² - 1) / ‖d‖² · u vᵀ
///
/// The state of an LSTM is (h, c), and d and v are those of both. Terms with ‖d‖² < 1e-20 are left out.
final class Omega<S: Scalar> {
  /// Σ of the terms so far, and how many there are.
  private var sum = 0.0
  private var count = 0
  /// Σ over t, b for W_hh of each stacked level, in the order of the stack.
  private let gradients: [Buffer<S>]
  /// Of a block of steps: the factor of each v, [block, B], and v with its factor, [block, B, H].
  private let factors: Buffer<Double>
  private let weighted: Buffer<S>

  private static var leastSquare: Double { 1e-20 }

  init(_ levels: [FlowRecord<S>], rows: Int) throws(RNNError) {
    var gradients: [Buffer<S>] = []
    var width = 0
    for level in levels {
      gradients.append(try Buffer(count: Size.product(level.form.gateCount, level.size, level.size)))
      width = max(width, level.size)
    }
    self.gradients = gradients
    let height = try Size.product(blockSteps(rows: rows), rows)
    factors = try Buffer(count: height)
    weighted = try Buffer(count: Size.product(height, width))
  }

  /// Ω.
  var value: Double { count == 0 ? 0 : sum / Double(count) }

  func clear() {
    (sum, count) = (0, 0)
    for gradient in gradients { RNNEngine.clear(gradient.values) }
  }

  /// Adds the terms of v_t, t in a block of steps that has just been gone through, -1 for the initial state.
  func add(
    _ level: Recurrent<S>.Context.Level, _ steps: Range<Int>, _ flow: LayerFlow<S>?,
    _ context: Recurrent<S>.Context
  ) {
    let later = steps.lowerBound + 1..<min(steps.upperBound + 1, context.pass.steps)
    guard let flow, !later.isEmpty else { return }
    let (layer, record) = (context.layer, flow.record(level.k))
    measure(later, flow, record, context)
    weigh(later, flow, context)
    let gradient = gradients[record.index].values
    for block in [layer.cell.hiddenBlock, layer.cell.candidateBlock] {
      guard let block else { continue }
      matmul(
        context.hiddenGradient(level, block, steps: later).transposed,
        Matrix(weighted.values, rows: later.count * context.pass.rows, columns: layer.size),
        into: context.hiddenBlock(gradient, block), from: .current, scratch: context.scratch.product)
    }
  }

  /// The terms of d_t, t in `later`, and the factors 4 (‖v‖²/‖d‖² - 1) / ‖d‖².
  private func measure(
    _ later: Range<Int>, _ flow: LayerFlow<S>, _ record: FlowRecord<S>, _ context: Recurrent<S>.Context
  ) {
    let (rows, size) = (context.pass.rows, context.layer.size)
    let observed = flow.rows(0, hasCell: context.layer.cell.hasCellState)
    for (index, t) in later.enumerated() {
      for row in 0..<rows {
        let (place, d) = (index * rows + row, (flow.firstStep + t) * rows + row)
        func square(_ values: UnsafeMutablePointer<S>?) -> Double {
          guard let values else { return 0 }
          return S.kernels.sumOfSquares(values + place * size, count: size, limit: .infinity)
        }
        let norm = hypot(record.output[d], record.laterCell.isEmpty ? 0 : record.laterCell[d])
        let whole = norm * norm
        factors.values[place] = 0
        guard context.pass.lengths.isValid(step: t, row: row), whole >= Self.leastSquare else { continue }
        let excess = (square(observed.laterOutput) + square(observed.laterCell)) / whole - 1
        sum += excess * excess
        count += 1
        factors.values[place] = 4 * excess / whole
      }
    }
  }

  /// v with its factors.
  private func weigh(_ later: Range<Int>, _ flow: LayerFlow<S>, _ context: Recurrent<S>.Context) {
    let size = context.layer.size
    guard let v = flow.rows(0, hasCell: false).laterOutput else { return }
    ThreadPool.split(later.count * context.pass.rows, work: size / 2) { part in
      for place in part {
        let factor = S(factors.values[place])
        for j in place * size..<(place + 1) * size { weighted.values[j] = factor * v[j] }
      }
    }
  }

  /// weight · ∂Ω/∂W_hh of a level, to be added to its gradient.
  func addGradient(_ index: Int, weight: Double, to gradient: View<S>) {
    guard count > 0 else { return }
    let (scale, source) = (S(weight / Double(count)), gradients[index].values)
    for j in gradient.indices { gradient[j] += scale * source[j] }
  }
}
