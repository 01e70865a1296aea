/// An LSTM whose gates see x alone, gates f, i, n in this order: Feng et al. 2024, "Were RNNs all we needed?", in the form
/// in which the two gates add up to 1. n is the linear layer itself unless a function is asked for.
enum MinLSTMCell<M: Machine>: CellEquations {
  static var form: CellForm {
    var form = CellForm("min_lstm", gates: 3)
    (form.hidden, form.candidate, form.keepingGate, form.isLinear) = (.none, 2, 0, true)
    (form.takingGate, form.needsSigmoid) = (1, true)
    return form
  }

  @inline(__always)
  static func begin(_ x: CellUnits<M>) {
    // f = f(W_if x + b_if), i likewise; n = g(W_in x + b_in)
    x.keep(x.f(x.inner(0)), 0)
    x.keep(x.f(x.inner(1)), 1)
    x.keep(x.g(x.inner(2)), 2)
  }

  /// f' = f / (f + i).
  @inline(__always)
  private static func share(_ x: CellUnits<M>) -> M.V { M.divide(x.kept(0), x.kept(0) + x.kept(1)) }

  @inline(__always)
  static func end(_ x: CellUnits<M>) {
    // h_t = f'∘h_{t-1} + (1-f')∘n
    let share = share(x)
    x.leave(M.multiplyAdd((1 - share) * x.kept(2), share, x.previousOutput))
  }

  @inline(__always)
  static func backwardEnd(_ x: CellGradientUnits<M>) { x.carry(x.output * share(x.units)) }

  @inline(__always)
  static func backwardBegin(_ x: CellGradientUnits<M>) {
    let (f, i, n, dh, share) = (x.kept(0), x.kept(1), x.kept(2), x.output, share(x.units))
    // f and i are logistic functions of a_f and a_i: ∂f'/∂a_f = f' (1-f') (1-f), ∂f'/∂a_i = -f' (1-f') (1-i)
    let d = dh * (x.units.previousOutput - n) * share * (1 - share)
    x.setSum(0, d * (1 - f))
    x.setSum(1, -d * (1 - i))
    x.setSum(2, dh * (1 - share) * x.slopeG(n))
  }
}
