/// An Elman network: h_t = f(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh). Elman 1990.
enum ElmanCell<M: Machine>: CellEquations {
  static var form: CellForm {
    var form = CellForm("elman", gates: 1)
    form.candidate = 0
    return form
  }

  @inline(__always)
  static func begin(_ x: CellUnits<M>) {
    let h = x.g(x.sum(0))
    x.keep(h, 0)
    x.leave(h)
  }

  @inline(__always)
  static func backwardBegin(_ x: CellGradientUnits<M>) { x.setSum(0, x.output * x.slopeG(x.kept(0))) }
}
