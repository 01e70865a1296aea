/// An LSTM, gates i, f, g, o in this order. Hochreiter and Schmidhuber 1997; forget gate of Gers, Schmidhuber and Cummins
/// 2000; peepholes p of Gers and Schmidhuber 2000, of i, f and o.
enum LSTMCell<M: Machine>: CellEquations {
  static var form: CellForm {
    var form = CellForm("lstm", gates: 4)
    (form.hasCellState, form.candidate, form.peepholeCount, form.keepingGate) = (true, 2, 3, 1)
    form.takingGate = 0
    return form
  }

  @inline(__always)
  static func begin(_ x: CellUnits<M>) {
    let c = x.previousCell
    // i = f(W_ii x + b_ii + W_hi h + b_hi + p_i∘c_{t-1}), f likewise; g = g(…)
    let (i, f) = (x.f(x.sum(0, peephole: 0, c)), x.f(x.sum(1, peephole: 1, c)))
    let g = x.g(x.sum(2))
    x.keep(i, 0)
    x.keep(f, 1)
    x.keep(g, 2)
    // c_t = f∘c_{t-1} + i∘g
    x.setCell(M.multiplyAdd(i * g, f, c))
  }

  @inline(__always)
  static func end(_ x: CellUnits<M>) { CellOutput<M>.forward(x, gate: 3, peephole: 2) }

  @inline(__always)
  static func backwardEnd(_ x: CellGradientUnits<M>) { CellOutput<M>.backward(x, gate: 3, peephole: 2) }

  @inline(__always)
  static func backwardBegin(_ x: CellGradientUnits<M>) {
    let (i, f, g, dc, c) = (x.kept(0), x.kept(1), x.kept(2), x.cell, x.units.previousCell)
    x.setSum(2, dc * i * x.slopeG(g))
    let throughI = x.setSum(0, peephole: 0, c, dc * g * x.slopeF(i))
    let throughF = x.setSum(1, peephole: 1, c, dc * c * x.slopeF(f))
    x.setCell(dc * f + throughI + throughF)
  }
}

/// What LSTMs do with c_t: o = f(W_io x + b_io + W_ho h + b_ho + p_o∘c_t); m_t = o∘h(c_t).
enum CellOutput<M: Machine> {
  @inline(__always)
  static func forward(_ x: CellUnits<M>, gate: Int, peephole: Int) {
    let o = x.f(x.sum(gate, peephole: peephole, x.cell))
    x.leave(o * x.h(x.shownCell))
    x.keep(o, gate)
  }

  /// Leaves ∂L/∂c as h sees it apart from what c gets through the peephole.
  @inline(__always)
  static func backward(_ x: CellGradientUnits<M>, gate: Int, peephole: Int) {
    let (o, dm, shown) = (x.kept(gate), x.output, x.units.h(x.units.shownCell))
    let through = x.setSum(gate, peephole: peephole, x.units.cell, dm * shown * x.slopeF(o))
    x.setCell(x.cell + through)
    x.setShownCell(dm * o * x.slopeH(shown))
  }
}
