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
    // For all t: gates_t = W_ih x_t
    matmul(
      context.matrix(input, inputWidth(k)), context.inputWeight(k).transposed,
      into: context.matrix(level.gates, gateWidth))
    context.loadInitialState(k)
    let product = HiddenProduct.forward(context, level: k)
    context.splitRows(if: product.isSplittable) { rows in
      for step in 0..<pass.steps {
        // hidden = W_hh h_{t-1}
        product.multiplyForward(step: step, rows: rows)
        for row in rows { stepForward(level: k, step: step, row: row, context) }
      }
    }
    context.storeFinalState(k)
  }

  private func stepForward(level k: Int, step: Int, row: Int, _ context: Context) {
    let numbers = context.row(k, step, row)
    if context.pass.lengths.isValid(step: step, row: row) {
      cell.forward(numbers, context.biases(k))
    } else {
      freeze(numbers)
    }
  }

  /// h_t = h_{t-1}, c_t = c_{t-1}. Its gates, which padding has reached, become zero.
  private func freeze(_ row: CellRow<S>) {
    View(start: row.output, count: size).copy(from: row.previousOutput)
    if cell.hasCellState { View(start: row.cell, count: size).copy(from: row.previousCell) }
    clearGates(row)
  }

  private func clearGates(_ row: CellRow<S>) {
    View(start: row.gates, count: gateWidth).clear()
    if cell.hasCandidate { View(start: row.candidate, count: size).clear() }
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
        into: context.matrix(gradInput, inputWidth(k)))
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
    let product = HiddenProduct.backward(context, level: k)
    context.splitRows(if: product.isSplittable) { rows in
      for step in (0..<pass.steps).reversed() {
        for row in rows { stepBackward(level: k, step: step, row: row, gradOutput, context) }
        if step == 0 && gradients.state == nil { return }
        // ∂L/∂h_{t-1} += W_hhᵀ dgates_t
        product.multiplyBackward(step: step, rows: rows)
      }
    }
    context.storeInitialGradient(k, gradients.state)
  }

  /// ∂L/∂h_t and ∂L/∂c_t of one row to the gradients of its gates. Padding has none.
  private func stepBackward(level k: Int, step: Int, row: Int, _ gradOutput: View<S>, _ context: Context) {
    let numbers = context.row(k, step, row)
    guard context.pass.lengths.isValid(step: step, row: row) else { return clearGates(numbers) }
    let gradient = CellGradient(
      output: context.scratch.gradOutput.start + row * size, cell: context.scratch.gradCell.start + row * size
    )
    let place = (step * context.pass.rows + row) * size
    Reductions<S>.add(gradOutput.start + place, to: gradient.output, count: size)
    cell.backward(numbers, gradient)
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
      into: Matrix(inputWeight, rows: gateWidth, columns: inputWidth(k)), adding: true)
    let sums = context.stepSums(k)
    Reductions<S>.add(sums.start, to: tensor(4 * k + 2, of: gradients.parameters).start, count: gateWidth)
    // dW_hh += Σ_t dgates_t h_{t-1}ᵀ;  db_hh += Σ_t dgates_t, with q's gradient in the place of n's
    for block in cell.hiddenBlocks {
      let weight = context.hiddenBlock(tensor(4 * k + 1, of: gradients.parameters), block)
      let first = context.hiddenGradient(k, block, steps: 0..<1)
      matmul(
        first.transposed, context.stepMatrix(context.scratch.initialOutput, size), into: weight, adding: true)
      if pass.steps > 1 {
        let previous = context.outputs(k).part(0, (pass.steps - 1) * pass.rows * size)
        matmul(
          context.hiddenGradient(k, block, steps: 1..<pass.steps).transposed,
          Matrix(previous, rows: (pass.steps - 1) * pass.rows, columns: size), into: weight, adding: true)
      }
    }
    let hiddenSums = context.stepSumsOfHidden(k, sums)
    Reductions<S>.add(
      hiddenSums.start, to: tensor(4 * k + 3, of: gradients.parameters).start, count: gateWidth)
  }
}
