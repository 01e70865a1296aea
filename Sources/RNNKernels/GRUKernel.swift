/// One time step of one sequence of a GRU, gates r, z, n in this order, reset applied after the product.
/// Cho et al. 2014, in the form of cuDNN and PyTorch.
public enum GRUKernel<S: Real, I: InstructionSet> {
  typealias L = Lanes<S, I>
  typealias E = Elementary<S, I>

  /// From W_ih x_t in `gates` and W_hh h_{t-1} in `hidden` to h_t; leaves the activations r, z, n in `gates` and
  /// q = W_hn h_{t-1} + b_hn in `candidate`, which `backward` needs.
  @inline(__always)
  public static func forward(size: Int, _ row: CellRow<S>, _ biases: CellBiases<S>) {
    L.forEach(size) { j, lanes in
      @inline(__always) func fromInput(_ gate: Int) -> S.Vector {
        L.load(row.gates, gate &* size &+ j, lanes) + L.load(biases.input, gate &* size &+ j, lanes)
      }
      @inline(__always) func fromHidden(_ gate: Int) -> S.Vector {
        L.load(row.hidden, gate &* size &+ j, lanes) + L.load(biases.hidden, gate &* size &+ j, lanes)
      }
      // r = σ(W_ir x + b_ir + W_hr h + b_hr), z likewise
      let r = E.sigmoid(fromInput(0) + fromHidden(0))
      let z = E.sigmoid(fromInput(1) + fromHidden(1))
      // n = tanh(W_in x + b_in + r∘(W_hn h + b_hn))
      let q = fromHidden(2)
      let n = E.tanh(fromInput(2) + r * q)
      // h_t = (1-z)∘n + z∘h_{t-1}
      let h = (1 - z) * n + z * L.load(row.previousOutput, j, lanes)
      L.store(r, row.gates, j, lanes)
      L.store(z, row.gates, size &+ j, lanes)
      L.store(n, row.gates, 2 &* size &+ j, lanes)
      L.store(q, row.candidate, j, lanes)
      L.store(h, row.output, j, lanes)
    }
  }

  /// Turns the activations in `gates` into the gradients of the pre-activations on the input's side, and q in
  /// `candidate` into its gradient: on the hidden side r and z have the former, n has the latter.
  @inline(__always)
  public static func backward(size: Int, _ row: CellRow<S>, _ gradient: CellGradient<S>) {
    L.forEach(size) { j, lanes in
      let r = L.load(row.gates, j, lanes)
      let z = L.load(row.gates, size &+ j, lanes)
      let n = L.load(row.gates, 2 &* size &+ j, lanes)
      let dh = L.load(gradient.output, j, lanes)
      // h_t = (1-z)∘n + z∘h_{t-1}
      let dz = dh * (L.load(row.previousOutput, j, lanes) - n)
      let dn = dh * (1 - z) * (1 - n * n)
      // n = tanh(… + r∘q), q = W_hn h + b_hn
      let dr = dn * L.load(row.candidate, j, lanes)
      L.store(dr * r * (1 - r), row.gates, j, lanes)
      L.store(dz * z * (1 - z), row.gates, size &+ j, lanes)
      L.store(dn, row.gates, 2 &* size &+ j, lanes)
      L.store(dn * r, row.candidate, j, lanes)
      L.store(dh * z, gradient.output, j, lanes)
    }
  }
}
