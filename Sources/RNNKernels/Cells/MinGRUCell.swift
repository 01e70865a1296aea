/// A GRU whose gates see x alone, gates z, n in this order: Feng et al. 2024, "Were RNNs all we needed?", algorithm 3.
/// n is the linear layer itself unless a function is asked for.
enum MinGRUCell<M: Machine>: CellEquations {
  static var form: CellForm {
    var form = CellForm("min_gru", gates: 2)
    (form.hidden, form.candidate, form.isLinear) = (.none, 1, true)
    form.takingGate = 0
    return form
  }

  @inline(__always)
  static func begin(_ x: CellUnits<M>) {
    // z = f(W_iz x + b_iz); n = g(W_in x + b_in)
    x.keep(x.f(x.inner(0)), 0)
    x.keep(x.g(x.inner(1)), 1)
  }

  @inline(__always)
  static func end(_ x: CellUnits<M>) {
    // h_t = (1-z)∘h_{t-1} + z∘n
    let (z, n) = (x.kept(0), x.kept(1))
    x.leave(M.multiplyAdd(z * n, 1 - z, x.previousOutput))
  }

  @inline(__always)
  static func backwardEnd(_ x: CellGradientUnits<M>) { x.carry(x.output * (1 - x.kept(0))) }

  @inline(__always)
  static func backwardBegin(_ x: CellGradientUnits<M>) {
    let (z, n, dh) = (x.kept(0), x.kept(1), x.output)
    x.setSum(0, dh * (n - x.units.previousOutput) * x.slopeF(z))
    x.setSum(1, dh * z * x.slopeG(n))
  }
}
