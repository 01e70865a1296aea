/// The way back through one time step: tile by tile the product of W_hhᵀ with the gradients of step t + 1, and the
/// cell on the tile's sums.
enum CellBackward<K: CellKernel> {
  typealias M = K.M
  typealias V = M.V
  typealias S = M.S
  typealias L = Lanes<M>

  static func backward(_ step: BackwardStep<S>) {
    for index in step.panels {
      let first = index &* Packing<M>.panelColumns
      let units = min(Packing<M>.panelColumns, step.shape.size &- first)
      let vectors = Packing<M>.vectors(units)
      Tile<M>.forEach(rows: step.rows, columns: vectors) { tile, count in
        gather(step, first, vectors, tile, count)
        for r in 0..<count {
          finish(
            step, row: tile &+ r, first, units, UnsafePointer(step.scratch + r &* vectors &* V.scalarCount))
        }
      }
    }
  }

  /// W_hhᵀ dgates_{t+1} of a tile, to scratch. In a GRU the last gate's gradient on the hidden side is that of q.
  @inline(__always)
  private static func gather(_ step: BackwardStep<S>, _ first: Int, _ vectors: Int, _ tile: Int, _ count: Int)
  {
    let (size, stride, width) = (step.shape.size, step.shape.gateStride, vectors &* V.scalarCount)
    let depth = (K.hasCandidate ? K.gateCount &- 1 : K.gateCount) &* size
    let panel = step.weights + first &* K.gateCount &* size
    guard let gates = step.laterGates else {
      for index in 0..<count &* vectors { Tile<M>.store(V(repeating: 0), step.scratch, index) }
      return
    }
    Tile<M>.multiply(
      rows: count, columns: vectors,
      TileProduct(
        depth: depth, a: gates + tile &* stride, rowStride: stride, depthStride: 1, panel: panel,
        start: nil, startStride: 0, target: step.scratch, targetStride: width))
    guard K.hasCandidate, let candidate = step.laterCandidate else { return }
    Tile<M>.multiply(
      rows: count, columns: vectors,
      TileProduct(
        depth: size, a: candidate + tile &* size, rowStride: size, depthStride: 1,
        panel: panel + depth &* width, start: UnsafePointer(step.scratch), startStride: width,
        target: step.scratch, targetStride: width))
  }

  /// ∂L/∂h_t is what was carried, what comes from y_t and what passed through W_hh. Padding passes it on.
  @inline(__always)
  private static func finish(
    _ step: BackwardStep<S>, row r: Int, _ first: Int, _ units: Int, _ sums: UnsafePointer<S>
  ) {
    let place = r &* step.shape.size
    let isPadding = step.lengths.map { step.step >= $0[r] } ?? false
    L.forEach(units) { offset, lanes in
      let j = first &+ offset
      var dh = L.load(step.carried + place, j, lanes) + L.load(sums, offset, V.scalarCount)
      if let observed = step.flow.laterOutput { L.store(dh, observed + place, j, lanes) }
      if let outputGradient = step.outputGradient { dh = dh + L.load(outputGradient + place, j, lanes) }
      if let observed = step.flow.output { L.store(dh, observed + place, j, lanes) }
      if K.hasCellState, let observed = step.flow.laterCell {
        L.store(L.load(step.carriedCell + place, j, lanes), observed + place, j, lanes)
      }
      if let numbers = step.numbers {
        let row = numbers.row(r, step.shape)
        if isPadding {
          K.clearActivations(j, lanes, row, size: step.shape.size)
        } else {
          dh = K.backward(j, lanes, dh: dh, row, place: place, step)
        }
      }
      L.store(dh, step.carried + place, j, lanes)
    }
  }
}
