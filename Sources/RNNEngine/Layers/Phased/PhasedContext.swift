import RNNKernels

extension PhasedLayer {
  /// Where everything of one pass lies.
  struct Context {
    let layer: PhasedLayer
    let pass: LayerPass<S>
    let reserve: PhasedReserve<S>
    let scratch: PhasedScratch<S>
    let weights: PhasedWeights<S>
    /// Whether masks are drawn: in training, but not where only the loss is asked for.
    var isRandom: Bool { pass.dropout != nil }

    /// nil only if sizes overflow, which `plan` has excluded.
    init?(_ layer: PhasedLayer, _ pass: LayerPass<S>) {
      var (reserve, workspace) = (Carver(pass.reserve), Carver(pass.workspace))
      guard
        let kept = try? PhasedReserve(
          &reserve, layer, steps: pass.steps, rows: pass.rows, isTraining: pass.isTraining),
        let scratch = try? PhasedScratch(
          &workspace, layer, height: pass.steps * pass.rows, rows: pass.rows, isTraining: pass.isTraining),
        let weights = layer.weights(in: pass.packed, goesBack: true)
      else { return nil }
      (self.layer, self.pass, self.reserve, self.scratch, self.weights) = (
        layer, pass, kept, scratch, weights
      )
    }

    var input: View<S> {
      if case .features(let features) = pass.input { return features }
      return View(start: nil, count: 0)
    }

    private var hasMask: Bool { isRandom && !reserve.mask.isEmpty }

    /// [B·P] of some step.
    var outputWidth: Int { pass.rows * layer.outputSize }

    // MARK: The numbers of a step, of rows from `row` on

    func output(_ step: Int, _ row: Int) -> UnsafeMutablePointer<S> {
      pass.output.start + step * outputWidth + row * layer.outputSize
    }

    private func previousOutput(_ step: Int, _ row: Int) -> UnsafeMutablePointer<S> {
      step > 0 ? output(step - 1, row) : scratch.initialOutput.start + row * layer.outputSize
    }

    /// c_t; without training in the place of c_{t-1}.
    private func cell(_ step: Int, _ row: Int) -> UnsafeMutablePointer<S> {
      if !layer.hasCell { return output(max(step, 0), row) }
      if step < 0 || !pass.isTraining { return scratch.initialCell.start + row * layer.size }
      return (reserve.cells.isEmpty ? reserve.fresh : reserve.cells).start(step, row)
    }

    func numbers(_ t: Int, _ row: Int, isBackward: Bool = false) -> CellNumbers<S> {
      let kept = reserve
      let output = output(t, row)
      let fresh =
        !layer.hasCell
        ? output : !pass.isTraining && kept.cells.isEmpty ? cell(t, row) : kept.fresh.start(t, row)
      let inner = kept.inner.start(pass.isTraining ? t : t % blockSteps(rows: pass.rows), row)
      let made =
        isBackward
        ? scratch.shown.start + row * layer.size : kept.made.isEmpty ? output : kept.made.start(t, row)
      var numbers = CellNumbers(
        inner: inner, hidden: kept.hidden.optional(t, row) ?? inner,
        operand: UnsafePointer(hasMask ? kept.operands.start(t, row) : previousOutput(t, row)),
        previousOutput: UnsafePointer(previousOutput(t, row)), output: output, previousCell: cell(t - 1, row),
        fresh: fresh, cell: cell(t, row), made: made, reset: kept.reset.optional(t, row) ?? made)
      numbers.innerNormal = kept.innerNormal.optional(t, row)
      numbers.hiddenNormal = kept.hiddenNormal.optional(t, row)
      numbers.cellNormal = kept.cellNormal.optional(t, row)
      numbers.deviations = kept.deviations.optional(t, row)
      guard isRandom else { return numbers }
      numbers.outputZone = kept.outputZone.optional(t, row).map { UnsafePointer($0) }
      numbers.cellZone = kept.cellZone.optional(t, row).map { UnsafePointer($0) }
      if hasMask {
        numbers.mask = UnsafePointer(kept.mask.start + row * layer.outputSize)
        numbers.nextOperand = kept.operands.start(t + 1, row)
      }
      return numbers
    }

    func step(
      _ t: Int, _ rows: Range<Int>, _ parameters: CellParameters<S>, _ scratch: UnsafeMutablePointer<S>,
      isBackward: Bool = false
    ) -> PhasedStep<S> {
      var step = PhasedStep(
        sizes: layer.sizes, step: t, rows: rows.count,
        lengths: pass.lengths.values.map { UnsafePointer($0.start + rows.lowerBound) },
        functions: layer.functions, parameters: parameters,
        numbers: numbers(t, rows.lowerBound, isBackward: isBackward), scratch: scratch)
      (step.outputZone, step.cellZone) = (S(layer.options.zoneout), S(layer.options.cellZoneout))
      step.separatesHidden = layer.separatesHidden
      step.peepholeCount = layer.peepholeCount
      return step
    }

    /// Runs `body(rows, scratch)` for rows that threads share: they do not depend on one another.
    func forEachRow(
      _ steps: Int, work: Int, _ body: (_ rows: Range<Int>, UnsafeMutablePointer<S>) -> Void
    ) {
      ThreadPool.split(
        pass.rows, work: steps &* work, scratch: scratch.product.part(0, Blocking.tile), body)
    }

    // MARK: Matrices of a block of steps

    func matrix(_ values: View<S>, _ width: Int, _ steps: Range<Int>) -> Matrix<S> {
      let rows = steps.count * pass.rows
      return Matrix(
        values.part(steps.lowerBound * pass.rows * width, rows * width), rows: rows, columns: width)
    }

    func inner(_ steps: Range<Int>) -> Matrix<S> {
      reserve.inner.matrix(pass.isTraining ? steps : 0..<steps.count, columns: layer.gateWidth)
    }

    /// Gradients of u of some gates.
    func hidden(_ steps: Range<Int>, gates: Range<Int>) -> Matrix<S> {
      let source = layer.separatesHidden ? reserve.hidden : reserve.inner
      return source.matrix(steps, from: gates.lowerBound * layer.size, columns: gates.count * layer.size)
    }

    /// h_{t-1} of the steps, as W_hh sees it.
    func operands(_ steps: Range<Int>) -> Matrix<S> {
      if hasMask { return reserve.operands.matrix(steps) }
      if steps.lowerBound > 0 {
        return matrix(pass.output, layer.outputSize, steps.lowerBound - 1..<steps.upperBound - 1)
      }
      let copy = scratch.previous.part(0, steps.count * outputWidth)
      copy.part(0, outputWidth).copy(from: scratch.initialOutput.start)
      copy.part(outputWidth, copy.count - outputWidth).copy(from: pass.output.start)
      return matrix(copy, layer.outputSize, 0..<steps.count)
    }

    // MARK: States: h [B, P], then c [B, H]

    func loadInitialState() {
      load(pass.state, scratch.initialOutput, scratch.initialCell)
      guard hasMask else { return }
      let first = reserve.operands.start(0, 0)
      for j in 0..<outputWidth { first[j] = scratch.initialOutput[j] * reserve.mask[j] }
    }

    func loadFinalGradient(_ gradient: View<S>?) { load(gradient, scratch.gradOutput, scratch.gradCell) }

    func storeFinalState() {
      let last = numbers(pass.steps - 1, 0)
      store(last.output, last.cell, pass.stateOut)
    }

    func storeInitialGradient(_ gradient: View<S>?) {
      store(scratch.gradOutput.start, scratch.gradCell.start, gradient)
    }

    private func load(_ state: View<S>?, _ h: View<S>, _ c: View<S>) {
      guard let state else {
        h.clear()
        if !c.isEmpty { c.clear() }
        return
      }
      h.copy(from: state.start)
      if layer.hasCell { c.copy(from: state.start + h.count) }
    }

    private func store(
      _ h: UnsafeMutablePointer<S>, _ c: UnsafeMutablePointer<S>, _ state: View<S>?
    ) {
      guard let state else { return }
      state.part(0, outputWidth).copy(from: h)
      if layer.hasCell { state.part(outputWidth, pass.rows * layer.size).copy(from: c) }
    }
  }
}
