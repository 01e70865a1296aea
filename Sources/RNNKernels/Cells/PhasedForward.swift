import CPlatform

/// One time step forward: first the products, then the cell, row by row.
enum PhasedForward<M: Machine> {
  typealias V = M.V
  typealias S = M.S
  typealias L = Lanes<M>
  typealias Step = UnsafePointer<PhasedStep<S>>

  static func run(_ step: Step, _ cell: any CellCode<S>) {
    let form = cell.form
    multiplyInput(step)
    multiplyHidden(step, gates: form.hidden == .reset ? form.gateCount &- 1 : form.gateCount)
    forEachRow(step) { r in
      normalizeSums(step, r)
      cell.begin(step, row: r)
    }
    end(step, cell)
  }

  /// What comes after `begin`. Rows of a cell that is scanned may follow one another in time: each is done before the
  /// next.
  @inline(never)
  static func end(_ step: Step, _ cell: any CellCode<S>) {
    let (form, projects) = (cell.form, step.pointee.parameters.projection != nil)
    if form.hidden == .reset { multiplyReset(step) }
    for r in 0..<step.pointee.rows {
      if cell.hasEnd && !step.pointee.isPadding(r) {
        if form.hasCellState { normalizeCell(step, r) }
        cell.end(step, row: r)
      }
      if !projects { settle(step, r, hasCell: form.hasCellState) }
    }
    if !projects { return }
    project(step)
    for r in 0..<step.pointee.rows { settle(step, r, hasCell: form.hasCellState) }
  }

  /// Rows that go on.
  @inline(__always)
  private static func forEachRow(_ step: Step, _ body: (Int) -> Void) {
    for r in 0..<step.pointee.rows where !step.pointee.isPadding(r) { body(r) }
  }

  // MARK: Products

  /// v = W_ih x + b_ih, of a step that has x. Where sums are normalised, biases come after that.
  private static func multiplyInput(_ step: Step) {
    guard let weights = step.pointee.parameters.input, let x = step.pointee.input else { return }
    let (sizes, parameters) = (step.pointee.sizes, step.pointee.parameters)
    multiply(
      step, x, width: sizes.input, stride: step.pointee.inputStride, weights,
      columns: sizes.gateCount &* sizes.size,
      start: parameters.inputScale == nil ? parameters.inputBias : nil, to: step.pointee.numbers.inner,
      stride: sizes.gateStride)
  }

  /// u = W_hh h_{t-1} + b_hh of the first gates.
  private static func multiplyHidden(_ step: Step, gates: Int) {
    guard let weights = step.pointee.parameters.hidden else { return }
    let (sizes, parameters) = (step.pointee.sizes, step.pointee.parameters)
    multiply(
      step, step.pointee.numbers.operand, width: sizes.output, stride: sizes.output, weights,
      columns: gates &* sizes.size, start: parameters.hiddenScale == nil ? parameters.hiddenBias : nil,
      to: step.pointee.numbers.hidden, stride: sizes.gateStride)
  }

  /// u of the last gate = W_hn s + b_hn.
  private static func multiplyReset(_ step: Step) {
    guard let weights = step.pointee.parameters.candidate, let bias = step.pointee.parameters.hiddenBias
    else { return }
    let sizes = step.pointee.sizes
    let first = (sizes.gateCount &- 1) &* sizes.size
    multiply(
      step, step.pointee.numbers.reset, width: sizes.size, stride: sizes.size, weights, columns: sizes.size,
      start: bias + first, to: step.pointee.numbers.hidden + first, stride: sizes.gateStride)
  }

  /// h_t = W_hr m_t.
  private static func project(_ step: Step) {
    guard let weights = step.pointee.parameters.projection else { return }
    let sizes = step.pointee.sizes
    multiply(
      step, step.pointee.numbers.made, width: sizes.size, stride: sizes.size, weights, columns: sizes.output,
      start: nil, to: step.pointee.numbers.output, stride: sizes.output)
  }

  @inline(never)
  private static func multiply(
    _ step: Step, _ a: UnsafePointer<S>, width: Int, stride: Int, _ weights: UnsafePointer<S>, columns: Int,
    start: UnsafePointer<S>?, to target: UnsafeMutablePointer<S>, stride targetStride: Int
  ) {
    if step.pointee.rows == 1 && ProductRow<M>.takes(depth: width)
      && start.map({ _ in columns % V.scalarCount == 0 }) ?? true
    {
      return ProductRow<M>.multiply(
        depth: width, columns: columns, weights, start, a, to: target, scratch: step.pointee.scratch)
    }
    Product<M>.multiply(
      ProductCall(
        rows: step.pointee.rows, columns: columns, depth: width, a: a, aRowStride: stride, aDepthStride: 1,
        b: PackedColumns(weights, columns: columns, from: 0), c: target, cRowStride: targetStride,
        start: start, startRowStride: 0, scratch: step.pointee.scratch))
  }

  // MARK: Normalisation

  /// v ← γ v̂ + b_ih and u ← γ û + b_hh.
  @inline(never)
  private static func normalizeSums(_ step: Step, _ r: Int) {
    guard step.pointee.isNormalized else { return }
    let (row, parameters) = (PhasedRow<M>.of(step, r), step.pointee.parameters)
    let count = step.pointee.sizes.gateCount &* step.pointee.sizes.size
    if let scale = parameters.inputScale {
      let inverse = Normalization<M>.forward(
        row.inner, count: count, scale: scale, shift: parameters.inputBias, normal: row.innerNormal,
        to: row.inner)
      row.deviations?[0] = inverse
    }
    if let scale = parameters.hiddenScale {
      let inverse = Normalization<M>.forward(
        row.hidden, count: count, scale: scale, shift: parameters.hiddenBias, normal: row.hiddenNormal,
        to: row.hidden)
      row.deviations?[1] = inverse
    }
  }

  /// γ ĉ + β to the place of m, where `end` looks for it.
  private static func normalizeCell(_ step: Step, _ r: Int) {
    guard let scale = step.pointee.parameters.cellScale else { return }
    let row = PhasedRow<M>.of(step, r)
    let inverse = Normalization<M>.forward(
      row.fresh, count: step.pointee.sizes.size, scale: scale, shift: step.pointee.parameters.cellShift,
      normal: row.cellNormal, to: row.made)
    row.deviations?[2] = inverse
  }

  // MARK: What is done with h_t and c_t

  /// Padding keeps the state; zoneout keeps parts of it. Krueger et al. 2017.
  @inline(never)
  private static func settle(_ step: Step, _ r: Int, hasCell: Bool) {
    if step.pointee.isSettled { return }
    let (row, sizes) = (PhasedRow<M>.of(step, r), step.pointee.sizes)
    if step.pointee.isPadding(r) {
      copy(row.previousOutput, to: row.output, sizes.output)
      if hasCell { copy(row.previousCell, to: row.cell, sizes.size) }
      clear(step, row)
    } else {
      keep(
        row.previousOutput, row.output, to: row.output, sizes.output, row.outputZone, step.pointee.outputZone)
      if hasCell, row.fresh != row.cell || step.pointee.cellZone > 0 {
        keep(row.previousCell, row.fresh, to: row.cell, sizes.size, row.cellZone, step.pointee.cellZone)
      }
    }
    guard let mask = row.mask, let next = row.nextOperand else { return }
    L.forEach(sizes.output) { j, lanes in
      L.store(L.load(row.output, j, lanes) * L.load(mask, j, lanes), next, j, lanes)
    }
  }

  /// Of what is kept for products on the way back: there zeros meet it, and what an earlier call left may be NaN.
  private static func clear(_ step: Step, _ row: CellNumbers<S>) {
    let bytes = step.pointee.sizes.size &* MemoryLayout<S>.stride
    if step.pointee.parameters.projection != nil { memset(row.made, 0, bytes) }
    if step.pointee.parameters.candidate != nil { memset(row.reset, 0, bytes) }
  }

  private static func copy(_ source: UnsafePointer<S>, to target: UnsafeMutablePointer<S>, _ count: Int) {
    L.forEach(count) { j, lanes in L.store(L.load(source, j, lanes), target, j, lanes) }
  }

  /// z∘old + (1-z)∘new, z a mask or everywhere its probability.
  private static func keep(
    _ old: UnsafePointer<S>, _ new: UnsafePointer<S>, to target: UnsafeMutablePointer<S>, _ count: Int,
    _ mask: UnsafePointer<S>?, _ probability: S
  ) {
    if probability == 0 && UnsafePointer(target) == new { return }
    L.forEach(count) { j, lanes in
      let z = mask.map { L.load($0, j, lanes) } ?? V(repeating: probability)
      L.store(
        M.multiplyAdd((1 - z) * L.load(new, j, lanes), z, L.load(old, j, lanes)), target, j, lanes)
    }
  }
}
