/// The equations of a cell, for one vector of hidden units of one row.
protocol CellEquations<M> {
  associatedtype M: Machine
  static var form: CellForm { get }
  /// From the sums to c_t; or, without c, to what leaves the cell; or, of a cell with `reset`, to s; or, of one that is
  /// scanned, to its activations.
  static func begin(_ x: CellUnits<M>)
  /// The rest: from c_t, from u of the last gate, or from activations and h_{t-1}, to what leaves the cell.
  static func end(_ x: CellUnits<M>)
  /// The way back through `end`, and through `begin`.
  static func backwardEnd(_ x: CellGradientUnits<M>)
  static func backwardBegin(_ x: CellGradientUnits<M>)
}

extension CellEquations {
  @inline(__always)
  static func end(_ x: CellUnits<M>) {}
  @inline(__always)
  static func backwardEnd(_ x: CellGradientUnits<M>) {}

  /// Whether there is anything in `end`.
  @inline(__always)
  static var hasEnd: Bool { form.hasCellState || form.hidden == .reset || form.isScanned }
}

/// The numbers of some units j ..< j + lanes on their way forward.
struct CellUnits<M: Machine> {
  typealias V = M.V
  typealias S = M.S
  typealias L = CellLanes<M>

  let step: UnsafePointer<PhasedStep<S>>
  let row: CellNumbers<S>
  private(set) var j = -V.scalarCount
  private(set) var lanes = V.scalarCount

  @inline(__always)
  init(_ step: UnsafePointer<PhasedStep<S>>, row: Int) {
    (self.step, self.row) = (step, PhasedRow<M>.of(step, row))
  }

  /// One piece of code for whole vectors and for a tail: cells are many.
  @inline(__always)
  mutating func next() -> Bool {
    j &+= V.scalarCount
    lanes = min(V.scalarCount, step.pointee.sizes.size &- j)
    return lanes > 0
  }

  @inline(__always)
  private func place(_ gate: Int) -> Int { gate &* step.pointee.sizes.size &+ j }

  /// v of a gate, u of it, and both.
  @inline(__always)
  func inner(_ gate: Int) -> V { L.load(row.inner, place(gate), lanes) }
  @inline(__always)
  func hidden(_ gate: Int) -> V { L.load(row.hidden, place(gate), lanes) }
  @inline(__always)
  func sum(_ gate: Int) -> V { inner(gate) + hidden(gate) }

  /// With a weight of each unit for c.
  @inline(__always)
  func sum(_ gate: Int, peephole index: Int, _ c: V) -> V {
    guard let weights = step.pointee.parameters.peepholes else { return sum(gate) }
    return M.multiplyAdd(sum(gate), L.load(weights, place(index), lanes), c)
  }

  @inline(__always)
  func function(_ place: Int) -> UnsafePointer<CellFunction<S>> {
    // A set is its three functions, one behind the other.
    let set = UnsafeRawPointer(step.pointer(to: \.functions).unsafelyUnwrapped)
    return set.assumingMemoryBound(to: CellFunction<S>.self) + place
  }

  /// f, g and h.
  @inline(__always)
  func f(_ a: V) -> V { CellFunctions<M>.apply(function(0), a) }
  @inline(__always)
  func g(_ a: V) -> V { CellFunctions<M>.apply(function(1), a) }
  @inline(__always)
  func h(_ a: V) -> V { CellFunctions<M>.apply(function(2), a) }

  @inline(__always)
  var previousOutput: V { L.load(row.previousOutput, j, lanes) }
  /// h_{t-1} as W_hh sees it.
  @inline(__always)
  var operand: V { L.load(row.operand, j, lanes) }
  @inline(__always)
  var previousCell: V { L.load(row.previousCell, j, lanes) }
  @inline(__always)
  var cell: V { L.load(row.fresh, j, lanes) }
  /// c as h sees it: normalised, if that is asked for.
  @inline(__always)
  var shownCell: V {
    step.pointee.parameters.cellScale == nil ? cell : L.load(row.made, j, lanes)
  }

  /// An activation, for backward and for `end`.
  @inline(__always)
  func keep(_ value: V, _ gate: Int) { L.store(value, row.inner, place(gate), lanes) }
  @inline(__always)
  func kept(_ gate: Int) -> V { inner(gate) }
  @inline(__always)
  func setCell(_ c: V) { L.store(c, row.fresh, j, lanes) }
  @inline(__always)
  func setReset(_ s: V) { L.store(s, row.reset, j, lanes) }
  /// What leaves the cell.
  @inline(__always)
  func leave(_ m: V) { L.store(m, row.made, j, lanes) }
}

/// The same on their way back.
struct CellGradientUnits<M: Machine> {
  typealias V = M.V
  typealias S = M.S
  typealias L = CellLanes<M>

  var units: CellUnits<M>
  let gradients: CellGradients<S>

  @inline(__always)
  private func place(_ gate: Int) -> Int { gate &* units.step.pointee.sizes.size &+ units.j }
  @inline(__always)
  func kept(_ gate: Int) -> V { units.kept(gate) }

  /// f', g' and h' from what f, g and h have given.
  @inline(__always)
  func slopeF(_ y: V) -> V { CellFunctions<M>.slope(units.function(0), y) }
  @inline(__always)
  func slopeG(_ y: V) -> V { CellFunctions<M>.slope(units.function(1), y) }
  @inline(__always)
  func slopeH(_ y: V) -> V { CellFunctions<M>.slope(units.function(2), y) }

  /// ∂L/∂m, ∂L/∂c and ∂L/∂s.
  @inline(__always)
  var output: V { L.load(gradients.made, units.j, units.lanes) }
  @inline(__always)
  var cell: V { L.load(gradients.cell, units.j, units.lanes) }
  @inline(__always)
  var reset: V { L.load(gradients.reset, units.j, units.lanes) }

  /// ∂L/∂c of the cell that h sees, to where normalisation takes it from.
  @inline(__always)
  func setShownCell(_ dc: V) { L.store(dc, gradients.made, units.j, units.lanes) }
  @inline(__always)
  func setCell(_ dc: V) { L.store(dc, gradients.cell, units.j, units.lanes) }

  /// The gradient of a sum v + u.
  @inline(__always)
  func setSum(_ gate: Int, _ da: V) {
    L.store(da, units.row.inner, place(gate), units.lanes)
    if units.step.pointee.separatesHidden { setHidden(gate, da) }
  }

  /// Of u by itself.
  @inline(__always)
  func setHidden(_ gate: Int, _ du: V) { L.store(du, units.row.hidden, place(gate), units.lanes) }

  /// Of a sum with a peephole at c. Returns what c gets of it.
  @inline(__always)
  func setSum(_ gate: Int, peephole index: Int, _ c: V, _ da: V) -> V {
    setSum(gate, da)
    guard let weights = units.step.pointee.parameters.peepholes else { return V(repeating: 0) }
    let place = self.place(index)
    let sum = L.load(gradients.sums, place, units.lanes)
    L.store(M.multiplyAdd(sum, da, c), gradients.sums, place, units.lanes)
    return da * L.load(weights, place, units.lanes)
  }

  /// What goes to h_{t-1} past W_hh; and to h_{t-1} as W_hh sees it, through the mask.
  @inline(__always)
  func carry(_ dh: V) {
    L.store(L.load(gradients.output, units.j, units.lanes) + dh, gradients.output, units.j, units.lanes)
  }
  @inline(__always)
  func carryMasked(_ dh: V) {
    carry(units.row.mask.map { dh * L.load($0, units.j, units.lanes) } ?? dh)
  }
}
