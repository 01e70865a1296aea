/// One time step of one sequence of an Elman network. Elman 1990.
public enum ElmanKernel<S: Real> {
  /// - `input` [H]: W_ih x_t.  `hidden` [H]: W_hh h_{t-1}.  `inputBias`, `hiddenBias` [H].
  /// - `output` [H]: h_t = φ(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh), φ = relu or tanh.
  @inline(__always)
  public static func forward(
    size: Int, relu: Bool, input: UnsafePointer<S>, hidden: UnsafePointer<S>, inputBias: UnsafePointer<S>,
    hiddenBias: UnsafePointer<S>, output: UnsafeMutablePointer<S>
  ) {
    forEachVector(S.self, size) { j, lanes in
      let a =
        (load(input, j, lanes) + load(inputBias, j, lanes))
        + (load(hidden, j, lanes) + load(hiddenBias, j, lanes))
      let h = relu ? S.maximum(S.Vector(repeating: 0), a) : Elementary<S>.tanh(a)
      store(h, output, j, lanes)
    }
  }

  /// - `output`, `gradOutput` [H]: h_t and ∂L/∂h_t.
  /// - `gradGates` [H]: gradient of the pre-activation, (1 - h²)∘dh, or dh where h > 0.
  @inline(__always)
  public static func backward(
    size: Int, relu: Bool, output: UnsafePointer<S>, gradOutput: UnsafePointer<S>,
    gradGates: UnsafeMutablePointer<S>
  ) {
    forEachVector(S.self, size) { j, lanes in
      let h = load(output, j, lanes)
      let dh = load(gradOutput, j, lanes)
      let zero = S.Vector(repeating: 0)
      let da = relu ? S.select(-h, below: 0, dh, else: zero) : dh * (1 - h * h)
      store(da, gradGates, j, lanes)
    }
  }
}
