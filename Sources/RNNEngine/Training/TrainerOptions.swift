/// Everything a trainer is told: the engine's form of `rnn_trainer_options`, defaults filled in.
public struct TrainerOptions: Sendable {
  /// What a gradient that is not finite does. Raw values are those of `rnn_nonfinite`.
  public enum NonFinitePolicy: Int, Sendable {
    case skip = 0
    case fail = 1
  }

  public var loss = Loss()
  public var optimizer: OptimizerOptions
  public var clip = ClipOptions()
  public var nonFinite = NonFinitePolicy.skip
  /// Steps between cuts of the unfolded graph; nil: none.
  public var bptt: Int?
  /// Whether activations are kept for about √T steps at a time only, and computed again on the way back.
  public var recompute = false
  /// Of dropout.
  public var seed: UInt64 = 0

  public init(_ optimizer: OptimizerOptions = OptimizerOptions(.adam)) { self.optimizer = optimizer }

  func validate() throws(RNNError) {
    let o = optimizer
    try check(o.learningRate, "learning_rate", "a finite number >= 0") { $0 >= 0 }
    try check(o.momentum, "momentum", "a finite number >= 0") { $0 >= 0 }
    try check(o.beta1, "beta1", "a number in [0, 1)") { $0 >= 0 && $0 < 1 }
    try check(o.beta2, "beta2", "a number in [0, 1)") { $0 >= 0 && $0 < 1 }
    try check(o.alpha, "alpha", "a number in [0, 1)") { $0 >= 0 && $0 < 1 }
    try check(o.eps, "eps", "a finite number > 0") { $0 > 0 }
    try check(o.weightDecay, "weight_decay", "a finite number >= 0") { $0 >= 0 }
    try check(clip.value ?? 1, "clip_value", "a finite number > 0, or 0 for none") { $0 > 0 }
    try check(clip.norm ?? 1, "clip_norm", "a finite number > 0, or 0 for none") { $0 > 0 }
    if o.nesterov && !(o.kind == .sgd && o.momentum > 0) {
      throw RNNError(.argument, "nesterov: expected SGD with a momentum > 0, got none")
    }
    if let bptt, bptt < 1 {
      throw RNNError(.argument, "bptt: expected at least 1, or 0 for no truncation, got \(bptt)")
    }
  }

  private func check(
    _ value: Double, _ name: String, _ expected: String, _ isRight: (Double) -> Bool
  ) throws(RNNError) {
    if !value.isFinite || !isRight(value) {
      throw RNNError(.argument, "\(name): expected \(expected), got \(value)")
    }
  }
}

/// What one step did.
public struct StepReport: Sendable {
  public var loss = 0.0
  public var gradNorm = 0.0
  public var learningRate = 0.0
  public var hasClipped = false
  public var hasSkipped = false
  public var counts = StepCounts()

  public init() {}
}

/// Steps since training began.
public struct StepCounts: Sendable {
  /// All, clipped and skipped ones included.
  public var steps = 0
  public var clipped = 0
  public var skipped = 0
}
