/// What clipping does to a gradient on its way into the optimiser: g ← clamp(g, ±limit) · scale.
/// The stored gradient stays as it was.
public struct GradientTransform<S: Real> {
  public let limit: S
  public let scale: S

  public init(limit: S, scale: S) {
    self.limit = limit
    self.scale = scale
  }

  @inline(__always)
  func callAsFunction(_ gradient: S.Vector) -> S.Vector {
    Reductions<S>.clamp(gradient, limit) * scale
  }
}

/// The optimisers, each in one pass over flat buffers, in PyTorch's order of operations.
public enum UpdateKernels<S: Real> {
  typealias L = Lanes<S, Baseline>
  public typealias Values = UnsafeMutablePointer<S>
  public typealias Gradient = UnsafePointer<S>

  /// SGD. `velocity` is nil without momentum; at its first step it becomes the gradient.
  public static func sgd(
    count: Int, parameters p: Values, gradient: Gradient, transform: GradientTransform<S>, velocity: Values?,
    firstStep: Bool, rate: S, momentum: S, nesterov: Bool, decay: S
  ) {
    L.forEach(count) { j, lanes in
      let w = L.load(p, j, lanes)
      // g ← g + λ w;  b ← μ b + g;  g ← g + μ b (Nesterov) or b;  w ← w - η g
      var g = transform(L.load(gradient, j, lanes)) + decay * w
      if let velocity {
        let b = firstStep ? g : momentum * L.load(velocity, j, lanes) + g
        L.store(b, velocity, j, lanes)
        g = nesterov ? g + momentum * b : b
      }
      L.store(w - rate * g, p, j, lanes)
    }
  }

  /// RMSprop, not centred. `velocity` is nil without momentum.
  public static func rmsprop(
    count: Int, parameters p: Values, gradient: Gradient, transform: GradientTransform<S>,
    squareAverage: Values, velocity: Values?, rate: S, alpha: S, alphaComplement: S, eps: S, momentum: S,
    decay: S
  ) {
    L.forEach(count) { j, lanes in
      let w = L.load(p, j, lanes)
      let g = transform(L.load(gradient, j, lanes)) + decay * w
      // v ← α v + (1-α) g²;  u = g / (√v + ε);  b ← μ b + u;  w ← w - η b
      let v = alpha * L.load(squareAverage, j, lanes) + alphaComplement * g * g
      L.store(v, squareAverage, j, lanes)
      var update = g / (S.squareRoot(v) + eps)
      if let velocity {
        update = momentum * L.load(velocity, j, lanes) + update
        L.store(update, velocity, j, lanes)
      }
      L.store(w - rate * update, p, j, lanes)
    }
  }

  /// Adam and AdamW. `coupledDecay` is added to the gradient (Adam), `decoupledDecay` = ηλ shrinks the
  /// weights (AdamW). `rate` = η / (1 - β1^t); `rootCorrection` = √(1 - β2^t). The complements 1 - β are given
  /// too: taken from a β that is already rounded, they would be 1e-5 off.
  public static func adam(
    count: Int, parameters p: Values, gradient: Gradient, transform: GradientTransform<S>,
    average: Values, squareAverage: Values, rate: S, rootCorrection: S, beta1Complement: S, beta2: S,
    beta2Complement: S, eps: S, coupledDecay: S, decoupledDecay: S
  ) {
    L.forEach(count) { j, lanes in
      let w = L.load(p, j, lanes) * (1 - decoupledDecay)
      let g = transform(L.load(gradient, j, lanes)) + coupledDecay * w
      // m ← m + (1-β1)(g - m);  v ← β2 v + (1-β2) g²;  w ← w - η̂ m / (√v / √(1-β2^t) + ε)
      let m0 = L.load(average, j, lanes)
      let m = m0 + beta1Complement * (g - m0)
      let v = beta2 * L.load(squareAverage, j, lanes) + beta2Complement * g * g
      L.store(m, average, j, lanes)
      L.store(v, squareAverage, j, lanes)
      L.store(w - rate * m / (S.squareRoot(v) / rootCorrection + eps), p, j, lanes)
    }
  }
}
