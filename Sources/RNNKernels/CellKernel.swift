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

  /// A panel holds the columns of all gates for one vector of hidden units: [H, G, units].
  static func packForward(size: Int, _ weight: UnsafePointer<S>, to packed: UnsafeMutablePointer<S>) {
    let width = K.gateCount &* V.scalarCount
    L.forEach(size) { j, lanes in
      for gate in 0..<K.gateCount {
        Packing<M>.packColumns(
          depth: size, columns: lanes, width: V.scalarCount, weight + (gate &* size &+ j) &* size,
          depthStride: 1, columnStride: size,
          to: packed + (j &* K.gateCount &* size &+ gate &* V.scalarCount),
          stride: width)
      }
    }
  }

  static func forward(_ step: ForwardStep<S>) {
    let gateWidth = K.gateCount &* step.size
    L.forEach(step.size) { j, lanes in
      Tile<M>.forEach(rows: step.rows, columns: K.gateCount) { first, count in
        let sums = step.scratch
        Tile<M>.multiply(
          rows: count, columns: K.gateCount, depth: step.size,
          step.numbers.previousOutput + first &* step.size, rowStride: step.size, depthStride: 1,
          panel: step.weights + j &* gateWidth, sums: sums, adding: false)
        for r in 0..<count {
          let row = step.numbers.row(first &+ r, gateWidth: gateWidth, size: step.size)
          if let lengths = step.lengths, step.step >= lengths[first &+ r] {
            freeze(j, lanes, row, step)
          } else {
            K.forward(j, lanes, sums + r &* K.gateCount &* V.scalarCount, row, step)
          }
        }
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
        let sums = step.scratch
        gather(step, first, vectors, tile, count, sums)
        for r in 0..<count {
          finish(step, row: tile &+ r, first, units, sums + r &* vectors &* V.scalarCount)
        }
      }
    }
  }

  /// W_hhᵀ dgates_{t+1} of a tile. In a GRU the last gate's gradient on the hidden side is that of q.
  @inline(__always)
  private static func gather(
    _ step: BackwardStep<S>, _ first: Int, _ vectors: Int, _ tile: Int, _ count: Int,
    _ sums: UnsafeMutablePointer<S>
  ) {
    guard let gates = step.laterGates else {
      for index in 0..<count &* vectors { Tile<M>.store(V(repeating: 0), sums, index) }
      return
    }
    let gateWidth = K.gateCount &* step.size
    let depth = K.hasCandidate ? gateWidth &- step.size : gateWidth
    let panel = step.weights + first &* gateWidth
    Tile<M>.multiply(
      rows: count, columns: vectors, depth: depth, gates + tile &* gateWidth, rowStride: gateWidth,
      depthStride: 1, panel: panel, sums: sums, adding: false)
    guard K.hasCandidate, let candidate = step.laterCandidate else { return }
    Tile<M>.multiply(
      rows: count, columns: vectors, depth: step.size, candidate + tile &* step.size, rowStride: step.size,
      depthStride: 1, panel: panel + depth &* vectors &* V.scalarCount, sums: sums, adding: true)
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
