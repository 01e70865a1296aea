/// One time step of one sequence of a GRU, gates r, z, n in this order, reset applied after the product.
/// Cho et al. 2014, in the form of cuDNN and PyTorch.
public enum GRUKernel<S: Real> {
  typealias E = Elementary<S>

  /// - `gates` [3H]: in W_ih x_t, out the activations r, z, n, which `backward` needs.
  /// - `hidden` [3H]: W_hh h_{t-1}.  `inputBias`, `hiddenBias` [3H].
  /// - `candidate` [H]: out W_hn h_{t-1} + b_hn, which `backward` needs.
  /// - `previousOutput`, `output` [H]: h_{t-1}, h_t.
  @inline(__always)
  public static func forward(
    size: Int, gates: UnsafeMutablePointer<S>, hidden: UnsafePointer<S>, inputBias: UnsafePointer<S>,
    hiddenBias: UnsafePointer<S>, candidate: UnsafeMutablePointer<S>, previousOutput: UnsafePointer<S>,
    output: UnsafeMutablePointer<S>
  ) {
    forEachVector(S.self, size) { j, lanes in
      @inline(__always) func fromInput(_ gate: Int) -> S.Vector {
        load(gates, gate &* size &+ j, lanes) + load(inputBias, gate &* size &+ j, lanes)
      }
      @inline(__always) func fromHidden(_ gate: Int) -> S.Vector {
        load(hidden, gate &* size &+ j, lanes) + load(hiddenBias, gate &* size &+ j, lanes)
      }
      // r = σ(W_ir x + b_ir + W_hr h + b_hr), z likewise
      let r = E.sigmoid(fromInput(0) + fromHidden(0))
      let z = E.sigmoid(fromInput(1) + fromHidden(1))
      // n = tanh(W_in x + b_in + r∘(W_hn h + b_hn))
      let q = fromHidden(2)
      let n = E.tanh(fromInput(2) + r * q)
      // h_t = (1-z)∘n + z∘h_{t-1}
      let h = (1 - z) * n + z * load(previousOutput, j, lanes)
      store(r, gates, j, lanes)
      store(z, gates, size &+ j, lanes)
      store(n, gates, 2 &* size &+ j, lanes)
      store(q, candidate, j, lanes)
      store(h, output, j, lanes)
    }
  }

  /// - `gates` [3H]: in the activations, out the gradient of the pre-activations on the input's side.
  /// - `candidate` [H]: in W_hn h + b_hn, out its gradient: on the hidden side r and z have the gradients
  ///   in `gates`, n has this one.
  /// - `gradOutput` [H]: in ∂L/∂h_t, out the part of ∂L/∂h_{t-1} that bypasses the matrix product.
  @inline(__always)
  public static func backward(
    size: Int, gates: UnsafeMutablePointer<S>, candidate: UnsafeMutablePointer<S>,
    previousOutput: UnsafePointer<S>, gradOutput: UnsafeMutablePointer<S>
  ) {
    forEachVector(S.self, size) { j, lanes in
      let r = load(gates, j, lanes)
      let z = load(gates, size &+ j, lanes)
      let n = load(gates, 2 &* size &+ j, lanes)
      let dh = load(gradOutput, j, lanes)
      // h_t = (1-z)∘n + z∘h_{t-1}
      let dz = dh * (load(previousOutput, j, lanes) - n)
      let dn = dh * (1 - z) * (1 - n * n)
      // n = tanh(… + r∘q), q = W_hn h + b_hn
      let dr = dn * load(candidate, j, lanes)
      store(dr * r * (1 - r), gates, j, lanes)
      store(dz * z * (1 - z), gates, size &+ j, lanes)
      store(dn, gates, 2 &* size &+ j, lanes)
      store(dn * r, candidate, j, lanes)
      store(dh * z, gradOutput, j, lanes)
    }
  }
}
