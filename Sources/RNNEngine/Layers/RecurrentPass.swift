import RNNKernels

extension Recurrent {
  /// Weights change between passes only, so all of T reads them as they are packed here.
  func pack(_ parameters: View<S>, to packed: View<S>) {
    for k in 0..<depth {
      let shape = shape(k)
      let weights = CellWeights(
        input: tensor(4 * k, of: parameters).start, hidden: tensor(4 * k + 1, of: parameters).start,
        inputBias: tensor(4 * k + 2, of: parameters).start,
        hiddenBias: tensor(4 * k + 3, of: parameters).start)
      let target = self.packed(k, in: packed)
      ThreadPool.split(S.kernels.forwardPanels(cell.kind, shape), work: gateWidth * 4) { panels in
        S.kernels.packForward(cell.kind, shape, weights, panels: panels, to: target)
      }
    }
  }

  func packed(_ k: Int, in packed: View<S>) -> UnsafeMutablePointer<S> {
    packed.start + (k == 0 ? 0 : packedCount(0) + (k - 1) * packedCount(1))
  }

  /// y_t = h_t of the top layer. After a row's end h and c keep their last values.
  func forward(_ pass: LayerPass<S>) {
    guard case .features(let input) = pass.input, let context = Context(self, pass) else { return }
    var x = input
    for k in 0..<depth {
      forward(context.level(k), input: x, context)
      x = context.inputAbove(k)
      if k + 1 < depth, let dropout = pass.dropout, description.dropout > 0 {
        dropout.apply(
          context.level(k).outputs, to: x, rows: pass.rows, width: size, probability: description.dropout,
          site: k)
      }
    }
  }

  private func forward(_ level: Context.Level, input: View<S>, _ context: Context) {
    context.loadInitialState(level.k)
    if context.projectsBlocks(level.k) {
      for index in 0..<context.pass.blockCount {
        let steps = context.pass.block(index)
        project(level, steps, input: input, context)
        run(level, steps, input: nil, context)
      }
    } else {
      run(level, 0..<context.pass.steps, input: input, context)
    }
    context.storeFinalState(level)
  }

  /// For the steps of a block: gates_t = W_ih x_t + b_ih + b_hh.
  private func project(_ level: Context.Level, _ steps: Range<Int>, input: View<S>, _ context: Context) {
    let (pass, shape, first) = (context.pass, level.shape, steps.lowerBound * context.pass.rows)
    if ProductMethod.chosen == .blas {
      return matmul(
        context.matrix(input, shape.inputSize, steps), context.inputWeight(level.k).transposed,
        into: context.gates(level, steps), from: .row(context.joinedBiases(level.k)),
        scratch: context.scratch.product)
    }
    let panels = S.kernels.forwardPanels(cell.kind, shape)
    ThreadPool.split(
      steps.count * pass.rows, work: gateWidth * shape.inputSize / 16,
      scratch: context.scratch.product.part(0, Blocking.tile)
    ) { rows, scratch in
      var step = context.forwardStep(level, steps.lowerBound, rows: rows, panels: 0..<panels, scratch)
      step.input = UnsafePointer(input.start + (first + rows.lowerBound) * shape.inputSize)
      S.kernels.project(cell.kind, step)
    }
  }

  private func run(_ level: Context.Level, _ steps: Range<Int>, input: View<S>?, _ context: Context) {
    let (pass, shape) = (context.pass, level.shape)
    context.forEachStep(
      steps.count, panels: S.kernels.forwardPanels(cell.kind, shape),
      work: gateWidth &* (size + shape.inputSize) / 16
    ) { index, rows, panels, scratch in
      let t = steps.lowerBound + index
      var step = context.forwardStep(level, t, rows: rows, panels: panels, scratch)
      step.input = input.map { UnsafePointer($0.start + (t * pass.rows + rows.lowerBound) * shape.inputSize) }
      S.kernels.forward(cell.kind, step)
    }
  }

  /// Backpropagation through time, from the top layer down. Werbos 1990.
  func backward(_ pass: LayerPass<S>, _ gradients: LayerGradients<S>) {
    guard case .features(let input) = pass.input, let context = Context(self, pass) else { return }
    var gradOutput = gradients.isOutputFinal ? nil : gradients.output
    for k in (0..<depth).reversed() {
      let gradInput = k == 0 ? gradients.input : context.scratch.gradInner
      backward(
        context.level(k), input: k == 0 ? input : context.inputAbove(k - 1), gradOutput: gradOutput,
        gradInput: gradInput, gradients, context)
      guard k > 0, let gradInput else { return }
      if let dropout = pass.dropout, description.dropout > 0 {
        dropout.apply(
          gradInput, to: gradInput, rows: pass.rows, width: size, probability: description.dropout,
          site: k - 1)
      }
      gradOutput = gradInput
    }
  }

  /// The steps in reverse, block by block, and what the shared weights and the inputs get from each block.
  private func backward(
    _ level: Context.Level, input: View<S>, gradOutput: View<S>?, gradInput: View<S>?,
    _ gradients: LayerGradients<S>, _ context: Context
  ) {
    let k = level.k
    context.loadFinalGradient(k, gradients.stateOut)
    if gradOutput == nil {
      // ∂L/∂y at a row's end is ∂L/∂h there, and padding passes that on.
      S.kernels.add(
        gradients.output.start, to: context.scratch.gradOutput.start, count: context.stepWidth)
    }
    context.loadInitialState(k)
    packBackward(level, context)
    let supervision = gradients.supervision
    for index in (0..<context.pass.blockCount).reversed() {
      let steps = context.pass.block(index)
      if let flow = supervision.flow, flow.recordsActivations {
        recordActivations(level, steps, flow, context)
      }
      runBackward(level, steps, gradOutput, supervision, context)
      if let flow = supervision.flow { recordGradients(level, steps, flow, context) }
      supervision.omega?.add(level, steps, supervision.flow, context)
      accumulate(level, steps, input: input, gradients, context)
      guard let gradInput else { continue }
      // For the steps of the block: dx_t = W_ihᵀ dgates_t
      matmul(
        context.gates(level, steps), context.inputWeight(k),
        into: context.matrix(gradInput, level.shape.inputSize, steps),
        scratch: context.scratch.product)
    }
    // ∂L/∂h_0
    if gradients.state != nil || supervision.omega != nil {
      runBackward(level, -1..<0, gradOutput, supervision, context)
      supervision.omega?.add(level, -1..<0, supervision.flow, context)
    }
    context.storeInitialGradient(k, gradients.state)
  }

  private func packBackward(_ level: Context.Level, _ context: Context) {
    let weight = context.hiddenWeight(level.k).values.start
    ThreadPool.split(S.kernels.backwardPanels(level.shape), work: gateWidth * 4) { panels in
      S.kernels.packBackward(cell.kind, level.shape, weight, panels: panels, to: level.packed)
    }
  }

  /// ∂L/∂h_t = ∂L/∂y_t + W_hhᵀ dgates_{t+1} + what does not pass through W_hh, then the gradients of step t's gates.
  private func runBackward(
    _ level: Context.Level, _ steps: Range<Int>, _ gradOutput: View<S>?, _ supervision: Supervision<S>,
    _ context: Context
  ) {
    let pass = context.pass
    context.forEachStep(
      steps.count, panels: S.kernels.backwardPanels(level.shape), work: gateWidth &* size / 16,
      sharesUnits: supervision.clip == nil
    ) { index, rows, panels, scratch in
      let (t, first) = (steps.upperBound - 1 - index, rows.lowerBound)
      let later = t + 1 < pass.steps ? context.numbers(level, t + 1, from: first) : nil
      var step = BackwardStep(
        shape: level.shape, step: t, rows: rows.count, panels: panels,
        lengths: context.lengths(from: first),
        weights: UnsafePointer(level.packed),
        numbers: t < 0 ? nil : context.numbers(level, t, from: first),
        laterGates: later.map { UnsafePointer($0.gates) },
        laterCandidate: later.map { UnsafePointer($0.candidate) },
        outputGradient: t < 0
          ? nil : gradOutput.map { UnsafePointer($0.start + (t * pass.rows + first) * size) },
        carried: context.scratch.gradOutput.start + first * size,
        carriedCell: context.scratch.gradCell.start + first * size,
        flow: supervision.flow?.rows(
          (t - steps.lowerBound) * context.stepWidth + first * size, hasCell: cell.hasCellState)
          ?? FlowRows(), scratch: scratch)
      if let clip = supervision.clip, t >= 0 { gather(&step, rows, clip) }
      S.kernels.backward(cell.kind, step)
    }
  }

  /// ∂L/∂h_t as a whole first, to clip it by rows: what is left of the step is the cell.
  private func gather(_ step: inout BackwardStep<S>, _ rows: Range<Int>, _ clip: StepClip) {
    var gathering = step
    gathering.numbers = nil
    gathering.flow.output = nil
    S.kernels.backward(cell.kind, gathering)
    (step.laterGates, step.laterCandidate, step.outputGradient, step.flow.laterOutput) = (nil, nil, nil, nil)
    for (index, row) in rows.enumerated() where step.lengths.map({ step.step < $0[index] }) ?? true {
      clip.apply(View(start: step.carried + index * size, count: size), row: row)
    }
  }

  /// The shared weights take part in every step: their gradients are sums over all of them.
  private func accumulate(
    _ level: Context.Level, _ steps: Range<Int>, input: View<S>, _ gradients: LayerGradients<S>,
    _ context: Context
  ) {
    let (k, gates) = (level.k, context.gates(level, steps))
    // dW_ih += Σ_t dgates_t x_tᵀ;  db_ih += Σ_t dgates_t
    let inputWeight = tensor(4 * k, of: gradients.parameters)
    matmul(
      gates.transposed, context.matrix(input, inputWidth(k), steps),
      into: Matrix(inputWeight, rows: gateWidth, columns: inputWidth(k)), from: .current,
      scratch: context.scratch.product)
    let sums = context.scratch.gateRow
    sums.clear()
    addColumnSums(gates, to: sums.start)
    S.kernels.add(sums.start, to: tensor(4 * k + 2, of: gradients.parameters).start, count: gateWidth)
    // dW_hh += Σ_t dgates_t h_{t-1}ᵀ;  db_hh += Σ_t dgates_t, with q's gradient in the place of n's
    let hidden = tensor(4 * k + 1, of: gradients.parameters)
    accumulateHidden(level, steps, cell.hiddenBlock, hidden, context)
    if let block = cell.candidateBlock {
      accumulateHidden(level, steps, block, hidden, context)
      let part = sums.part(block.firstGate * size, block.gateCount * size)
      part.clear()
      addColumnSums(context.hiddenGradient(level, block, steps: steps), to: part.start)
    }
    S.kernels.add(sums.start, to: tensor(4 * k + 3, of: gradients.parameters).start, count: gateWidth)
  }

  /// dW_hh of some gates, for the steps of a block.
  private func accumulateHidden(
    _ level: Context.Level, _ steps: Range<Int>, _ block: HiddenBlock, _ gradient: View<S>, _ context: Context
  ) {
    matmul(
      context.hiddenGradient(level, block, steps: steps).transposed, context.previousOutputs(level, steps),
      into: context.hiddenBlock(gradient, block), from: .current, scratch: context.scratch.product)
  }
}
