/// One time step of one sequence of an LSTM, gates i, f, g, o in this order.
/// Hochreiter and Schmidhuber 1997; forget gate of Gers, Schmidhuber and Cummins 2000.
public enum LSTMKernel<S: Real, I: InstructionSet> {
  typealias L = Lanes<S, I>
  typealias E = Elementary<S, I>

  /// From W_ih x_t in `gates` and W_hh h_{t-1} in `hidden` to c_t and h_t; leaves the activations i, f, g, o in
  /// `gates`, which `backward` needs.
  @inline(__always)
  public static func forward(size: Int, _ row: CellRow<S>, _ biases: CellBiases<S>) {
    L.forEach(size) { j, lanes in
      @inline(__always) func preactivation(_ gate: Int) -> S.Vector {
        let k = gate &* size &+ j
        return (L.load(row.gates, k, lanes) + L.load(biases.input, k, lanes))
          + (L.load(row.hidden, k, lanes) + L.load(biases.hidden, k, lanes))
      }
      // i = σ(W_ii x + b_ii + W_hi h + b_hi), f and o likewise; g = tanh(…)
      let i = E.sigmoid(preactivation(0))
      let f = E.sigmoid(preactivation(1))
      let g = E.tanh(preactivation(2))
      let o = E.sigmoid(preactivation(3))
      // c_t = f∘c_{t-1} + i∘g;  h_t = o∘tanh(c_t)
      let c = f * L.load(row.previousCell, j, lanes) + i * g
      L.store(i, row.gates, j, lanes)
      L.store(f, row.gates, size &+ j, lanes)
      L.store(g, row.gates, 2 &* size &+ j, lanes)
      L.store(o, row.gates, 3 &* size &+ j, lanes)
      L.store(c, row.cell, j, lanes)
      L.store(o * E.tanh(c), row.output, j, lanes)
    }
  }

  /// Turns the activations in `gates` into the gradients of the pre-activations. All of ∂L/∂h_{t-1} passes
  /// through W_hh.
  @inline(__always)
  public static func backward(size: Int, _ row: CellRow<S>, _ gradient: CellGradient<S>) {
    L.forEach(size) { j, lanes in
      let i = L.load(row.gates, j, lanes)
      let f = L.load(row.gates, size &+ j, lanes)
      let g = L.load(row.gates, 2 &* size &+ j, lanes)
      let o = L.load(row.gates, 3 &* size &+ j, lanes)
      let tanhC = E.tanh(L.load(row.cell, j, lanes))
      let dh = L.load(gradient.output, j, lanes)
      // h_t = o∘tanh(c_t):  dc += dh∘o∘(1 - tanh²c)
      let dc = L.load(gradient.cell, j, lanes) + dh * o * (1 - tanhC * tanhC)
      // c_t = f∘c_{t-1} + i∘g, then through σ' = σ(1-σ) and tanh' = 1 - tanh²
      L.store(dc * g * i * (1 - i), row.gates, j, lanes)
      L.store(dc * L.load(row.previousCell, j, lanes) * f * (1 - f), row.gates, size &+ j, lanes)
      L.store(dc * i * (1 - g * g), row.gates, 2 &* size &+ j, lanes)
      L.store(dh * tanhC * o * (1 - o), row.gates, 3 &* size &+ j, lanes)
      L.store(dc * f, gradient.cell, j, lanes)
      L.store(S.Vector(repeating: 0), gradient.output, j, lanes)
    }
  }
}
