import RNNKernels

/// The steps of a block, one after the other. Threads share the rows, which do not depend on one another; or the steps
/// themselves, where `PhasedScan` can.
extension PhasedLayer {
  func walk(_ steps: Range<Int>, _ parameters: CellParameters<S>, _ context: Context) {
    if let parts = scanParts(steps, context) { return scan(parts, parameters, context) }
    context.forEachRow(steps.count, work: rowWork) { rows, scratch in
      for t in steps {
        var step = context.step(t, rows, parameters, scratch)
        S.kernels.forward(&step, code)
      }
    }
  }

  /// What a row costs at each step, in vector operations: its products, or what is left without them.
  var rowWork: Int { hasHidden ? gateWidth &* outputSize / 16 : gateWidth }

  /// Steps on the way back, and what is needed there.
  struct StepsBack {
    let steps: Range<Int>
    let gradOutput: View<S>
    let supervision: Supervision<S>
    let context: Context
    let parameters: CellParameters<S>

    init(
      _ steps: Range<Int>, _ gradOutput: View<S>, _ supervision: Supervision<S>, _ context: Context
    ) {
      (self.steps, self.gradOutput, self.supervision) = (steps, gradOutput, supervision)
      (self.context, parameters) = (context, context.weights.backward)
    }
  }

  func walkBack(_ back: StepsBack) {
    let context = back.context
    // Clipping counts each step once.
    if back.supervision.clip == nil, let parts = scanParts(back.steps, context), parts.count > 1 {
      return scanBack(parts, back)
    }
    context.forEachRow(back.steps.count, work: rowWork) { rows, scratch in
      for t in back.steps.reversed() {
        var gradients = context.gradients(t, rows)
        var step = hear(t, rows, &gradients, back, scratch)
        if t < 0 { continue }
        if let clip = back.supervision.clip { self.clip(t, rows, clip, context) }
        S.kernels.backward(&step, gradients, code)
      }
    }
  }

  /// ∂L/∂h_t to `gradients.output`, where what was carried past W_hh is. Returns the step.
  func hear(
    _ t: Int, _ rows: Range<Int>, _ gradients: inout CellGradients<S>, _ back: StepsBack,
    _ scratch: UnsafeMutablePointer<S>
  ) -> PhasedStep<S> {
    var step = back.context.step(max(t, 0), rows, back.parameters, scratch, isBackward: true)
    var later = later(t, rows, gradients, back)
    if let flow = back.supervision.flow {
      observe(t - back.steps.lowerBound, rows, flow, &later, &gradients, back.context)
    }
    S.kernels.gather(&step, later)
    return step
  }

  private func later(
    _ t: Int, _ rows: Range<Int>, _ gradients: CellGradients<S>, _ back: StepsBack
  ) -> LaterStep<S> {
    let (context, offset) = (back.context, rows.lowerBound * outputSize)
    // ∂L/∂m_t comes after what passes through W_hh, to the same place.
    var later = LaterStep(passed: gradients.made, output: gradients.output)
    if t >= 0 {
      later.outputGradient = UnsafePointer(back.gradOutput.start + t * context.outputWidth + offset)
    }
    guard hasHidden && t + 1 < context.pass.steps else { return later }
    let numbers = context.numbers(t + 1, rows.lowerBound)
    later.hidden = UnsafePointer(separatesHidden ? numbers.hidden : numbers.inner)
    (later.gates, later.mask) = (directGates, numbers.mask)
    return later
  }

  private func clip(_ t: Int, _ rows: Range<Int>, _ clip: StepClip, _ context: Context) {
    for row in rows where context.pass.lengths.isValid(step: t, row: row) {
      clip.apply(context.scratch.gradOutput.part(row * outputSize, outputSize), row: row)
    }
  }
}

extension PhasedLayer.Context {
  func gradients(_ t: Int, _ rows: Range<Int>) -> CellGradients<S> {
    let (row, size) = (rows.lowerBound, layer.size)
    return CellGradients(
      output: scratch.gradOutput.start + row * layer.outputSize, cell: scratch.gradCell.start + row * size,
      made: scratch.gradMade.start + row * size, reset: scratch.gradReset.start + row * size,
      projected: t < 0 ? nil : reserve.projected.optional(t, row),
      sums: scratch.sums.isEmpty
        ? scratch.gradMade.start : scratch.sums.start + row * layer.sums.count, sumStride: layer.sums.count)
  }
}
