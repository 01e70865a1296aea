/// Everything a trainer is told: the engine's form of `rnn_trainer_options`, defaults filled in.
public struct TrainerOptions: Sendable {
  /// What a gradient that is not finite does. Raw values are those of `rnn_nonfinite`.
  public enum NonFinitePolicy: Int, Sendable {
    case skip = 0
    case fail = 1
    case rollBack = 2
  }

  public var loss = Loss()
  public var optimizer: OptimizerOptions
  public var clip = ClipOptions()
  public var penalties = PenaltyOptions()
  public var nonFinite = NonFinitePolicy.skip
  /// Of the learning rate, when the weights are rolled back.
  public var rollBackFactor = 0.5
  /// Steps between cuts of the unfolded graph; nil: none.
  public var bptt: Int?
  /// Whether activations are kept for about √T steps at a time only, and computed again on the way back.
  public var recompute = false
  /// Of dropout.
  public var seed: UInt64 = 0
  public var schedule = Schedule()
  /// Steps whose gradients are averaged for one update.
  public var accumulate = 1

  public init(_ optimizer: OptimizerOptions = OptimizerOptions(.adam)) { self.optimizer = optimizer }

  func validate() throws(RNNError) {
    let o = optimizer
    try checkOption(o.learningRate, "learning_rate", "a finite number >= 0") { $0 >= 0 }
    try checkOption(o.momentum, "momentum", "a finite number >= 0") { $0 >= 0 }
    try checkOption(o.beta1, "beta1", "a number in [0, 1)") { $0 >= 0 && $0 < 1 }
    try checkOption(o.beta2, "beta2", "a number in [0, 1)") { $0 >= 0 && $0 < 1 }
    try checkOption(o.alpha, "alpha", "a number in [0, 1)") { $0 >= 0 && $0 < 1 }
    try checkOption(o.eps, "eps", "a finite number > 0") { $0 > 0 }
    try checkOption(o.weightDecay, "weight_decay", "a finite number >= 0") { $0 >= 0 }
    try checkOption(clip.value ?? 1, "clip_value", "a finite number > 0, or 0 for none") { $0 > 0 }
    try checkOption(clip.norm ?? 1, "clip_norm", "a finite number > 0, or 0 for none") { $0 > 0 }
    try checkOption(clip.tensorNorm ?? 1, "clip_tensor_norm", "a finite number > 0, or 0 for none") { $0 > 0 }
    try checkOption(clip.adaptive ?? 1, "clip_adaptive", "a finite number > 0, or 0 for none") { $0 > 0 }
    try checkOption(clip.stepValue ?? 1, "clip_step_value", "a finite number > 0, or 0 for none") { $0 > 0 }
    try checkOption(clip.stepNorm ?? 1, "clip_step_norm", "a finite number > 0, or 0 for none") { $0 > 0 }
    try checkOption(clip.quantile ?? 1, "clip_quantile", "a number in (0, 1], or 0 for none") {
      $0 > 0 && $0 <= 1
    }
    guard (NormHistory.fewest...1 << 20).contains(clip.window) else {
      throw RNNError(
        .argument, "clip_window: expected \(NormHistory.fewest) to \(1 << 20) norms, got \(clip.window)")
    }
    try checkOption(rollBackFactor, "rollback_factor", "a number in (0, 1]") { $0 > 0 && $0 <= 1 }
    try penalties.validate(recomputes: recompute)
    try schedule.validate()
    guard accumulate >= 1 else {
      throw RNNError(.argument, "accumulate: expected at least 1, or 0 for every step, got \(accumulate)")
    }
    if o.nesterov && !(o.kind == .sgd && o.momentum > 0) {
      throw RNNError(.argument, "nesterov: expected SGD with a momentum > 0, got none")
    }
    if let bptt, bptt < 1 {
      throw RNNError(.argument, "bptt: expected at least 1, or 0 for no truncation, got \(bptt)")
    }
  }

}

/// A finite number of the right kind.
@inline(never)
func checkOption(
  _ value: Double, _ name: String, _ expected: String, _ isRight: (Double) -> Bool
) throws(RNNError) {
  if !value.isFinite || !isRight(value) {
    throw RNNError(.argument, "\(name): expected \(expected), got \(value)")
  }
}

/// Weights of what is added to the loss to keep gradients and activations in bounds; 0: off.
public struct PenaltyOptions: Sendable {
  /// Of Pascanu's Ω, `Omega`.
  public var omega = 0.0
  /// Of Σ ‖WᵀW - 1‖² over the recurrent matrices, gate by gate.
  public var orthogonality = 0.0
  /// Of the mean of h², and of (h_t - h_{t-1})², of the last recurrent layer. Merity, McCann and Socher 2017.
  public var activation = 0.0
  public var temporalActivation = 0.0

  public init(
    omega: Double = 0, orthogonality: Double = 0, activation: Double = 0, temporalActivation: Double = 0
  ) {
    (self.omega, self.orthogonality) = (omega, orthogonality)
    (self.activation, self.temporalActivation) = (activation, temporalActivation)
  }

  func validate(recomputes: Bool) throws(RNNError) {
    let weights = [
      ("omega", omega), ("orthogonality", orthogonality), ("activation_penalty", activation),
      ("temporal_activation_penalty", temporalActivation),
    ]
    for (name, weight) in weights { try checkOption(weight, name, "a finite number >= 0") { $0 >= 0 } }
    if recomputes && temporalActivation != 0 {
      throw RNNError(
        .argument, "temporal_activation_penalty: expected 0 with recompute, got \(temporalActivation)")
    }
  }
}
