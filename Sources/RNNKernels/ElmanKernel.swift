/// One time step of one sequence of an Elman network. Elman 1990.
public enum ElmanKernel<S: Real, I: InstructionSet> {
  typealias L = Lanes<S, I>
  /// From W_ih x_t in `gates` and W_hh h_{t-1} in `hidden` to h_t = φ(…), φ = relu or tanh.
  @inline(__always)
  public static func forward(size: Int, relu: Bool, _ row: CellRow<S>, _ biases: CellBiases<S>) {
    L.forEach(size) { j, lanes in
      let a =
        (L.load(row.gates, j, lanes) + L.load(biases.input, j, lanes))
        + (L.load(row.hidden, j, lanes) + L.load(biases.hidden, j, lanes))
      let h = relu ? S.maximum(S.Vector(repeating: 0), a) : Elementary<S, I>.tanh(a)
      L.store(h, row.output, j, lanes)
    }
  }

  /// The gradient of the pre-activation, (1 - h²)∘dh or dh where h > 0, to `gates`. All of ∂L/∂h_{t-1} passes
  /// through W_hh.
  @inline(__always)
  public static func backward(size: Int, relu: Bool, _ row: CellRow<S>, _ gradient: CellGradient<S>) {
    L.forEach(size) { j, lanes in
      let h = L.load(row.output, j, lanes)
      let dh = L.load(gradient.output, j, lanes)
      let zero = S.Vector(repeating: 0)
      let da = relu ? S.select(-h, below: 0, dh, else: zero) : dh * (1 - h * h)
      L.store(da, row.gates, j, lanes)
      L.store(zero, gradient.output, j, lanes)
    }
  }
}
