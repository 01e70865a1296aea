/// A run of training as a file: a model file with the optimiser's running averages as further tensors,
/// "optimizer.exp_avg.1.weight_ih_l0", and options and counters as JSON under "trainer".
extension Trainer {
  public func save(to path: UnsafePointer<CChar>) throws(RNNError) {
    var entries = model.entries(model.parameters.values)
    for (index, name) in options.optimizer.slotNames.enumerated() {
      entries += model.entries(optimizer.slot(index), prefix: text("optimizer.\(name)."))
    }
    if let lastGood, lastGood.isKept {
      entries += model.entries(lastGood.parameters.values, prefix: "last_good.")
      for (index, name) in options.optimizer.slotNames.enumerated() {
        entries += model.entries(lastGood.slot(index), prefix: text("last_good.optimizer.\(name)."))
      }
    }
    try Safetensors.write(
      path, entries,
      metadata: [
        ("librnn", .string(ModelFile.metadata(model).serialized)), ("trainer", .string(json.serialized)),
      ])
  }

  private var json: JSON {
    var members: [(key: String, value: JSON)] = [("format", .number(ModelFile.format))]
    members += options.members
    members += [
      ("updates", .number(optimizer.updates)), ("steps", .number(counts.steps)),
      ("clipped_steps", .number(counts.clipped)), ("skipped_steps", .number(counts.skipped)),
      ("rolled_back_steps", .number(counts.rolledBack)),
      ("norms", .array((history?.norms ?? []).map { .number($0) })),
      ("class_weights", .array(criterion.classWeights.map { .number($0) })),
    ]
    if let lastGood, lastGood.isKept { members.append(("last_good_updates", .number(lastGood.updates))) }
    return .object(members)
  }

  /// Takes up where `save` left off.
  func restore(_ file: SafetensorsFile, _ json: JSON) throws(RNNError) {
    for (index, name) in options.optimizer.slotNames.enumerated() {
      try model.fill(optimizer.slot(index), from: file, prefix: text("optimizer.\(name)."))
    }
    // Files of before steps were rolled back do not count them.
    guard let updates = json["updates"]?.int, let steps = json["steps"]?.int,
      let clipped = json["clipped_steps"]?.int, let skipped = json["skipped_steps"]?.int,
      let rolledBack = (json["rolled_back_steps"] ?? .number(0)).int,
      [updates, clipped, skipped, rolledBack].allSatisfy({ $0 >= 0 && $0 <= steps }), steps < Int.max / 2
    else { throw RNNError(.format, "\(file.path): expected the counters of a checkpoint") }
    optimizer.updates = updates
    counts = StepCounts(steps: steps, clipped: clipped, skipped: skipped, rolledBack: rolledBack)
    guard let norms = (json["norms"] ?? .array([])).elements else {
      throw RNNError(.format, "\(file.path): norms: expected a list")
    }
    for norm in norms {
      guard let norm = norm.double, norm.isFinite, norm >= 0 else {
        throw RNNError(.format, "\(file.path): norms: expected finite numbers >= 0")
      }
      history?.add(norm)
    }
    try restoreLastGood(file, json)
  }

  private func restoreLastGood(_ file: SafetensorsFile, _ json: JSON) throws(RNNError) {
    guard let lastGood, let updates = json["last_good_updates"]?.int else { return }
    guard updates >= 0, updates <= optimizer.updates else {
      throw RNNError(.format, "\(file.path): expected the counters of a checkpoint")
    }
    try model.fill(lastGood.parameters.values, from: file, prefix: "last_good.")
    for (index, name) in options.optimizer.slotNames.enumerated() {
      try model.fill(lastGood.slot(index), from: file, prefix: text("last_good.optimizer.\(name)."))
    }
    (lastGood.updates, lastGood.isKept, lastGood.version) = (updates, true, model.version)
  }
}

/// Reads a checkpoint.
@export(interface) @inline(never)
public func resumeTrainer(_ path: UnsafePointer<CChar>) throws(RNNError) -> any AnyTrainer {
  let file = try SafetensorsFile(path)
  let description = try ModelFile.description(file)
  guard let text = file.metadata["trainer"]?.text, let json = JSONParser.parse(text) else {
    throw RNNError(
      .format, "\(file.path): expected the metadata \"trainer\" of a checkpoint, got a model only")
  }
  try ModelFile.checkFormat(json, file)
  if ModelFile.isDouble(description) { return try resume(file, description, json, as: Double.self) }
  return try resume(file, description, json, as: Float.self)
}

private func resume<S: Scalar>(
  _ file: SafetensorsFile, _ description: JSON, _ json: JSON, as _: S.Type
) throws(RNNError) -> Trainer<S> {
  guard let options = TrainerOptions(json) else {
    throw RNNError(.format, "\(file.path): expected the options of a trainer, got \(json.serialized)")
  }
  let model = try ModelFile.model(file, description, as: S.self)
  let trainer: Trainer<S>
  do throws(RNNError) {
    let criterion = try Criterion(options.loss, json["class_weights"], classes: model.outputSize)
    trainer = try Trainer(model, options, criterion)
  } catch { throw error.code == .argument ? file.damaged(error) : error }
  try trainer.restore(file, json)
  return trainer
}

extension TrainerOptions {
  fileprivate var members: [(key: String, value: JSON)] {
    [
      ("loss", .number(loss.kind.rawValue)), ("reduction", .number(loss.reduction.rawValue)),
      ("ignore_index", .number(loss.ignoreIndex)), ("optimizer", .number(optimizer.kind.rawValue)),
      ("nesterov", .bool(optimizer.nesterov)), ("learning_rate", .number(optimizer.learningRate)),
      ("momentum", .number(optimizer.momentum)), ("beta1", .number(optimizer.beta1)),
      ("beta2", .number(optimizer.beta2)), ("alpha", .number(optimizer.alpha)),
      ("eps", .number(optimizer.eps)),
      ("weight_decay", .number(optimizer.weightDecay)), ("clip_value", .number(clip.value ?? 0)),
      ("clip_norm", .number(clip.scoped.norm ?? 0)), ("clip_scope", .number(clip.scoped.isPerTensor ? 1 : 0)),
      ("clip_tensor_norm", .number(clip.scoped.tensorNorm ?? 0)),
      ("clip_adaptive", .number(clip.adaptive ?? 0)), ("clip_quantile", .number(clip.quantile ?? 0)),
      ("clip_window", .number(clip.window)), ("clip_step_value", .number(clip.stepValue ?? 0)),
      ("clip_step_norm", .number(clip.stepNorm ?? 0)), ("omega", .number(penalties.omega)),
      ("orthogonality", .number(penalties.orthogonality)),
      ("activation_penalty", .number(penalties.activation)),
      ("temporal_activation_penalty", .number(penalties.temporalActivation)),
      ("rollback_factor", .number(rollBackFactor)),
      ("nonfinite", .number(nonFinite.rawValue)), ("bptt", .number(bptt ?? 0)),
      ("recompute", .bool(recompute)), ("seed", .number(seed)),
      ("label_smoothing", .number(loss.labelSmoothing)), ("huber_delta", .number(loss.huberDelta)),
      ("blank", .number(loss.blank)), ("zero_infinity", .bool(loss.zeroInfinity)),
    ]
  }

  fileprivate init?(_ json: JSON) {
    func number(_ key: String) -> Double? { json[key]?.double }
    func int(_ key: String) -> Int? { json[key]?.int }
    guard let kind = int("optimizer").flatMap(OptimizerOptions.Kind.init),
      let lossKind = int("loss").flatMap(Loss.Kind.init),
      let scope = int("clip_scope"), scope == 0 || scope == 1,
      let reduction = int("reduction").flatMap(Loss.Reduction.init), let ignoreIndex = int("ignore_index"),
      let policy = int("nonfinite").flatMap(NonFinitePolicy.init), let seed = json["seed"]?.uint64,
      let bptt = int("bptt"), let clipValue = number("clip_value"), let clipNorm = number("clip_norm"),
      let nesterov = json["nesterov"]?.bool, let rate = number("learning_rate"),
      let momentum = number("momentum"), let beta1 = number("beta1"), let beta2 = number("beta2"),
      let alpha = number("alpha"), let eps = number("eps"), let decay = number("weight_decay")
    else { return nil }
    self.init(OptimizerOptions(kind))
    (loss.kind, loss.reduction, loss.ignoreIndex) = (lossKind, reduction, ignoreIndex)
    (optimizer.nesterov, optimizer.learningRate, optimizer.momentum) = (nesterov, rate, momentum)
    (optimizer.beta1, optimizer.beta2, optimizer.alpha) = (beta1, beta2, alpha)
    (optimizer.eps, optimizer.weightDecay, self.seed, nonFinite) = (eps, decay, seed, policy)
    self.bptt = bptt == 0 ? nil : bptt
    func optional(_ value: Double) -> Double? { value == 0 ? nil : value }
    // Files of before there were these options do not have them.
    func later(_ key: String, _ missing: Double = 0) -> Double? { (json[key] ?? .number(missing)).double }
    guard let recompute = (json["recompute"] ?? .bool(false)).bool,
      let tensorNorm = later("clip_tensor_norm"), let adaptive = later("clip_adaptive"),
      let quantile = later("clip_quantile"), let window = (json["clip_window"] ?? .number(clip.window)).int,
      let stepValue = later("clip_step_value"), let stepNorm = later("clip_step_norm"),
      let omega = later("omega"), let orthogonality = later("orthogonality"),
      let activation = later("activation_penalty"),
      let temporalActivation = later("temporal_activation_penalty"),
      let factor = later("rollback_factor", rollBackFactor),
      let smoothing = later("label_smoothing"), let delta = later("huber_delta", 1),
      let blank = later("blank"), let zeroInfinity = (json["zero_infinity"] ?? .bool(false)).bool
    else { return nil }
    (loss.labelSmoothing, loss.huberDelta) = (smoothing, delta)
    (loss.blank, loss.zeroInfinity) = (Int(exactly: blank) ?? -1, zeroInfinity)
    (self.recompute, rollBackFactor) = (recompute, factor)
    clip.value = optional(clipValue)
    (clip.adaptive, clip.quantile, clip.window) = (optional(adaptive), optional(quantile), window)
    (clip.stepValue, clip.stepNorm) = (optional(stepValue), optional(stepNorm))
    penalties = PenaltyOptions(
      omega: omega, orthogonality: orthogonality, activation: activation,
      temporalActivation: temporalActivation)
    do throws(RNNError) {
      try clip.set(norm: optional(clipNorm), isPerTensor: scope == 1, tensorNorm: optional(tensorNorm))
    } catch { return nil }
  }
}
