import RNNKernels

/// Looking at a block of steps while it is in the caches, as `RecurrentFlow` does.
extension PhasedLayer {
  /// Where the gradients of a step go, `index` steps into the block.
  func observe(
    _ index: Int, _ rows: Range<Int>, _ flow: LayerFlow<S>, _ later: inout LaterStep<S>,
    _ gradients: inout CellGradients<S>, _ context: Context
  ) {
    let place = index * context.pass.rows + rows.lowerBound
    later.flow = flow.rows(place * outputSize, hasCell: hasCell, cellOffset: place * size)
    (gradients.seenCell, gradients.seenLaterCell) = (later.flow.cell, later.flow.laterCell)
  }

  func recordActivations(_ steps: Range<Int>, _ flow: LayerFlow<S>, _ context: Context) {
    let (record, form) = (flow.record(0), levels[0])
    for t in steps {
      let statistics = record.statistics(flow.firstStep + t)
      for row in 0..<context.pass.rows where context.pass.lengths.isValid(step: t, row: row) {
        ActivationStatistics.add(
          outputs: context.output(t, row), width: outputSize, gates: context.reserve.inner.start(t, row),
          size: size, gateStride: sizes.gateStride, rows: 1, form, to: statistics)
      }
    }
    S.kernels.raiseMaxima(
      context.output(steps.lowerBound, 0), rows: steps.count * context.pass.rows, columns: outputSize,
      stride: outputSize, record.maxima.start)
  }

  func recordGradients(_ steps: Range<Int>, _ flow: LayerFlow<S>, _ context: Context) {
    let (record, rows) = (flow.record(0), context.pass.rows)
    let observed = flow.rows(0, hasCell: hasCell)
    let first = (flow.firstStep + steps.lowerBound) * rows
    func note(_ gradient: UnsafeMutablePointer<S>?, _ width: Int, _ norms: View<Double>) {
      guard let gradient else { return }
      ActivationStatistics.measure(gradient, width: width, norms.part(first, steps.count * rows))
      for place in 0..<steps.count * rows
      where !context.pass.lengths.isValid(step: steps.lowerBound + place / rows, row: place % rows) {
        norms[first + place] = 0
      }
    }
    note(observed.output, outputSize, record.output)
    note(observed.laterOutput, outputSize, record.laterOutput)
    note(observed.cell, size, record.cellState)
    note(observed.laterCell, size, record.laterCell)
  }
}
