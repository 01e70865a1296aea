/// A GRU with reset before the product, gates r, z, n in this order: Cho et al. 2014; `linear_before_reset = 0` of ONNX,
/// `reset_after = False` of Keras.
enum GRUResetBeforeCell<M: Machine>: CellEquations {
  static var form: CellForm {
    var form = CellForm("gru_reset_before", gates: 3)
    (form.hidden, form.candidate, form.keepingGate) = (.reset, 2, 1)
    return form
  }

  @inline(__always)
  static func begin(_ x: CellUnits<M>) {
    // r = f(W_ir x + b_ir + W_hr h + b_hr), z likewise; s = r∘h_{t-1}
    let r = x.f(x.sum(0))
    x.keep(r, 0)
    x.keep(x.f(x.sum(1)), 1)
    x.setReset(r * x.operand)
  }

  @inline(__always)
  static func end(_ x: CellUnits<M>) {
    // n = g(W_in x + b_in + W_hn s + b_hn); h_t = (1-z)∘n + z∘h_{t-1}
    let (z, n) = (x.kept(1), x.g(x.sum(2)))
    x.keep(n, 2)
    x.leave(M.multiplyAdd(z * x.previousOutput, 1 - z, n))
  }

  @inline(__always)
  static func backwardEnd(_ x: CellGradientUnits<M>) {
    let (z, n, dh) = (x.kept(1), x.kept(2), x.output)
    x.setSum(2, dh * (1 - z) * x.slopeG(n))
    x.setSum(1, dh * (x.units.previousOutput - n) * x.slopeF(z))
    x.carry(dh * z)
  }

  @inline(__always)
  static func backwardBegin(_ x: CellGradientUnits<M>) {
    let (r, ds) = (x.kept(0), x.reset)
    x.setSum(0, ds * x.units.operand * x.slopeF(r))
    x.carryMasked(ds * r)
  }
}
