import RNNKernels

/// Looking at a block of steps while it is in the caches: activations before the way back overwrites them, gradients
/// after it.
extension Recurrent {
  func recordActivations(
    _ level: Context.Level, _ steps: Range<Int>, _ flow: LayerFlow<S>, _ context: Context
  ) {
    let record = flow.record(level.k)
    ThreadPool.split(steps.count, work: context.pass.rows * gateWidth / 2) { part in
      for t in steps.lowerBound + part.lowerBound..<steps.lowerBound + part.upperBound {
        let statistics = record.statistics(flow.firstStep + t)
        context.forEachValidRun(t) { rows in
          let numbers = context.numbers(level, t, from: rows.lowerBound)
          let isElman = cell.gateCount == 1
          ActivationStatistics.add(
            outputs: numbers.output, width: size, gates: isElman ? numbers.output : numbers.gates, size: size,
            gateStride: isElman ? size : gateStride, rows: rows.count, levels[level.k], to: statistics)
        }
      }
    }
    // At padding outputs are zero, which raises nothing.
    S.kernels.raiseMaxima(
      level.outputs.start + steps.lowerBound * context.stepWidth, rows: steps.count * context.pass.rows,
      columns: size, stride: size, record.maxima.start)
  }

  func recordGradients(_ level: Context.Level, _ steps: Range<Int>, _ flow: LayerFlow<S>, _ context: Context)
  {
    let (record, rows) = (flow.record(level.k), context.pass.rows)
    let observed = flow.rows(0, hasCell: cell.hasCellState)
    let first = (flow.firstStep + steps.lowerBound) * rows
    func note(_ gradient: UnsafeMutablePointer<S>?, _ norms: View<Double>) {
      guard let gradient else { return }
      ThreadPool.split(steps.count * rows, work: size / 8) { part in
        ActivationStatistics.measure(
          gradient + part.lowerBound * size, width: size, norms.part(first + part.lowerBound, part.count))
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
}
