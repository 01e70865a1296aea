/// A GRU with reset after the product, gates r, z, n in this order. Cho et al. 2014, in the form of cuDNN and PyTorch.
enum GRUCell<M: Machine>: CellEquations {
  static var form: CellForm {
    var form = CellForm("gru", gates: 3)
    (form.hidden, form.candidate, form.keepingGate) = (.apart, 2, 1)
    return form
  }

  @inline(__always)
  static func begin(_ x: CellUnits<M>) {
    // r = f(W_ir x + b_ir + W_hr h + b_hr), z likewise; q = W_hn h + b_hn; n = g(W_in x + b_in + r∘q)
    let (r, z) = (x.f(x.sum(0)), x.f(x.sum(1)))
    let n = x.g(M.multiplyAdd(x.inner(2), r, x.hidden(2)))
    x.keep(r, 0)
    x.keep(z, 1)
    x.keep(n, 2)
    // h_t = (1-z)∘n + z∘h_{t-1}
    x.leave(M.multiplyAdd(z * x.previousOutput, 1 - z, n))
  }

  @inline(__always)
  static func backwardBegin(_ x: CellGradientUnits<M>) {
    let (r, z, n, dh) = (x.kept(0), x.kept(1), x.kept(2), x.output)
    let dn = dh * (1 - z) * x.slopeG(n)
    let q = x.units.hidden(2)
    x.setSum(0, dn * q * x.slopeF(r))
    x.setSum(1, dh * (x.units.previousOutput - n) * x.slopeF(z))
    x.setSum(2, dn)
    x.setHidden(2, dn * r)
    x.carry(dh * z)
  }
}
