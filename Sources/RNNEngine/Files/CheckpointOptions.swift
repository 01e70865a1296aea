/// A trainer's options as members of a checkpoint, under the names of `rnn_trainer_options`.
extension TrainerOptions {
  func write(to json: inout MemberWriter) {
    loss.write(to: &json)
    optimizer.write(to: &json)
    clip.write(to: &json)
    json.add("omega", penalties.omega)
    json.add("orthogonality", penalties.orthogonality)
    json.add("activation_penalty", penalties.activation)
    json.add("temporal_activation_penalty", penalties.temporalActivation)
    json.add("rollback_factor", rollBackFactor)
    json.add("nonfinite", nonFinite.rawValue)
    json.add("bptt", bptt ?? 0)
    json.add("recompute", recompute)
    json.add("seed", .number(seed))
    schedule.write(to: &json)
    json.add("accumulate", accumulate)
    json.add("ema_decay", emaDecay ?? 0)
  }

  /// nil if something is missing that was there from the first version on, or means nothing.
  init?(_ json: JSON) {
    var members = MemberReader(json)
    guard let kind = OptimizerOptions.Kind(rawValue: members.int("optimizer")),
      let policy = NonFinitePolicy(rawValue: members.int("nonfinite")), let loss = Loss(&members),
      let clip = ClipOptions(&members), let schedule = Schedule(&members)
    else { return nil }
    self.init(OptimizerOptions(kind))
    (nonFinite, self.loss, self.clip, self.schedule) = (policy, loss, clip, schedule)
    optimizer.read(&members)
    penalties = PenaltyOptions(
      omega: members.double("omega", 0), orthogonality: members.double("orthogonality", 0),
      activation: members.double("activation_penalty", 0),
      temporalActivation: members.double("temporal_activation_penalty", 0))
    rollBackFactor = members.double("rollback_factor", rollBackFactor)
    let bptt = members.int("bptt")
    self.bptt = bptt == 0 ? nil : bptt
    recompute = members.bool("recompute", false)
    seed = members.uint64("seed")
    accumulate = members.int("accumulate", 1)
    emaDecay = members.option("ema_decay")
    if !members.isGood { return nil }
  }
}

extension Loss {
  fileprivate func write(to json: inout MemberWriter) {
    json.add("loss", kind.rawValue)
    json.add("reduction", reduction.rawValue)
    json.add("ignore_index", ignoreIndex)
    json.add("label_smoothing", labelSmoothing)
    json.add("huber_delta", huberDelta)
    json.add("blank", blank)
    json.add("zero_infinity", zeroInfinity)
  }

  fileprivate init?(_ json: inout MemberReader) {
    self.init()
    guard let kind = Kind(rawValue: json.int("loss")),
      let reduction = Reduction(rawValue: json.int("reduction"))
    else { return nil }
    (self.kind, self.reduction) = (kind, reduction)
    ignoreIndex = json.int("ignore_index")
    labelSmoothing = json.double("label_smoothing", labelSmoothing)
    huberDelta = json.double("huber_delta", huberDelta)
    blank = json.int("blank", blank)
    zeroInfinity = json.bool("zero_infinity", zeroInfinity)
  }
}

extension OptimizerOptions {
  fileprivate func write(to json: inout MemberWriter) {
    json.add("optimizer", kind.rawValue)
    json.add("nesterov", nesterov)
    json.add("learning_rate", learningRate)
    json.add("momentum", momentum)
    json.add("beta1", beta1)
    json.add("beta2", beta2)
    json.add("alpha", alpha)
    json.add("eps", eps)
    json.add("weight_decay", weightDecay)
  }

  fileprivate mutating func read(_ json: inout MemberReader) {
    nesterov = json.bool("nesterov")
    learningRate = json.double("learning_rate")
    momentum = json.double("momentum")
    beta1 = json.double("beta1")
    beta2 = json.double("beta2")
    alpha = json.double("alpha")
    eps = json.double("eps")
    weightDecay = json.double("weight_decay")
  }
}

extension ClipOptions {
  fileprivate func write(to json: inout MemberWriter) {
    json.add("clip_value", value ?? 0)
    json.add("clip_norm", scoped.norm ?? 0)
    json.add("clip_scope", scoped.isPerTensor ? 1 : 0)
    json.add("clip_tensor_norm", scoped.tensorNorm ?? 0)
    json.add("clip_adaptive", adaptive ?? 0)
    json.add("clip_quantile", quantile ?? 0)
    json.add("clip_window", window)
    json.add("clip_step_value", stepValue ?? 0)
    json.add("clip_step_norm", stepNorm ?? 0)
  }

  fileprivate init?(_ json: inout MemberReader) {
    self.init()
    let scope = json.int("clip_scope")
    guard scope == 0 || scope == 1 else { return nil }
    do throws(RNNError) {
      try set(
        norm: json.option("clip_norm", nil), isPerTensor: scope == 1,
        tensorNorm: json.option("clip_tensor_norm"))
    } catch { return nil }
    value = json.option("clip_value", nil)
    adaptive = json.option("clip_adaptive")
    quantile = json.option("clip_quantile")
    window = json.int("clip_window", window)
    stepValue = json.option("clip_step_value")
    stepNorm = json.option("clip_step_norm")
  }
}

extension Schedule {
  fileprivate func write(to json: inout MemberWriter) {
    json.add("schedule", kind.rawValue)
    json.add("schedule_warm_up", warmUp)
    json.add("schedule_period", period)
    json.add("schedule_factor", factor)
    json.add("schedule_floor", floor)
    json.add("schedule_divisor", divisor)
    json.add("schedule_final_divisor", finalDivisor)
  }

  fileprivate init?(_ json: inout MemberReader) {
    self.init()
    guard let kind = Kind(rawValue: json.int("schedule", 0)) else { return nil }
    self.kind = kind
    warmUp = json.int("schedule_warm_up", 0)
    period = json.int("schedule_period", 0)
    factor = json.double("schedule_factor", factor)
    floor = json.double("schedule_floor", 0)
    divisor = json.double("schedule_divisor", divisor)
    finalDivisor = json.double("schedule_final_divisor", finalDivisor)
  }
}
