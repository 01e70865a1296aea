import CRNN
import RNNEngine

// Training: section 5 of rnn.h, and checkpoints.

@_cdecl("rnn_trainer_create") @implementation
public func rnn_trainer_create(
  _ model: OpaquePointer?, _ options: UnsafePointer<rnn_trainer_options>?,
  _ trainer: UnsafeMutablePointer<OpaquePointer?>?
) -> rnn_status {
  boundary { () throws(RNNError) in
    let model = try RNNCAPI.model(model)
    let given = try Struct.readOptional(options, "options", rnn_trainer_options())
    let options = try TrainerOptions(given)
    let result = try required(trainer, "trainer")
    result.pointee = try Handles.open(
      .trainer(model.makeTrainer(options, classWeights: RawBuffer(given.class_weights))))
  }
}

@_cdecl("rnn_trainer_free") @implementation
public func rnn_trainer_free(_ trainer: OpaquePointer?) -> rnn_status {
  closeHandle(trainer) { () throws(RNNError) in _ = try RNNCAPI.trainer(trainer) }
}

@_cdecl("rnn_trainer_step") @implementation
public func rnn_trainer_step(
  _ trainer: OpaquePointer?, _ batch: UnsafePointer<rnn_batch>?,
  _ report: UnsafeMutablePointer<rnn_step_report>?
) -> rnn_status {
  update(trainer, report) { trainer, result throws(RNNError) in
    try trainer.step(Batch(Struct.read(batch, "batch", rnn_batch())), &result)
  }
}

@_cdecl("rnn_trainer_floss") @implementation
public func rnn_trainer_floss(
  _ trainer: OpaquePointer?, _ batch: UnsafePointer<rnn_batch>?, _ lyapunov: UnsafePointer<rnn_lyapunov>?,
  _ report: UnsafeMutablePointer<rnn_step_report>?
) -> rnn_status {
  update(trainer, report) { trainer, result throws(RNNError) in
    let batch = try Batch(Struct.read(batch, "batch", rnn_batch()))
    let options = try LyapunovOptions(Struct.read(lyapunov, "lyapunov", rnn_lyapunov()))
    try trainer.floss(batch, options, &result)
  }
}

/// The report is written when the policy makes a gradient that is not finite an error, too.
private func update(
  _ trainer: OpaquePointer?, _ report: UnsafeMutablePointer<rnn_step_report>?,
  _ body: (any AnyTrainer, inout StepReport) throws(RNNError) -> Void
) -> rnn_status {
  boundary { () throws(RNNError) in
    let trainer = try RNNCAPI.trainer(trainer)
    try Struct.check(report, "report")
    var result = StepReport()
    do throws(RNNError) { try body(trainer, &result) } catch {
      if error.code == .nonFinite { try Struct.write(result.cStruct, to: report, "report") }
      throw error
    }
    try Struct.write(result.cStruct, to: report, "report")
  }
}

@_cdecl("rnn_trainer_evaluate") @implementation
public func rnn_trainer_evaluate(
  _ trainer: OpaquePointer?, _ batch: UnsafePointer<rnn_batch>?,
  _ report: UnsafeMutablePointer<rnn_step_report>?
) -> rnn_status {
  boundary { () throws(RNNError) in
    let trainer = try RNNCAPI.trainer(trainer)
    try Struct.check(report, "report")
    let result = try trainer.evaluate(Batch(Struct.read(batch, "batch", rnn_batch())))
    try Struct.write(result.cStruct, to: report, "report")
  }
}

@_cdecl("rnn_trainer_describe") @implementation
public func rnn_trainer_describe(
  _ trainer: OpaquePointer?, _ options: UnsafeMutablePointer<rnn_trainer_options>?
) -> rnn_status {
  boundary { () throws(RNNError) in
    let trainer = try RNNCAPI.trainer(trainer)
    var result = trainer.options.cStruct
    result.class_weights.bytes = trainer.classWeights.count * 8
    try Struct.write(result, to: options, "options")
  }
}

@_cdecl("rnn_trainer_class_weights") @implementation
public func rnn_trainer_class_weights(
  _ trainer: OpaquePointer?, _ weights: UnsafeMutablePointer<Double>?, _ bytes: Int
) -> rnn_status {
  boundary { () throws(RNNError) in
    let values = try UnsafeBufferPointer(RNNCAPI.trainer(trainer).classWeights)
    if values.isEmpty && bytes == 0 { return }
    try RawBuffer(UnsafeMutableRawPointer(weights), bytes: bytes).write(values, "weights")
  }
}

@_cdecl("rnn_trainer_set_learning_rate") @implementation
public func rnn_trainer_set_learning_rate(_ trainer: OpaquePointer?, _ learningRate: Double) -> rnn_status {
  boundary { () throws(RNNError) in try RNNCAPI.trainer(trainer).setLearningRate(learningRate) }
}

@_cdecl("rnn_trainer_set_penalties") @implementation
public func rnn_trainer_set_penalties(
  _ trainer: OpaquePointer?, _ omega: Double, _ orthogonality: Double, _ activationPenalty: Double,
  _ temporalActivationPenalty: Double
) -> rnn_status {
  boundary { () throws(RNNError) in
    try RNNCAPI.trainer(trainer).setPenalties(
      PenaltyOptions(
        omega: omega, orthogonality: orthogonality, activation: activationPenalty,
        temporalActivation: temporalActivationPenalty))
  }
}

@_cdecl("rnn_trainer_report_metric") @implementation
public func rnn_trainer_report_metric(_ trainer: OpaquePointer?, _ metric: Double) -> rnn_status {
  boundary { () throws(RNNError) in try RNNCAPI.trainer(trainer).reportMetric(metric) }
}

@_cdecl("rnn_trainer_average") @implementation
public func rnn_trainer_average(
  _ trainer: OpaquePointer?, _ model: UnsafeMutablePointer<OpaquePointer?>?
) -> rnn_status {
  boundary { () throws(RNNError) in
    let trainer = try RNNCAPI.trainer(trainer)
    let result = try required(model, "model")
    result.pointee = try Handles.open(.model(trainer.makeAverage()))
  }
}

@_cdecl("rnn_trainer_set_group") @implementation
public func rnn_trainer_set_group(
  _ trainer: OpaquePointer?, _ pattern: UnsafePointer<CChar>?, _ group: UnsafePointer<rnn_group>?
) -> rnn_status {
  boundary { () throws(RNNError) in
    let trainer = try RNNCAPI.trainer(trainer)
    let pattern = String(cString: try required(pattern, "pattern"))
    try trainer.setGroup(pattern, TensorGroup(Struct.read(group, "group", rnn_group())))
  }
}

@_cdecl("rnn_trainer_gradient") @implementation
public func rnn_trainer_gradient(
  _ trainer: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ data: UnsafeMutableRawPointer?, _ bytes: Int
) -> rnn_status {
  boundary { () throws(RNNError) in
    let trainer = try RNNCAPI.trainer(trainer)
    try trainer.readGradient(tensor(trainer.anyModel, name), into: RawBuffer(data, bytes: bytes))
  }
}

@_cdecl("rnn_trainer_model") @implementation
public func rnn_trainer_model(
  _ trainer: OpaquePointer?, _ model: UnsafeMutablePointer<OpaquePointer?>?
) -> rnn_status {
  boundary { () throws(RNNError) in
    let trainer = try RNNCAPI.trainer(trainer)
    let result = try required(model, "model")
    result.pointee = try Handles.open(.model(trainer.anyModel))
  }
}

@_cdecl("rnn_trainer_save") @implementation
public func rnn_trainer_save(_ trainer: OpaquePointer?, _ path: UnsafePointer<CChar>?) -> rnn_status {
  boundary { () throws(RNNError) in try RNNCAPI.trainer(trainer).save(to: required(path, "path")) }
}

@_cdecl("rnn_trainer_resume") @implementation
public func rnn_trainer_resume(
  _ path: UnsafePointer<CChar>?, _ trainer: UnsafeMutablePointer<OpaquePointer?>?
) -> rnn_status {
  boundary { () throws(RNNError) in
    let result = try required(trainer, "trainer")
    result.pointee = try Handles.open(.trainer(resumeTrainer(required(path, "path"))))
  }
}

// MARK: Structs

extension TrainerOptions {
  init(_ c: rnn_trainer_options) throws(RNNError) {
    self.init(OptimizerOptions(try option(c.optimizer.rawValue, "optimizer", OptimizerOptions.Kind.self)))
    loss.kind = try option(c.loss.rawValue, "loss", Loss.Kind.self)
    loss.reduction = try option(c.reduction.rawValue, "reduction", Loss.Reduction.self)
    if try flag(c.has_ignore_index, "has_ignore_index") {
      loss.ignoreIndex = try size(c.ignore_index, "ignore_index")
    }
    optimizer.nesterov = try flag(c.nesterov, "nesterov")
    optimizer.learningRate = Self.value(c.learning_rate, default: optimizer.learningRate)
    optimizer.momentum = Self.value(c.momentum, default: optimizer.momentum)
    optimizer.beta1 = Self.value(c.beta1, default: optimizer.beta1)
    optimizer.beta2 = Self.value(c.beta2, default: optimizer.beta2)
    optimizer.alpha = Self.value(c.alpha, default: optimizer.alpha)
    optimizer.eps = c.eps == 0 ? optimizer.eps : c.eps
    optimizer.weightDecay = Self.value(c.weight_decay, default: optimizer.weightDecay)
    clip.value = Self.optional(c.clip_value)
    try readClipping(c)
    penalties = PenaltyOptions(
      omega: c.omega, orthogonality: c.orthogonality, activation: c.activation_penalty,
      temporalActivation: c.temporal_activation_penalty)
    rollBackFactor = c.rollback_factor == 0 ? rollBackFactor : c.rollback_factor
    nonFinite = try option(c.nonfinite.rawValue, "nonfinite", NonFinitePolicy.self)
    bptt = c.bptt == 0 ? nil : try size(c.bptt, "bptt")
    seed = c.seed
    recompute = try flag(c.recompute, "recompute")
    loss.labelSmoothing = c.label_smoothing
    loss.huberDelta = c.huber_delta == 0 ? loss.huberDelta : c.huber_delta
    loss.blank = try size(c.blank, "blank")
    loss.zeroInfinity = try flag(c.zero_infinity, "zero_infinity")
    schedule = try Schedule(c)
    emaDecay = Self.optional(c.ema_decay)
    accumulate = c.accumulate == 0 ? 1 : try size(c.accumulate, "accumulate")
  }

  private mutating func readClipping(_ c: rnn_trainer_options) throws(RNNError) {
    let isPerTensor = try flag(Int32(bitPattern: c.clip_scope.rawValue), "clip_scope")
    try clip.set(
      norm: Self.optional(c.clip_norm), isPerTensor: isPerTensor,
      tensorNorm: Self.optional(c.clip_tensor_norm))
    clip.adaptive = Self.optional(c.clip_adaptive)
    clip.quantile = Self.optional(c.clip_quantile)
    if c.clip_window != 0 { clip.window = try size(c.clip_window, "clip_window") }
    clip.stepValue = Self.optional(c.clip_step_value)
    clip.stepNorm = Self.optional(c.clip_step_norm)
  }

  /// 0 means none.
  private static func optional(_ value: Double) -> Double? { value == 0 ? nil : value }

  /// 0 means the default; RNN_ZERO means 0.
  fileprivate static func value(_ given: Double, default value: Double) -> Double {
    given == 0 ? value : given == RNN_ZERO ? 0 : given
  }

  /// 0 as a literal, in fields in which 0 would mean the default.
  private static func literal(_ value: Double) -> Double { value == 0 ? RNN_ZERO : value }

  var cStruct: rnn_trainer_options {
    var c = rnn_trainer_options()
    c.loss = rnn_loss(UInt32(loss.kind.rawValue))
    c.reduction = rnn_reduction(UInt32(loss.reduction.rawValue))
    c.has_ignore_index = 1
    c.ignore_index = Int64(loss.ignoreIndex)
    c.optimizer = rnn_optimizer(UInt32(optimizer.kind.rawValue))
    c.nesterov = optimizer.nesterov ? 1 : 0
    c.learning_rate = Self.literal(optimizer.learningRate)
    c.momentum = optimizer.momentum
    c.beta1 = Self.literal(optimizer.beta1)
    c.beta2 = Self.literal(optimizer.beta2)
    c.alpha = Self.literal(optimizer.alpha)
    c.eps = optimizer.eps
    c.weight_decay = Self.literal(optimizer.weightDecay)
    c.clip_value = clip.value ?? 0
    c.clip_norm = clip.scoped.norm ?? 0
    c.clip_scope = clip.scoped.isPerTensor ? RNN_CLIP_PER_TENSOR : RNN_CLIP_GLOBAL
    c.nonfinite = rnn_nonfinite(UInt32(nonFinite.rawValue))
    c.bptt = Int64(bptt ?? 0)
    c.seed = seed
    c.recompute = recompute ? 1 : 0
    c.clip_tensor_norm = clip.scoped.tensorNorm ?? 0
    c.clip_adaptive = clip.adaptive ?? 0
    c.clip_quantile = clip.quantile ?? 0
    c.clip_window = Int64(clip.window)
    c.clip_step_value = clip.stepValue ?? 0
    c.clip_step_norm = clip.stepNorm ?? 0
    c.rollback_factor = rollBackFactor
    c.omega = penalties.omega
    c.orthogonality = penalties.orthogonality
    c.activation_penalty = penalties.activation
    c.temporal_activation_penalty = penalties.temporalActivation
    c.label_smoothing = loss.labelSmoothing
    c.huber_delta = loss.huberDelta
    c.blank = Int64(loss.blank)
    c.zero_infinity = loss.zeroInfinity ? 1 : 0
    schedule.write(to: &c)
    c.accumulate = Int64(accumulate)
    c.ema_decay = emaDecay ?? 0
    return c
  }
}

extension TensorGroup {
  init(_ c: rnn_group) throws(RNNError) {
    self.init()
    rateFactor = TrainerOptions.value(c.rate_factor, default: 1)
    weightDecay = c.weight_decay == 0 ? nil : TrainerOptions.value(c.weight_decay, default: 0)
    isFrozen = try flag(c.frozen, "frozen")
  }
}

extension Schedule {
  init(_ c: rnn_trainer_options) throws(RNNError) {
    self.init()
    kind = try option(c.schedule.rawValue, "schedule", Kind.self)
    warmUp = try size(c.schedule_warm_up, "schedule_warm_up")
    period = try size(c.schedule_period, "schedule_period")
    if kind == .plateau { period = period == 0 ? 10 : period == Int(RNN_ZERO) ? 0 : period }
    if c.schedule_factor != 0 { factor = c.schedule_factor }
    floor = c.schedule_floor
    if c.schedule_divisor != 0 { divisor = c.schedule_divisor }
    if c.schedule_final_divisor != 0 { finalDivisor = c.schedule_final_divisor }
  }

  func write(to c: inout rnn_trainer_options) {
    c.schedule = rnn_schedule(UInt32(kind.rawValue))
    c.schedule_warm_up = Int64(warmUp)
    c.schedule_period = kind == .plateau && period == 0 ? Int64(RNN_ZERO) : Int64(period)
    c.schedule_factor = factor
    c.schedule_floor = floor
    c.schedule_divisor = divisor
    c.schedule_final_divisor = finalDivisor
  }
}

extension StepReport {
  var cStruct: rnn_step_report {
    var c = rnn_step_report()
    c.loss = loss
    c.grad_norm = gradNorm
    c.learning_rate = learningRate
    c.clipped = !isSkipped && clipping != [] ? 1 : 0
    c.skipped = isSkipped ? 1 : 0
    c.step = Int64(counts.steps)
    c.clipped_steps = Int64(counts.clipped)
    c.skipped_steps = Int64(counts.skipped)
    c.action = rnn_action(UInt32(action.rawValue))
    c.clipping = clipping.rawValue
    c.clip_threshold = clipThreshold
    c.clipped_places = Int64(clippedPlaces)
    c.penalty = penalty
    c.omega = omega
    c.rolled_back_steps = Int64(counts.rolledBack)
    c.flow_count = flowCount
    (c.origin_layer, c.origin_level, c.origin_step) = (-1, -1, -1)
    guard let origin else { return c }
    c.origin = rnn_origin(UInt32(origin.kind.rawValue))
    c.origin_layer = Int64(origin.layer)
    c.origin_level = Int64(origin.level)
    c.origin_step = Int64(origin.step)
    writeText(origin.tensor, to: &c.origin_tensor)
    return c
  }
}
