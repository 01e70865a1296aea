import CPlatform

/// What a cell does between the matrix products of one time step, for one vector of hidden units j ..< j + lanes of
/// one row.
protocol CellKernel<M> {
  associatedtype M: Machine
  typealias V = M.V
  typealias S = M.S

  static var gateCount: Int { get }
  static var hasCellState: Bool { get }
  static var hasCandidate: Bool { get }

  /// From W_ih x_t with its biases in `gates` and W_hh h_{t-1} in `sums`, a vector for each gate, to h_t; leaves the
  /// activations in `gates`.
  static func forward(
    _ j: Int, _ lanes: Int, _ sums: UnsafePointer<S>, _ row: CellRows<S>, _ step: ForwardStep<S>)

  /// From `dh` = ∂L/∂h_t to the gradients of the pre-activations in `gates` and `candidate`, and of c_{t-1} in
  /// `carriedCell`. Returns the part of ∂L/∂h_{t-1} that does not pass through W_hh.
  static func backward(
    _ j: Int, _ lanes: Int, dh: V, _ row: CellRows<S>, carriedCell: UnsafeMutablePointer<S>,
    _ step: BackwardStep<S>
  ) -> V
}

/// One time step: the product of W_hh with some rows, tile by tile, and the cell on the tile's sums.
enum CellLoop<K: CellKernel> {
  typealias M = K.M
  typealias V = M.V
  typealias S = M.S
  typealias L = Lanes<M>

  // MARK: Forward

  /// Vectors of hidden units in a panel: as many as fit beside one another with all their gates.
  static var unitVectors: Int { Tile<M>.maximumColumns / K.gateCount }

  /// Calls `body(first unit, units, vectors of units)` for each panel.
  @inline(__always)
  private static func forEachPanel(size: Int, _ body: (_ first: Int, _ count: Int, _ vectors: Int) -> Void) {
    let full = unitVectors &* V.scalarCount
    var first = 0
    while first < size {
      let count = min(full, size &- first)
      body(first, count, Packing<M>.vectors(count))
      first &+= full
    }
  }

  /// A panel holds the columns of all gates for some vectors of hidden units: [H, vectors, G, units].
  static func packForward(size: Int, _ weight: UnsafePointer<S>, to packed: UnsafeMutablePointer<S>) {
    forEachPanel(size: size) { first, count, vectors in
      let stride = vectors &* K.gateCount &* V.scalarCount
      let panel = packed + first &* K.gateCount &* size
      L.forEach(count) { j, lanes in
        for gate in 0..<K.gateCount {
          Packing<M>.packColumns(
            depth: size, columns: lanes, width: V.scalarCount,
            weight + (gate &* size &+ first &+ j) &* size, depthStride: 1, columnStride: size,
            to: panel + (j &* K.gateCount &+ gate &* V.scalarCount), stride: stride)
        }
      }
    }
  }

  static func forward(_ step: ForwardStep<S>) {
    let (size, gateWidth) = (step.size, K.gateCount &* step.size)
    forEachPanel(size: size) { first, units, vectors in
      let width = vectors &* K.gateCount
      Tile<M>.forEach(rows: step.rows, columns: width) { tile, count in
        Tile<M>.multiply(
          rows: count, columns: width,
          TileProduct(
            depth: size, a: step.numbers.previousOutput + tile &* size, rowStride: size, depthStride: 1,
            panel: step.weights + first &* gateWidth, start: nil, startStride: 0, target: step.scratch,
            targetStride: width &* V.scalarCount))
        for r in 0..<count {
          finish(
            step, row: tile &+ r, first, units, UnsafePointer(step.scratch + r &* width &* V.scalarCount))
        }
      }
    }
  }

  /// The cell of one row, for the units of a panel.
  @inline(__always)
  private static func finish(
    _ step: ForwardStep<S>, row r: Int, _ first: Int, _ units: Int, _ sums: UnsafePointer<S>
  ) {
    let row = step.numbers.row(r, gateWidth: K.gateCount &* step.size, size: step.size)
    let isPadding = step.lengths.map { step.step >= $0[r] } ?? false
    L.forEach(units) { offset, lanes in
      let j = first &+ offset
      if isPadding {
        freeze(j, lanes, row, step)
      } else {
        K.forward(j, lanes, sums + offset &* K.gateCount, row, step)
      }
    }
  }

  /// After a row's end: h_t = h_{t-1}, c_t = c_{t-1}, and its gates are zero.
  @inline(__always)
  private static func freeze(_ j: Int, _ lanes: Int, _ row: CellRows<S>, _ step: ForwardStep<S>) {
    L.store(L.load(row.previousOutput, j, lanes), row.output, j, lanes)
    if K.hasCellState { L.store(L.load(row.previousCell, j, lanes), row.cell, j, lanes) }
    clear(j, lanes, row, size: step.size)
  }

  @inline(__always)
  private static func clear(_ j: Int, _ lanes: Int, _ row: CellRows<S>, size: Int) {
    let zero = V(repeating: 0)
    for gate in 0..<K.gateCount { L.store(zero, row.gates, gate &* size &+ j, lanes) }
    if K.hasCandidate { L.store(zero, row.candidate, j, lanes) }
  }

  // MARK: Backward

  static func packBackward(size: Int, _ weight: UnsafePointer<S>, to packed: UnsafeMutablePointer<S>) {
    Packing<M>.pack(
      depth: K.gateCount &* size, columns: size, weight, depthStride: size, columnStride: 1, to: packed)
  }

  static func backward(_ step: BackwardStep<S>) {
    Packing<M>.forEachPanel(step.size) { first, units, vectors in
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
    let (size, gateWidth, width) = (step.size, K.gateCount &* step.size, vectors &* V.scalarCount)
    let depth = K.hasCandidate ? gateWidth &- size : gateWidth
    let panel = step.weights + first &* gateWidth
    guard let gates = step.laterGates else {
      for index in 0..<count &* vectors { Tile<M>.store(V(repeating: 0), step.scratch, index) }
      return
    }
    Tile<M>.multiply(
      rows: count, columns: vectors,
      TileProduct(
        depth: depth, a: gates + tile &* gateWidth, rowStride: gateWidth, depthStride: 1, panel: panel,
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
    let (gateWidth, place) = (K.gateCount &* step.size, r &* step.size)
    let isPadding = step.lengths.map { step.step >= $0[r] } ?? false
    L.forEach(units) { offset, lanes in
      let j = first &+ offset
      var dh = L.load(step.carried + place, j, lanes) + L.load(sums, offset, V.scalarCount)
      if let outputGradient = step.outputGradient { dh = dh + L.load(outputGradient + place, j, lanes) }
      if let numbers = step.numbers {
        let row = numbers.row(r, gateWidth: gateWidth, size: step.size)
        if isPadding {
          clear(j, lanes, row, size: step.size)
        } else {
          dh = K.backward(j, lanes, dh: dh, row, carriedCell: step.carriedCell + place, step)
        }
      }
      L.store(dh, step.carried + place, j, lanes)
    }
  }
}
