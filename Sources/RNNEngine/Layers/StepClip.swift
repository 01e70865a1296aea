import RNNKernels

/// Bounds on ∂L/∂h_t of each row at each step, applied before it goes on backward. On the inputs of an LSTM's gates
/// Graves 2013 did the like.
struct StepClip {
  /// First: each element into [-value, value]; infinite: off.
  let value: Double
  /// Then: a larger norm becomes this one; infinite: off.
  let norm: Double
  /// [B]: how often a row was clipped.
  let counts: View<Int>

  /// One row of ∂L/∂h_t. What is not finite stays: it must be seen.
  func apply<S: Scalar>(_ gradient: View<S>, row: Int) {
    let measured = Norms.norm(gradient)
    guard measured.isFinite, measured > min(value, norm) else { return }
    let limit = S(value)
    var isClipped = false
    for j in gradient.indices where gradient[j].magnitude > limit {
      gradient[j] = gradient[j] > 0 ? limit : -limit
      isClipped = true
    }
    let bounded = isClipped ? Norms.norm(gradient) : measured
    if bounded > norm {
      // In double: the factor may be too small for S.
      let scale = norm / bounded
      for j in gradient.indices { gradient[j] = S(Double(gradient[j]) * scale) }
      isClipped = true
    }
    if isClipped { counts[row] += 1 }
  }
}
