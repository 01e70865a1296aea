import RNNKernels

extension Recurrent {
  /// y_t = h_t of the top layer. After a row's end h and c keep their last values.
  func forward(_ pass: LayerPass<S>) {
    guard case .features(let input) = pass.input, let context = Context(self, pass) else { return }
    var x = input
    for k in 0..<depth {
      forward(level: k, input: x, context)
      x = context.inputAbove(k)
      if k + 1 < depth, let dropout = pass.dropout, description.dropout > 0 {
        dropout.apply(
          context.outputs(k), to: x, rows: pass.rows, width: size, probability: description.dropout, site: k)
      }
    }
  }

  private func forward(level k: Int, input: View<S>, _ context: Context) {
    let (pass, level) = (context.pass, context.reserve.levels[k])
    // For all t: gates_t = W_ih x_t + b_ih + b_hh
    matmul(
      context.matrix(input, inputWidth(k)), context.inputWeight(k).transposed,
      into: context.matrix(level.gates, gateWidth), from: .row(context.joinedBiases(k)),
      scratch: context.scratch.product)
    context.loadInitialState(k)
    let (kernels, packed) = (S.kernels, context.packed(k).start)
    if !pass.isPacked {
      kernels.packForward(cell.kind, size: size, context.hiddenWeight(k).values.start, to: packed)
    }
    context.splitRows { rows, scratch in
      for step in 0..<pass.steps {
        kernels.forward(
          cell.kind,
          ForwardStep(
            step: step, rows: rows.count, size: size, relu: cell.relu,
            lengths: context.lengths(from: rows.lowerBound), weights: packed,
            hiddenBias: context.hiddenBias(k).start,
            numbers: context.numbers(k, step, from: rows.lowerBound), scratch: scratch))
      }
    }
    context.storeFinalState(k)
  }

  /// Backpropagation through time, from the top layer down. Werbos 1990.
  func backward(_ pass: LayerPass<S>, _ gradients: LayerGradients<S>) {
    guard case .features(let input) = pass.input, let context = Context(self, pass) else { return }
    var gradOutput = gradients.output
    for k in (0..<depth).reversed() {
      backward(level: k, gradOutput: gradOutput, gradients, context)
      accumulate(level: k, input: k == 0 ? input : context.inputAbove(k - 1), gradients, context)
      guard let gradInput = k == 0 ? gradients.input : context.scratch.gradInner else { return }
      // For all t: dx_t = W_ihᵀ dgates_t
      matmul(
        context.matrix(context.reserve.levels[k].gates, gateWidth), context.inputWeight(k),
        into: context.matrix(gradInput, inputWidth(k)), scratch: context.scratch.product)
      if k > 0, let dropout = pass.dropout, description.dropout > 0 {
        dropout.apply(
          gradInput, to: gradInput, rows: pass.rows, width: size, probability: description.dropout,
          site: k - 1)
      }
      gradOutput = gradInput
    }
  }

  /// The steps in reverse: ∂L/∂h_t is what comes from y_t plus what comes from h_{t+1}.
  private func backward(
    level k: Int, gradOutput: View<S>, _ gradients: LayerGradients<S>, _ context: Context
  ) {
    let pass = context.pass
    context.loadFinalGradient(k, gradients.stateOut)
    context.loadInitialState(k)
    let packed = context.packed(k).start
    S.kernels.packBackward(cell.kind, size: size, context.hiddenWeight(k).values.start, to: packed)
    context.splitRows { rows, scratch in
      for step in (0..<pass.steps).reversed() {
        stepBackward(level: k, step: step, rows: rows, gradOutput, context, scratch)
      }
      // ∂L/∂h_0
      if gradients.state != nil { stepBackward(level: k, step: -1, rows: rows, gradOutput, context, scratch) }
    }
    context.storeInitialGradient(k, gradients.state)
  }

  /// ∂L/∂h_t = ∂L/∂y_t + W_hhᵀ dgates_{t+1} + what does not pass through W_hh, then the gradients of step t's gates.
  private func stepBackward(
    level k: Int, step: Int, rows: Range<Int>, _ gradOutput: View<S>, _ context: Context,
    _ scratch: UnsafeMutablePointer<S>
  ) {
    let (pass, first) = (context.pass, rows.lowerBound)
    let later = step + 1 < pass.steps ? context.numbers(k, step + 1, from: first) : nil
    S.kernels.backward(
      cell.kind,
      BackwardStep(
        step: step, rows: rows.count, size: size, relu: cell.relu, lengths: context.lengths(from: first),
        weights: UnsafePointer(context.packed(k).start),
        numbers: step < 0 ? nil : context.numbers(k, step, from: first),
        laterGates: later.map { UnsafePointer($0.gates) },
        laterCandidate: later.map { UnsafePointer($0.candidate) },
        outputGradient: step < 0
          ? nil : UnsafePointer(gradOutput.start + (step * pass.rows + first) * size),
        carried: context.scratch.gradOutput.start + first * size,
        carriedCell: context.scratch.gradCell.start + first * size, scratch: scratch))
  }

  /// The shared weights take part in every step: their gradients are sums over all of them.
  private func accumulate(
    level k: Int, input: View<S>, _ gradients: LayerGradients<S>, _ context: Context
  ) {
    let pass = context.pass
    let gates = context.matrix(context.reserve.levels[k].gates, gateWidth)
    // dW_ih += Σ_t dgates_t x_tᵀ;  db_ih += Σ_t dgates_t
    let inputWeight = tensor(4 * k, of: gradients.parameters)
    matmul(
      gates.transposed, context.matrix(input, inputWidth(k)),
      into: Matrix(inputWeight, rows: gateWidth, columns: inputWidth(k)), from: .current,
      scratch: context.scratch.product)
    let sums = context.stepSums(k)
    S.kernels.add(sums.start, to: tensor(4 * k + 2, of: gradients.parameters).start, count: gateWidth)
    // dW_hh += Σ_t dgates_t h_{t-1}ᵀ;  db_hh += Σ_t dgates_t, with q's gradient in the place of n's
    for block in cell.hiddenBlocks {
      let weight = context.hiddenBlock(tensor(4 * k + 1, of: gradients.parameters), block)
      let first = context.hiddenGradient(k, block, steps: 0..<1)
      matmul(
        first.transposed, context.stepMatrix(context.scratch.initialOutput, size), into: weight,
        from: .current, scratch: context.scratch.product)
      if pass.steps > 1 {
        let previous = context.outputs(k).part(0, (pass.steps - 1) * pass.rows * size)
        matmul(
          context.hiddenGradient(k, block, steps: 1..<pass.steps).transposed,
          Matrix(previous, rows: (pass.steps - 1) * pass.rows, columns: size), into: weight,
          from: .current, scratch: context.scratch.product)
      }
    }
    let hiddenSums = context.stepSumsOfHidden(k, sums)
    S.kernels.add(
      hiddenSums.start, to: tensor(4 * k + 3, of: gradients.parameters).start, count: gateWidth)
  }
}
