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
      var reserve = Carver(pass.reserve)
      var workspace = Carver(pass.workspace)
      let (steps, rows, isTraining) = (pass.steps, pass.rows, pass.isTraining)
      do {
        self.reserve = try RecurrentReserve(
          carving: &reserve, layer: layer, steps: steps, rows: rows, isTraining: isTraining)
        scratch = try RecurrentScratch(
          carving: &workspace, layer: layer, height: steps * rows, rows: rows, isTraining: isTraining)
      } catch {
        return nil
      }
      self.layer = layer
      self.pass = pass
      stepWidth = pass.rows * layer.size
    }

    // MARK: Activations

    /// One stacked layer of the pass.
    struct Level {
      let k: Int
      let shape: CellShape
      /// Of the layer, within packed weights.
      let packed: UnsafeMutablePointer<S>
      let kept: RecurrentReserve<S>.Level
      /// h of all steps.
      let outputs: View<S>
    }

    func level(_ k: Int) -> Level {
      let kept = reserve.level(k)
      return Level(
        k: k, shape: layer.shape(k), packed: layer.packed(k, in: pass.packed), kept: kept,
        outputs: k + 1 == layer.depth ? pass.output : kept.outputs)
    }

    /// What layer k + 1 reads.
    func inputAbove(_ k: Int) -> View<S> {
      let level = level(k)
      return pass.dropout != nil && layer.description.dropout > 0 && k + 1 < layer.depth
        ? level.kept.dropped : level.outputs
    }

    /// What layer k reads.
    func input(_ k: Int) -> View<S> {
      if k > 0 { return inputAbove(k - 1) }
      if case .features(let features) = pass.input { return features }
      return View(start: nil, count: 0)
    }

    /// h_{t-1} of rows from `row` on.
    private func previousOutput(_ level: Level, _ step: Int, from row: Int) -> UnsafeMutablePointer<S> {
      let start = step == 0 ? scratch.initialOutput.start : level.outputs.start + (step - 1) * stepWidth
      return start + row * layer.size
    }

    /// h_{t-1} of the steps of a block, side by side.
    func previousOutputs(_ level: Level, _ steps: Range<Int>) -> Matrix<S> {
      if steps.lowerBound > 0 {
        return matrix(level.outputs, layer.size, steps.lowerBound - 1..<steps.upperBound - 1)
      }
      let copy = scratch.previous.part(0, steps.count * stepWidth)
      copy.part(0, stepWidth).copy(from: scratch.initialOutput.start)
      copy.part(stepWidth, copy.count - stepWidth).copy(from: level.outputs.start)
      return matrix(copy, layer.size, 0..<steps.count)
    }

    /// The numbers of rows from `row` on at one step. Outside training c_t takes the place of c_{t-1}.
    func numbers(_ level: Level, _ step: Int, from row: Int) -> CellRows<S> {
      let kept = pass.isTraining ? step : step % blockSteps(rows: pass.rows)
      let gates = level.kept.gates.start + (kept * pass.rows + row) * layer.gateStride
      let place = (step * pass.rows + row) * layer.size
      let keepsCells = pass.isTraining && layer.cell.hasCellState
      let initialCell = scratch.initialCell.start + row * layer.size
      let cell = keepsCells ? level.kept.cells.start + place : initialCell
      return CellRows(
        gates: gates, previousOutput: previousOutput(level, step, from: row),
        output: level.outputs.start + place,
        previousCell: step > 0 && keepsCells ? cell - stepWidth : initialCell,
        cell: cell,
        candidate: pass.isTraining && layer.cell.hasCandidate ? level.kept.candidates.start + place : gates)
    }

    /// Valid steps of rows from `row` on.
    func lengths(from row: Int) -> UnsafePointer<Int>? {
      pass.lengths.values.map { UnsafePointer($0.start + row) }
    }

    /// Calls `body` with each run of neighbouring rows that are valid at a step.
    func forEachValidRun(_ step: Int, _ body: (Range<Int>) -> Void) {
      guard pass.lengths.values != nil else { return body(0..<pass.rows) }
      var first = 0
      for row in 0...pass.rows where row == pass.rows || !pass.lengths.isValid(step: step, row: row) {
        if first < row { body(first..<row) }
        first = row + 1
      }
    }

    // MARK: Steps

    /// Runs `body(step, rows, panels, scratch)` for each of some steps, shared among threads: the batch, for rows do
    /// not depend on one another; or, where rows are few, the hidden units, and then threads meet after each step.
    @inline(never)
    func forEachStep(
      _ steps: Int, panels: Int, work: Int, sharesUnits: Bool = true,
      _ body: (_ step: Int, _ rows: Range<Int>, _ panels: Range<Int>, UnsafeMutablePointer<S>) -> Void
    ) {
      let own = scratch.product.part(0, Blocking.tile)
      if sharesUnits && pass.rows < 2 * ThreadPool.threadCount && pass.rows * work >= ThreadPool.worthMeeting
      {
        ThreadPool.split(panels, rounds: steps, work: steps &* pass.rows &* work / panels, scratch: own) {
          step, panels, scratch in
          body(step, 0..<pass.rows, panels, scratch)
        }
      } else {
        ThreadPool.split(pass.rows, work: steps &* work, scratch: own) { rows, scratch in
          for step in 0..<steps { body(step, rows, 0..<panels, scratch) }
        }
      }
    }

    func forwardStep(
      _ level: Level, _ step: Int, rows: Range<Int>, panels: Range<Int>, _ scratch: UnsafeMutablePointer<S>
    ) -> ForwardStep<S> {
      ForwardStep(
        shape: level.shape, step: step, rows: rows.count, panels: panels,
        lengths: lengths(from: rows.lowerBound), weights: UnsafePointer(level.packed), input: nil,
        numbers: numbers(level, step, from: rows.lowerBound), keepsActivations: pass.isTraining,
        scratch: scratch)
    }

    // MARK: Weights

    /// Whether W_ih x is computed for a block of steps at a time. With few rows, a step that reads W_ih anew waits for
    /// it more than it computes, unless it is small. Both ways give the same bits.
    func projectsBlocks(_ k: Int) -> Bool {
      let weights = layer.gateWidth * layer.inputWidth(k)
      return ProductMethod.chosen == .blas || pass.steps > 1 && pass.rows < 8 && weights > 1 << 13
    }

    // MARK: Matrices

    /// Some steps of [T, B, width].
    func matrix(_ values: View<S>, _ width: Int, _ steps: Range<Int>) -> Matrix<S> {
      let rows = steps.count * pass.rows
      return Matrix(
        values.part(steps.lowerBound * pass.rows * width, rows * width), rows: rows, columns: width)
    }

    /// The gates of the steps of a block. Outside training every block has the same place.
    func gates(_ level: Level, _ steps: Range<Int>) -> Matrix<S> {
      hiddenGradient(
        level, HiddenBlock(firstGate: 0, gateCount: layer.cell.gateCount),
        steps: pass.isTraining ? steps : 0..<steps.count)
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
    func hiddenGradient(_ level: Level, _ block: HiddenBlock, steps: Range<Int>) -> Matrix<S> {
      let (rows, columns) = (steps.count * pass.rows, block.gateCount * layer.size)
      let source = block.inCandidate ? level.kept.candidates : level.kept.gates
      let stride = block.inCandidate ? layer.size : layer.gateStride
      let offset =
        steps.lowerBound * pass.rows * stride + (block.inCandidate ? 0 : block.firstGate * layer.size)
      let part = source.part(offset, (rows - 1) * stride + columns)
      return Matrix(part, rows: rows, columns: columns, stride: stride)
    }

    // MARK: States: h [L, B, H], then c [L, B, H]

    private func statePart(_ state: View<S>, _ index: Int, _ k: Int) -> View<S> {
      state.part((index * layer.depth + k) * stepWidth, stepWidth)
    }

    func loadInitialState(_ k: Int) { load(pass.state, k, scratch.initialOutput, scratch.initialCell) }

    func loadFinalGradient(_ k: Int, _ gradient: View<S>?) {
      load(gradient, k, scratch.gradOutput, scratch.gradCell)
    }

    func storeFinalState(_ level: Level) {
      let last = numbers(level, pass.steps - 1, from: 0)
      store(last.output, last.cell, level.k, pass.stateOut)
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
