/// An LSTM that forgets as much as it takes in, gates i, g, o in this order: f = 1 - i. Greff et al. 2017 (CIFG);
/// `input_forget = 1` of ONNX. Peepholes p of i and o.
enum CoupledLSTMCell<M: Machine>: CellEquations {
  static var form: CellForm {
    var form = CellForm("lstm_coupled", gates: 3)
    (form.hasCellState, form.candidate, form.peepholeCount) = (true, 1, 2)
    form.takingGate = 0
    return form
  }

  @inline(__always)
  static func begin(_ x: CellUnits<M>) {
    let c = x.previousCell
    // i = f(W_ii x + b_ii + W_hi h + b_hi + p_i∘c_{t-1}); g = g(…)
    let (i, g) = (x.f(x.sum(0, peephole: 0, c)), x.g(x.sum(1)))
    x.keep(i, 0)
    x.keep(g, 1)
    // c_t = (1-i)∘c_{t-1} + i∘g
    x.setCell(M.multiplyAdd(i * g, 1 - i, c))
  }

  @inline(__always)
  static func end(_ x: CellUnits<M>) { CellOutput<M>.forward(x, gate: 2, peephole: 1) }

  @inline(__always)
  static func backwardEnd(_ x: CellGradientUnits<M>) { CellOutput<M>.backward(x, gate: 2, peephole: 1) }

  @inline(__always)
  static func backwardBegin(_ x: CellGradientUnits<M>) {
    let (i, g, dc, c) = (x.kept(0), x.kept(1), x.cell, x.units.previousCell)
    x.setSum(1, dc * i * x.slopeG(g))
    let through = x.setSum(0, peephole: 0, c, dc * (g - c) * x.slopeF(i))
    x.setCell(dc * (1 - i) + through)
  }
}
