/// What clipping does to a gradient on its way into the optimiser: g ← clamp(g, ±limit) · prescale · scale.
/// The stored gradient stays as it was.
public struct GradientTransform<S: Real> {
  public let limit: S
  /// 1, but where the scale by itself would be too small to be normal.
  public let prescale: S
  public let scale: S

  public init(limit: S, prescale: S, scale: S) {
    (self.limit, self.prescale, self.scale) = (limit, prescale, scale)
  }

  @inline(__always)
  func apply<M: Machine>(_ gradient: M.V, _: M.Type) -> M.V where M.S == S {
    Reductions<M>.clamp(gradient, limit) * prescale * scale
  }
}

/// A range of flat buffers that an optimiser updates.
public struct UpdateRange<S: Real> {
  public let count: Int
  public let parameters: UnsafeMutablePointer<S>
  public let gradient: UnsafePointer<S>
  public let transform: GradientTransform<S>
  /// Running averages, as many as the optimiser has, in the order of its equations.
  public let first: UnsafeMutablePointer<S>?
  public let second: UnsafeMutablePointer<S>?

  public init(
    count: Int, parameters: UnsafeMutablePointer<S>, gradient: UnsafePointer<S>,
    transform: GradientTransform<S>, first: UnsafeMutablePointer<S>?, second: UnsafeMutablePointer<S>?
  ) {
    (self.count, self.parameters, self.gradient) = (count, parameters, gradient)
    (self.transform, self.first, self.second) = (transform, first, second)
  }
}

/// SGD: η, μ, Nesterov's form, λ. At its first step the velocity, if any, becomes the gradient.
public struct SGDConstants<S: Real> {
  public let rate: S
  public let momentum: S
  public let nesterov: Bool
  public let decay: S
  public let isFirstStep: Bool

  public init(rate: S, momentum: S, nesterov: Bool, decay: S, isFirstStep: Bool) {
    (self.rate, self.momentum, self.nesterov) = (rate, momentum, nesterov)
    (self.decay, self.isFirstStep) = (decay, isFirstStep)
  }
}

/// RMSprop, not centred: η, α, 1 - α, ε, μ, λ.
public struct RMSpropConstants<S: Real> {
  public let rate: S
  public let alpha: S
  public let alphaComplement: S
  public let eps: S
  public let momentum: S
  public let decay: S

  public init(rate: S, alpha: S, alphaComplement: S, eps: S, momentum: S, decay: S) {
    (self.rate, self.alpha, self.alphaComplement) = (rate, alpha, alphaComplement)
    (self.eps, self.momentum, self.decay) = (eps, momentum, decay)
  }
}

/// Adam and AdamW. `coupledDecay` is added to the gradient (Adam), `decoupledDecay` = ηλ shrinks the weights
/// (AdamW). `rate` = η / (1 - β1^t); `rootCorrection` = √(1 - β2^t). The complements 1 - β are given too: taken
/// from a β that is already rounded, they would be 1e-5 off.
public struct AdamConstants<S: Real> {
  public let rate: S
  public let rootCorrection: S
  public let beta1Complement: S
  public let beta2: S
  public let beta2Complement: S
  public let eps: S
  public let coupledDecay: S
  public let decoupledDecay: S

  public init(
    rate: S, rootCorrection: S, beta1Complement: S, beta2: S, beta2Complement: S, eps: S, coupledDecay: S,
    decoupledDecay: S
  ) {
    (self.rate, self.rootCorrection, self.beta1Complement) = (rate, rootCorrection, beta1Complement)
    (self.beta2, self.beta2Complement, self.eps) = (beta2, beta2Complement, eps)
    (self.coupledDecay, self.decoupledDecay) = (coupledDecay, decoupledDecay)
  }
}

/// The optimisers, each in one pass over flat buffers, in PyTorch's order of operations.
enum UpdateKernels<M: Machine> {
  typealias S = M.S
  typealias L = Lanes<M>

  static func sgd(_ range: UpdateRange<S>, _ o: SGDConstants<S>) {
    L.forEach(range.count) { j, lanes in
      let w = L.load(range.parameters, j, lanes)
      // g ← g + λ w;  b ← μ b + g;  g ← g + μ b (Nesterov) or b;  w ← w - η g
      var g = range.transform.apply(L.load(range.gradient, j, lanes), M.self) + o.decay * w
      if let velocity = range.first {
        let b = o.isFirstStep ? g : o.momentum * L.load(velocity, j, lanes) + g
        L.store(b, velocity, j, lanes)
        g = o.nesterov ? g + o.momentum * b : b
      }
      L.store(w - o.rate * g, range.parameters, j, lanes)
    }
  }

  static func rmsprop(_ range: UpdateRange<S>, _ o: RMSpropConstants<S>) {
    guard let squareAverage = range.first else { return }
    L.forEach(range.count) { j, lanes in
      let w = L.load(range.parameters, j, lanes)
      let g = range.transform.apply(L.load(range.gradient, j, lanes), M.self) + o.decay * w
      // v ← α v + (1-α) g²;  u = g / (√v + ε);  b ← μ b + u;  w ← w - η b
      let v = o.alpha * L.load(squareAverage, j, lanes) + o.alphaComplement * g * g
      L.store(v, squareAverage, j, lanes)
      var update = g / (M.squareRoot(v) + o.eps)
      if let velocity = range.second {
        update = o.momentum * L.load(velocity, j, lanes) + update
        L.store(update, velocity, j, lanes)
      }
      L.store(w - o.rate * update, range.parameters, j, lanes)
    }
  }

  static func adam(_ range: UpdateRange<S>, _ o: AdamConstants<S>) {
    guard let average = range.first, let squareAverage = range.second else { return }
    L.forEach(range.count) { j, lanes in
      let w = L.load(range.parameters, j, lanes) * (1 - o.decoupledDecay)
      let g = range.transform.apply(L.load(range.gradient, j, lanes), M.self) + o.coupledDecay * w
      // m ← m + (1-β1)(g - m);  v ← β2 v + (1-β2) g²;  w ← w - η̂ m / (√v / √(1-β2^t) + ε)
      let m0 = L.load(average, j, lanes)
      let m = m0 + o.beta1Complement * (g - m0)
      let v = o.beta2 * L.load(squareAverage, j, lanes) + o.beta2Complement * g * g
      L.store(m, average, j, lanes)
      L.store(v, squareAverage, j, lanes)
      L.store(w - o.rate * m / (M.squareRoot(v) / o.rootCorrection + o.eps), range.parameters, j, lanes)
    }
  }
}
