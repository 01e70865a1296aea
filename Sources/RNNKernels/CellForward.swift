/// One time step forward: tile by tile the products of x_t and h_{t-1} with the weights, and the cell on the tile's
/// sums.
///
/// Each sum is one chain: the bias, then W_ih x over the inputs, then W_hh h over the hidden units, in order.
enum CellForward<K: CellKernel> {
  typealias M = K.M
  typealias V = M.V
  typealias S = M.S
  typealias L = Lanes<M>

  static func forward(_ step: ForwardStep<S>) {
    let size = step.shape.size
    forEachTile(step) { panel, tile, count in
      if let input = step.input {
        project(step, panel, input, tile, count)
      } else {
        gather(step, panel, tile, count)
      }
      addHiddenBiases(step, panel, count)
      let (sums, stride) = (
        step.scratch + K.firstHiddenSum &* V.scalarCount, panel.sums &* V.scalarCount
      )
      Tile<M>.multiply(
        rows: count, columns: panel.columns,
        TileProduct(
          depth: size, a: step.numbers.previousOutput + tile &* step.shape.stateStride,
          rowStride: step.shape.stateStride, depthStride: 1,
          panel: step.weights + panel.hiddenWeights, start: UnsafePointer(sums), startStride: stride,
          target: sums, targetStride: stride))
      for r in 0..<count { finish(step, panel, row: tile &+ r, UnsafePointer(step.scratch + r &* stride)) }
    }
  }

  /// Only b + W_ih x, to `gates`: for many steps at once, where few rows would read all of W_ih at each.
  static func project(_ step: ForwardStep<S>) {
    guard let input = step.input else { return }
    forEachTile(step) { panel, tile, count in
      project(step, panel, input, tile, count)
      forEachSum(step, panel, tile, count) { sums, index, gate, lanes in
        L.store(Tile<M>.load(UnsafePointer(sums), index), gate, 0, lanes)
      }
    }
  }

  @inline(__always)
  private static func forEachTile(
    _ step: ForwardStep<S>, _ body: (_ panel: CellPanel<K>, _ tile: Int, _ count: Int) -> Void
  ) {
    for index in step.panels {
      let panel = CellPanel<K>(index, step.shape)
      Tile<M>.forEach(rows: step.rows, columns: panel.columns) { tile, count in body(panel, tile, count) }
    }
  }

  // MARK: Sums

  /// b + W_ih x of a tile, to scratch.
  @inline(never)
  private static func project(
    _ step: ForwardStep<S>, _ panel: CellPanel<K>, _ input: UnsafePointer<S>, _ tile: Int, _ count: Int
  ) {
    let depth = step.shape.inputSize
    Tile<M>.multiply(
      rows: count, columns: panel.columns,
      TileProduct(
        depth: depth, a: input + tile &* step.shape.inputStride, rowStride: step.shape.inputStride,
        depthStride: 1,
        panel: step.weights + panel.inputWeights, start: step.weights + panel.biases, startStride: 0,
        target: step.scratch, targetStride: panel.sums &* V.scalarCount))
  }

  /// The same from `gates`.
  @inline(never)
  private static func gather(_ step: ForwardStep<S>, _ panel: CellPanel<K>, _ tile: Int, _ count: Int) {
    forEachSum(step, panel, tile, count) { sums, index, gate, lanes in
      Tile<M>.store(L.load(UnsafePointer(gate), 0, lanes), sums, index)
    }
  }

  /// Calls `body(sums of a row, vector of them, its place in gates, lanes)` for all sums that x has a part in.
  @inline(__always)
  private static func forEachSum(
    _ step: ForwardStep<S>, _ panel: CellPanel<K>, _ tile: Int, _ count: Int,
    _ body: (UnsafeMutablePointer<S>, Int, UnsafeMutablePointer<S>, Int) -> Void
  ) {
    for r in 0..<count {
      let sums = step.scratch + r &* panel.sums &* V.scalarCount
      let gates = step.numbers.gates + (tile &+ r) &* step.shape.gateStride
      L.forEach(panel.units) { offset, lanes in
        for sum in 0..<K.gateCount {
          let place = K.inputGate(sum) &* step.shape.size &+ panel.firstUnit &+ offset
          body(sums, offset / V.scalarCount &* K.sumCount &+ sum, gates + place, lanes)
        }
      }
    }
  }

  /// Sums that x has no part in begin here.
  @inline(__always)
  private static func addHiddenBiases(_ step: ForwardStep<S>, _ panel: CellPanel<K>, _ count: Int) {
    for sum in K.gateCount..<K.sumCount {
      let bias = Tile<M>.load(step.weights + panel.biases, sum)
      for r in 0..<count { Tile<M>.store(bias, step.scratch, r &* panel.sums &+ sum) }
    }
  }

  // MARK: The cell

  /// The cell of one row, for the units of a panel. After a row's end h_t = h_{t-1}, c_t = c_{t-1}.
  @inline(__always)
  private static func finish(
    _ step: ForwardStep<S>, _ panel: CellPanel<K>, row r: Int, _ sums: UnsafePointer<S>
  ) {
    let row = step.numbers.row(r, step.shape)
    let isPadding = step.lengths.map { step.step >= $0[r] } ?? false
    let room = step.shape.stateStride &- panel.firstUnit
    L.forEach(min(room, panel.vectors &* V.scalarCount)) { offset, lanes in
      let j = panel.firstUnit &+ offset
      if isPadding {
        L.store(L.load(row.previousOutput, j, lanes), row.output, j, lanes)
        if K.hasCellState { L.store(L.load(row.previousCell, j, lanes), row.cell, j, lanes) }
        if step.keepsActivations { K.clearActivations(j, lanes, row, size: step.shape.size) }
      } else {
        let sums = sums + offset &* K.sumCount
        K.end(K.begin(j, lanes, sums, row, step), j, lanes, sums, row, step)
      }
    }
  }
}
