import CPlatform

/// The way back through one time step: first what h_t hears, then the cell, row by row.
enum PhasedBackward<M: Machine> {
  typealias V = M.V
  typealias S = M.S
  typealias L = Lanes<M>
  typealias Step = UnsafePointer<PhasedStep<S>>

  /// ∂L/∂h_t is what was carried, what passed through W_hh and what comes from y_t.
  static func gather(_ step: Step, _ later: LaterStep<S>) {
    let (sizes, passed) = (step.pointee.sizes, later.passed)
    if let gradient = later.hidden, let weights = step.pointee.parameters.hidden {
      let depth = later.gates &* sizes.size
      Product<M>.multiply(
        ProductCall(
          rows: step.pointee.rows, columns: sizes.output, depth: depth, a: gradient,
          aRowStride: sizes.gateStride, aDepthStride: 1,
          b: PackedColumns(weights, columns: sizes.output, from: 0), c: passed, cRowStride: sizes.output,
          start: nil, startRowStride: 0, scratch: step.pointee.scratch))
    } else {
      memset(passed, 0, step.pointee.rows &* sizes.output &* MemoryLayout<S>.stride)
    }
    L.forEach(step.pointee.rows &* sizes.output) { j, lanes in
      let masked = L.load(passed, j, lanes)
      let dh = later.mask.map { masked * L.load($0, j, lanes) } ?? masked
      let sum = L.load(later.output, j, lanes) + dh
      if let observed = later.flow.laterOutput { L.store(sum, observed, j, lanes) }
      let whole = later.outputGradient.map { sum + L.load($0, j, lanes) } ?? sum
      if let observed = later.flow.output { L.store(whole, observed, j, lanes) }
      L.store(whole, later.output, j, lanes)
    }
  }

  static func run(_ step: Step, _ gradients: CellGradients<S>, _ cell: any CellCode<S>) {
    end(step, gradients, cell)
    begin(step, gradients, cell)
  }

  /// To what `begin` has made.
  @inline(never)
  static func end(_ step: Step, _ gradients: CellGradients<S>, _ cell: any CellCode<S>) {
    let form = cell.form
    for r in 0..<step.pointee.rows {
      let own = gradients.row(r, step.pointee.sizes)
      show(own.cell, to: own.seenLaterCell, step)
      show(own.cell, to: own.seenCell, step)
      if step.pointee.isPadding(r) { clear(step, r, own) } else { unzone(step, r, own, form.hasCellState) }
    }
    project(step, gradients)
    if cell.hasEnd {
      forEachRow(step, gradients) { r, own in
        showCell(step, r)
        cell.backwardEnd(step, row: r, own)
        if form.hasCellState { addShownCell(step, r, own) }
      }
      if form.hidden == .reset { multiplyReset(step, gradients) }
    }
  }

  /// To v and u.
  @inline(never)
  static func begin(_ step: Step, _ gradients: CellGradients<S>, _ cell: any CellCode<S>) {
    let hasCell = cell.form.hasCellState
    forEachRow(step, gradients) { r, own in
      cell.backwardBegin(step, row: r, own)
      if hasCell && step.pointee.cellZone > 0 {
        add(own.reset, to: own.cell, step.pointee.sizes.size)
      }
      normalizeSums(step, r, own)
    }
  }

  @inline(__always)
  private static func forEachRow(
    _ step: Step, _ gradients: CellGradients<S>, _ body: (Int, CellGradients<S>) -> Void
  ) {
    for r in 0..<step.pointee.rows where !step.pointee.isPadding(r) {
      body(r, gradients.row(r, step.pointee.sizes))
    }
  }

  // MARK: Into the cell

  /// At padding nothing happens, so no gradient begins there, and what arrives is passed on.
  @inline(never)
  private static func clear(_ step: Step, _ r: Int, _ own: CellGradients<S>) {
    let (row, sizes) = (PhasedRow<M>.of(step, r), step.pointee.sizes)
    let width = sizes.gateCount &* sizes.size &* MemoryLayout<S>.stride
    memset(row.inner, 0, width)
    if step.pointee.separatesHidden { memset(row.hidden, 0, width) }
    if let projected = own.projected { memset(projected, 0, sizes.output &* MemoryLayout<S>.stride) }
  }

  /// h_t = z∘h_{t-1} + (1-z)∘h̃_t: to h̃_t, which is what leaves the cell or its projection; c_t likewise.
  @inline(never)
  private static func unzone(_ step: Step, _ r: Int, _ own: CellGradients<S>, _ hasCell: Bool) {
    let (row, sizes) = (PhasedRow<M>.of(step, r), step.pointee.sizes)
    split(
      own.output, kept: own.output, new: own.projected ?? own.made, sizes.output, row.outputZone,
      step.pointee.outputZone)
    if hasCell && step.pointee.cellZone > 0 {
      split(own.cell, kept: own.reset, new: own.cell, sizes.size, row.cellZone, step.pointee.cellZone)
    }
  }

  /// d to z∘d and (1-z)∘d.
  @inline(never)
  private static func split(
    _ d: UnsafePointer<S>, kept: UnsafeMutablePointer<S>, new: UnsafeMutablePointer<S>, _ count: Int,
    _ mask: UnsafePointer<S>?, _ probability: S
  ) {
    L.forEach(count) { j, lanes in
      let (d, z) = (L.load(d, j, lanes), mask.map { L.load($0, j, lanes) } ?? V(repeating: probability))
      L.store(z * d, kept, j, lanes)
      L.store((1 - z) * d, new, j, lanes)
    }
  }

  /// dm = W_hrᵀ dh̃.
  private static func project(_ step: Step, _ gradients: CellGradients<S>) {
    guard let weights = step.pointee.parameters.projection, let projected = gradients.projected else {
      return
    }
    let sizes = step.pointee.sizes
    multiply(
      step, projected, width: sizes.output, stride: sizes.output, weights, columns: sizes.size,
      to: gradients.made)
  }

  /// ds = W_hnᵀ du_n.
  private static func multiplyReset(_ step: Step, _ gradients: CellGradients<S>) {
    guard let weights = step.pointee.parameters.candidate else { return }
    let sizes = step.pointee.sizes
    multiply(
      step, step.pointee.numbers.hidden + (sizes.gateCount &- 1) &* sizes.size, width: sizes.size,
      stride: sizes.gateStride, weights, columns: sizes.size, to: gradients.reset)
  }

  @inline(never)
  private static func multiply(
    _ step: Step, _ a: UnsafePointer<S>, width: Int, stride: Int, _ weights: UnsafePointer<S>, columns: Int,
    to target: UnsafeMutablePointer<S>
  ) {
    Product<M>.multiply(
      ProductCall(
        rows: step.pointee.rows, columns: columns, depth: width, a: a, aRowStride: stride, aDepthStride: 1,
        b: PackedColumns(weights, columns: columns, from: 0), c: target, cRowStride: columns, start: nil,
        startRowStride: 0, scratch: step.pointee.scratch))
  }

  // MARK: Through normalisation

  /// γ ĉ + β once more, to the place of m.
  private static func showCell(_ step: Step, _ r: Int) {
    let (row, parameters) = (PhasedRow<M>.of(step, r), step.pointee.parameters)
    guard let scale = parameters.cellScale, let shift = parameters.cellShift, let normal = row.cellNormal
    else { return }
    L.forEach(step.pointee.sizes.size) { j, lanes in
      L.store(
        M.multiplyAdd(L.load(shift, j, lanes), L.load(scale, j, lanes), L.load(normal, j, lanes)), row.made,
        j, lanes)
    }
  }

  /// What c_t gets of h_t.
  private static func addShownCell(_ step: Step, _ r: Int, _ own: CellGradients<S>) {
    let (row, sizes) = (PhasedRow<M>.of(step, r), step.pointee.sizes)
    if let scale = step.pointee.parameters.cellScale {
      unnormalize(
        own.made, count: sizes.size, scale, row.cellNormal, row.deviations?[2],
        own.sums + places(step).cellScale,
        own.sums + places(step).cellShift)
    }
    add(own.made, to: own.cell, sizes.size)
    // With zoneout h_t is not made of c_t.
    if step.pointee.cellZone == 0 { show(own.cell, to: own.seenCell, step) }
  }

  @inline(__always)
  private static func show(_ dc: UnsafePointer<S>, to seen: UnsafeMutablePointer<S>?, _ step: Step) {
    if let seen { memcpy(seen, dc, step.pointee.sizes.size &* MemoryLayout<S>.stride) }
  }

  /// From γ v̂ + b_ih to v, and from γ û + b_hh to u.
  @inline(never)
  private static func normalizeSums(_ step: Step, _ r: Int, _ own: CellGradients<S>) {
    guard step.pointee.isNormalized else { return }
    let (row, parameters) = (PhasedRow<M>.of(step, r), step.pointee.parameters)
    let count = step.pointee.sizes.gateCount &* step.pointee.sizes.size
    if let scale = parameters.inputScale {
      unnormalize(
        row.inner, count: count, scale, row.innerNormal, row.deviations?[0],
        own.sums + places(step).inputScale, own.sums + places(step).inputBias)
    }
    if let scale = parameters.hiddenScale {
      unnormalize(
        row.hidden, count: count, scale, row.hiddenNormal, row.deviations?[1],
        own.sums + places(step).hiddenScale, own.sums + places(step).hiddenBias)
    }
  }

  private static func places(_ step: Step) -> CellSums {
    CellSums(step.pointee.sizes, peepholes: step.pointee.peepholeCount, isNormalized: true)
  }

  @inline(__always)
  private static func unnormalize(
    _ dy: UnsafeMutablePointer<S>, count: Int, _ scale: UnsafePointer<S>, _ normal: UnsafePointer<S>?,
    _ inverse: S?, _ scaleGradient: UnsafeMutablePointer<S>, _ shiftGradient: UnsafeMutablePointer<S>
  ) {
    guard let normal, let inverse else { return }
    Normalization<M>.backward(
      dy, count: count, scale: scale, normal: normal, inverse: inverse, scaleGradient: scaleGradient,
      shiftGradient: shiftGradient)
  }

  private static func add(_ x: UnsafePointer<S>, to y: UnsafeMutablePointer<S>, _ count: Int) {
    Reductions<M>.add(x, to: y, count: count)
  }
}
