/// One time step of one sequence of an LSTM, gates i, f, g, o in this order.
/// Hochreiter and Schmidhuber 1997; forget gate of Gers, Schmidhuber and Cummins 2000.
public enum LSTMKernel<S: Real> {
  typealias E = Elementary<S>

  /// - `gates` [4H]: in W_ih x_t, out the activations i, f, g, o, which `backward` needs.
  /// - `hidden` [4H]: W_hh h_{t-1}.  `inputBias`, `hiddenBias` [4H].
  /// - `previousCell`, `cell`, `output` [H]: c_{t-1}, c_t, h_t.
  @inline(__always)
  public static func forward(
    size: Int, gates: UnsafeMutablePointer<S>, hidden: UnsafePointer<S>, inputBias: UnsafePointer<S>,
    hiddenBias: UnsafePointer<S>, previousCell: UnsafePointer<S>, cell: UnsafeMutablePointer<S>,
    output: UnsafeMutablePointer<S>
  ) {
    forEachVector(S.self, size) { j, lanes in
      @inline(__always) func preactivation(_ gate: Int) -> S.Vector {
        let k = gate &* size &+ j
        return (load(gates, k, lanes) + load(inputBias, k, lanes))
          + (load(hidden, k, lanes) + load(hiddenBias, k, lanes))
      }
      // i = σ(W_ii x + b_ii + W_hi h + b_hi), f and o likewise; g = tanh(…)
      let i = E.sigmoid(preactivation(0))
      let f = E.sigmoid(preactivation(1))
      let g = E.tanh(preactivation(2))
      let o = E.sigmoid(preactivation(3))
      // c_t = f∘c_{t-1} + i∘g;  h_t = o∘tanh(c_t)
      let c = f * load(previousCell, j, lanes) + i * g
      store(i, gates, j, lanes)
      store(f, gates, size &+ j, lanes)
      store(g, gates, 2 &* size &+ j, lanes)
      store(o, gates, 3 &* size &+ j, lanes)
      store(c, cell, j, lanes)
      store(o * E.tanh(c), output, j, lanes)
    }
  }

  /// - `gates` [4H]: in the activations, out the gradient of the pre-activations.
  /// - `gradOutput` [H]: ∂L/∂h_t.  `gradCell` [H]: in ∂L/∂c_t from later steps, out ∂L/∂c_{t-1}.
  @inline(__always)
  public static func backward(
    size: Int, gates: UnsafeMutablePointer<S>, previousCell: UnsafePointer<S>, cell: UnsafePointer<S>,
    gradOutput: UnsafePointer<S>, gradCell: UnsafeMutablePointer<S>
  ) {
    forEachVector(S.self, size) { j, lanes in
      let i = load(gates, j, lanes)
      let f = load(gates, size &+ j, lanes)
      let g = load(gates, 2 &* size &+ j, lanes)
      let o = load(gates, 3 &* size &+ j, lanes)
      let tanhC = E.tanh(load(cell, j, lanes))
      let dh = load(gradOutput, j, lanes)
      // h_t = o∘tanh(c_t):  dc += dh∘o∘(1 - tanh²c)
      let dc = load(gradCell, j, lanes) + dh * o * (1 - tanhC * tanhC)
      // c_t = f∘c_{t-1} + i∘g, then through σ' = σ(1-σ) and tanh' = 1 - tanh²
      store(dc * g * i * (1 - i), gates, j, lanes)
      store(dc * load(previousCell, j, lanes) * f * (1 - f), gates, size &+ j, lanes)
      store(dc * i * (1 - g * g), gates, 2 &* size &+ j, lanes)
      store(dh * tanhC * o * (1 - o), gates, 3 &* size &+ j, lanes)
      store(dc * f, gradCell, j, lanes)
    }
  }
}
