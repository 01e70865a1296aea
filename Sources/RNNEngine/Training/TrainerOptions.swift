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
  /// Of the average of the weights; nil: there is none.
  public var emaDecay: Double?

  public init(_ optimizer: OptimizerOptions = OptimizerOptions(.adam)) { self.optimizer = optimizer }

  /// For a model with so many outputs.
  func validate(outputs: Int, isLastStep: Bool) throws(RNNError) {
    try loss.validate(outputs: outputs)
    if loss.kind == .ctc && (isLastStep || bptt != nil || recompute) {
      let obstacle = isLastStep ? "a last-step head" : recompute ? "recompute" : "bptt"
      throw RNNError(.argument, "loss: expected whole sequences of outputs for CTC, got \(obstacle)")
    }
    let o = optimizer
    try check(o.learningRate, "learning_rate", .notNegative)
    try check(o.momentum, "momentum", .notNegative)
    try check(o.beta1, "beta1", .smoothing)
    try check(o.beta2, "beta2", .smoothing)
    try check(o.alpha, "alpha", .smoothing)
    try check(o.eps, "eps", .positive)
    try check(o.weightDecay, "weight_decay", .notNegative)
    try check(clip.value ?? 1, "clip_value", .threshold)
    try check(clip.norm ?? 1, "clip_norm", .threshold)
    try check(clip.tensorNorm ?? 1, "clip_tensor_norm", .threshold)
    try check(clip.adaptive ?? 1, "clip_adaptive", .threshold)
    try check(clip.stepValue ?? 1, "clip_step_value", .threshold)
    try check(clip.stepNorm ?? 1, "clip_step_norm", .threshold)
    try check(clip.quantile ?? 1, "clip_quantile", .quantile)
    guard (NormHistory.fewest...1 << 20).contains(clip.window) else {
      throw RNNError(
        .argument, "clip_window: expected \(NormHistory.fewest) to \(1 << 20) norms, got \(clip.window)")
    }
    try check(rollBackFactor, "rollback_factor", .part)
    try penalties.validate(recomputes: recompute)
    try schedule.validate()
    try check(emaDecay ?? 0.5, "ema_decay", .decay)
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

/// Which numbers an option may have. All are finite.
enum NumberKind: Sendable {
  case any, notNegative, positive, threshold, quantile, part, smoothing, decay, divisor, share, temperature

  fileprivate var text: String {
    switch self {
    case .any: "a finite number"
    case .notNegative: "a finite number >= 0"
    case .positive: "a finite number > 0"
    case .threshold: "a finite number > 0, or 0 for none"
    case .quantile: "a number in (0, 1], or 0 for none"
    case .part: "a number in (0, 1]"
    case .smoothing: "a number in [0, 1)"
    case .decay: "a number in (0, 1), or 0 for none"
    case .divisor: "a finite number >= 1"
    case .share: "a number in (0, 1], or 0 for all"
    case .temperature: "a finite number > 0, or RNN_ZERO"
    }
  }

  fileprivate func includes(_ value: Double) -> Bool {
    switch self {
    case .any: value.isFinite
    case .notNegative: value >= 0 && value.isFinite
    case .positive, .threshold: value > 0 && value.isFinite
    case .quantile, .part, .share: value > 0 && value <= 1
    case .smoothing: value >= 0 && value < 1
    case .decay: value > 0 && value < 1
    case .divisor: value >= 1 && value.isFinite
    case .temperature: value == 0 || value > 0 && value.isNormal
    }
  }
}

@inline(never)
func check(_ value: Double, _ name: String, _ kind: NumberKind) throws(RNNError) {
  if kind.includes(value) { return }
  throw RNNError(.argument, "\(name): expected \(kind.text), got \(value)")
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
    for (name, weight) in weights { try check(weight, name, .notNegative) }
    if recomputes && temporalActivation != 0 {
      throw RNNError(
        .argument, "temporal_activation_penalty: expected 0 with recompute, got \(temporalActivation)")
    }
  }
}
