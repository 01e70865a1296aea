import RNNKernels

/// Looking at a block of steps while it is in the caches: activations before the way back overwrites them, gradients
/// after it.
extension Recurrent {
  /// Gates below and above these count as saturated, Karpathy, Johnson and Li 2015; a tanh is a gate from -1 to 1.
  private static func saturation(isTanh: Bool) -> (low: Double, high: Double) {
    isTanh ? (-0.9, 0.9) : (0.1, 0.9)
  }

  func recordActivations(
    _ level: Context.Level, _ steps: Range<Int>, _ flow: LayerFlow<S>, _ context: Context
  ) {
    let record = flow.record(level.k)
    ThreadPool.split(steps.count, work: context.pass.rows * gateWidth / 2) { part in
      for t in steps.lowerBound + part.lowerBound..<steps.lowerBound + part.upperBound {
        let statistics = record.statistics(flow.firstStep + t)
        context.forEachValidRun(t) { rows in
          add(context.numbers(level, t, from: rows.lowerBound), rows.count, to: statistics)
        }
      }
    }
    // At padding outputs are zero, which raises nothing.
    S.kernels.raiseMaxima(
      level.outputs.start + steps.lowerBound * context.stepWidth, rows: steps.count * context.pass.rows,
      columns: size, stride: size, record.maxima.start)
  }

  private func add(_ numbers: CellRows<S>, _ rows: Int, to statistics: View<Double>) {
    let moments = S.kernels.moments(numbers.output, rows: rows, columns: size, stride: size)
    statistics[0] += moments.sum
    statistics[1] += moments.sumOfSquares
    statistics[2] = max(statistics[2], moments.maximum)
    for gate in 0..<cell.gateCount {
      let range = Self.saturation(isTanh: cell.isTanh(gate))
      let isOutput = cell.gateCount == 1
      let counts = S.kernels.countBeyond(
        isOutput ? numbers.output : numbers.gates + gate * size, rows: rows, columns: size,
        stride: isOutput ? size : gateStride, low: range.low, high: range.high)
      statistics[3 + 2 * gate] += counts.below
      statistics[4 + 2 * gate] += counts.above
    }
  }

  func recordGradients(_ level: Context.Level, _ steps: Range<Int>, _ flow: LayerFlow<S>, _ context: Context)
  {
    let (record, rows) = (flow.record(level.k), context.pass.rows)
    let observed = flow.rows(0, hasCell: cell.hasCellState)
    let first = (flow.firstStep + steps.lowerBound) * rows
    func note(_ gradient: UnsafeMutablePointer<S>?, _ norms: View<Double>) {
      guard let gradient else { return }
      ThreadPool.split(steps.count * rows, work: size / 8) { part in
        measure(gradient + part.lowerBound * size, norms.part(first + part.lowerBound, part.count))
      }
      guard context.pass.lengths.values != nil else { return }
      for place in 0..<steps.count * rows
      where !context.pass.lengths.isValid(step: steps.lowerBound + place / rows, row: place % rows) {
        norms[first + place] = 0
      }
    }
    note(observed.output, record.output)
    note(observed.laterOutput, record.laterOutput)
    note(observed.cell, record.cellState)
    note(observed.laterCell, record.laterCell)
  }

  /// Norms of rows [H]. Where squares leave the range of the type, one by one.
  private func measure(_ gradient: UnsafeMutablePointer<S>, _ norms: View<Double>) {
    S.kernels.rowSumsOfSquares(
      gradient, rows: norms.count, columns: size, stride: size, to: norms.start)
    let least = S.dtype == .float64 ? 1e-280 : 1e-30
    for row in norms.indices {
      let isInRange = norms[row].isFinite && norms[row] >= least
      norms[row] =
        isInRange ? norms[row].squareRoot() : Norms.norm(View(start: gradient + row * size, count: size))
    }
  }
}
