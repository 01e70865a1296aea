import RNNKernels

extension Recurrent {
  /// Where everything of one pass lies: the arithmetic of places, apart from the mathematics.
  struct Context {
    let layer: Recurrent
    let pass: LayerPass<S>
    let reserve: RecurrentReserve<S>
    let scratch: RecurrentScratch<S>
    /// B·H.
    let stepWidth: Int

    /// nil only if sizes overflow, which `plan` has excluded.
    init?(_ layer: Recurrent, _ pass: LayerPass<S>) {
      let height = pass.steps * pass.rows
      var reserve = Carver(pass.reserve)
      var workspace = Carver(pass.workspace)
      do {
        self.reserve = try RecurrentReserve(carving: &reserve, layer: layer, height: height)
        scratch = try RecurrentScratch(carving: &workspace, layer: layer, height: height, rows: pass.rows)
      } catch {
        return nil
      }
      self.layer = layer
      self.pass = pass
      stepWidth = pass.rows * layer.size
    }

    // MARK: Activations

    /// h of all steps.
    func outputs(_ k: Int) -> View<S> { k + 1 == layer.depth ? pass.output : reserve.levels[k].outputs }

    /// What layer k + 1 reads.
    func inputAbove(_ k: Int) -> View<S> {
      pass.dropout != nil && layer.description.dropout > 0 && k + 1 < layer.depth
        ? reserve.levels[k].dropped : outputs(k)
    }

    /// h_{t-1} of all rows.
    func previousOutput(_ k: Int, _ step: Int) -> View<S> {
      step == 0 ? scratch.initialOutput : outputs(k).part((step - 1) * stepWidth, stepWidth)
    }

    /// The numbers of rows from `row` on at one step.
    func numbers(_ k: Int, _ step: Int, from row: Int) -> CellRows<S> {
      let level = reserve.levels[k]
      let place = (step * pass.rows + row) * layer.size
      let hasCells = layer.cell.hasCellState
      let cells = hasCells ? level.cells.start + place : level.gates.start
      let previousCells =
        step == 0 || !hasCells ? scratch.initialCell.start + row * layer.size : cells - stepWidth
      return CellRows(
        gates: level.gates.start + place * layer.cell.gateCount,
        previousOutput: previousOutput(k, step).start + row * layer.size, output: outputs(k).start + place,
        previousCell: previousCells, cell: cells,
        candidate: layer.cell.hasCandidate ? level.candidates.start + place : level.gates.start)
    }

    /// Valid steps of rows from `row` on.
    func lengths(from row: Int) -> UnsafePointer<Int>? {
      pass.lengths.values.map { UnsafePointer($0.start + row) }
    }

    /// Shares the batch among threads for a whole pass: rows do not depend on one another.
    func splitRows(_ body: (Range<Int>, UnsafeMutablePointer<S>) -> Void) {
      let work = pass.steps &* layer.gateWidth &* layer.size / 16
      ThreadPool.split(pass.rows, work: work, scratch: scratch.product.part(0, Blocking.tile), body)
    }

    /// Layer k's part of the packed weights.
    func packed(_ k: Int) -> View<S> {
      let count = pass.packed.count / layer.depth
      return pass.packed.part(k * count, count)
    }

    // MARK: Matrices

    func matrix(_ values: View<S>, _ width: Int) -> Matrix<S> {
      Matrix(values, rows: pass.steps * pass.rows, columns: width)
    }

    func stepMatrix(_ values: View<S>, _ width: Int) -> Matrix<S> {
      Matrix(values, rows: pass.rows, columns: width)
    }

    func inputWeight(_ k: Int) -> Matrix<S> {
      Matrix(layer.tensor(4 * k, of: pass.parameters), rows: layer.gateWidth, columns: layer.inputWidth(k))
    }

    func hiddenWeight(_ k: Int) -> Matrix<S> {
      Matrix(layer.tensor(4 * k + 1, of: pass.parameters), rows: layer.gateWidth, columns: layer.size)
    }

    func hiddenBias(_ k: Int) -> View<S> { layer.tensor(4 * k + 3, of: pass.parameters) }

    /// b_ih + b_hh of all gates, but for the last gate of a GRU b_ih alone: r stands before its b_hn.
    func joinedBiases(_ k: Int) -> View<S> {
      let row = scratch.gateRow
      row.copy(from: layer.tensor(4 * k + 2, of: pass.parameters).start)
      let joined = layer.gateWidth - (layer.cell.hasCandidate ? layer.size : 0)
      S.kernels.add(hiddenBias(k).start, to: row.start, count: joined)
      return row
    }

    /// The rows of a block of gates in W_hh, or in its gradient.
    func hiddenBlock(_ weight: View<S>, _ block: HiddenBlock) -> Matrix<S> {
      let rows = block.gateCount * layer.size
      let part = weight.part(block.firstGate * layer.size * layer.size, rows * layer.size)
      return Matrix(part, rows: rows, columns: layer.size)
    }

    /// The gradient that a block of W_hh sees, for some steps: [steps·B, gates·H].
    func hiddenGradient(_ k: Int, _ block: HiddenBlock, steps: Range<Int>) -> Matrix<S> {
      let (rows, columns) = (steps.count * pass.rows, block.gateCount * layer.size)
      let level = reserve.levels[k]
      let source = block.inCandidate ? level.candidates : level.gates
      let stride = block.inCandidate ? layer.size : layer.gateWidth
      let offset =
        steps.lowerBound * pass.rows * stride + (block.inCandidate ? 0 : block.firstGate * layer.size)
      let part = source.part(offset, (rows - 1) * stride + columns)
      return Matrix(part, rows: rows, columns: columns, stride: stride)
    }

    // MARK: Sums over steps and rows, in scratch that backward does not need otherwise

    /// Σ_t dgates_t, [GH].
    func stepSums(_ k: Int) -> View<S> {
      let sums = scratch.gateRow
      sums.clear()
      addColumnSums(
        reserve.levels[k].gates, rows: pass.steps * pass.rows, columns: layer.gateWidth, to: sums)
      return sums
    }

    /// The same on the hidden side: n of a GRU sees the gradient of q instead.
    func stepSumsOfHidden(_ k: Int, _ sums: View<S>) -> View<S> {
      for block in layer.cell.hiddenBlocks where block.inCandidate {
        let part = sums.part(block.firstGate * layer.size, block.gateCount * layer.size)
        part.clear()
        addColumnSums(
          reserve.levels[k].candidates, rows: pass.steps * pass.rows, columns: part.count, to: part)
      }
      return sums
    }

    // MARK: States: h [L, B, H], then c [L, B, H]

    private func statePart(_ state: View<S>, _ index: Int, _ k: Int) -> View<S> {
      state.part((index * layer.depth + k) * stepWidth, stepWidth)
    }

    func loadInitialState(_ k: Int) { load(pass.state, k, scratch.initialOutput, scratch.initialCell) }

    func loadFinalGradient(_ k: Int, _ gradient: View<S>?) {
      load(gradient, k, scratch.gradOutput, scratch.gradCell)
    }

    func storeFinalState(_ k: Int) {
      let last = (pass.steps - 1) * stepWidth
      let cells = layer.cell.hasCellState ? reserve.levels[k].cells.start + last : scratch.initialCell.start
      store(outputs(k).start + last, cells, k, pass.stateOut)
    }

    func storeInitialGradient(_ k: Int, _ gradient: View<S>?) {
      store(scratch.gradOutput.start, scratch.gradCell.start, k, gradient)
    }

    private func load(_ state: View<S>?, _ k: Int, _ h: View<S>, _ c: View<S>) {
      guard let state else {
        h.clear()
        return c.clear()
      }
      h.copy(from: statePart(state, 0, k).start)
      if layer.cell.hasCellState { c.copy(from: statePart(state, 1, k).start) }
    }

    private func store(
      _ h: UnsafeMutablePointer<S>, _ c: UnsafeMutablePointer<S>, _ k: Int, _ state: View<S>?
    ) {
      guard let state else { return }
      statePart(state, 0, k).copy(from: h)
      if layer.cell.hasCellState { statePart(state, 1, k).copy(from: c) }
    }
  }
}
