/// A run of training as a file: a model file with the optimiser's running averages as further tensors,
/// "optimizer.exp_avg.1.weight_ih_l0", and options and counters as JSON under "trainer".
extension Trainer {
  public func save(to path: UnsafePointer<CChar>) throws(RNNError) {
    try Safetensors.write(
      path, model.entries(model.parameters.values) + entries,
      metadata: [
        ("librnn", .string(ModelFile.metadata(model).serialized)), ("trainer", .string(json.serialized)),
      ])
  }

  /// What there is besides the parameters, and laid out as they are.
  private var entries: [Safetensors.Entry] {
    var entries: [Safetensors.Entry] = []
    func add(_ values: View<S>, _ prefix: String) { entries += model.entries(values, prefix: prefix) }
    let names = options.optimizer.slotNames
    for index in names.indices { add(optimizer.slot(index), text("optimizer.\(names[index]).")) }
    if let lastGood, lastGood.holds(for: model) {
      add(lastGood.parameters.values, "last_good.")
      for index in names.indices { add(lastGood.slot(index), text("last_good.optimizer.\(names[index]).")) }
      if let average = lastGood.average { add(average.values, "last_good.average.") }
    }
    if let average { add(average.values, "average.") }
    if let accumulation, accumulation.count > 0 { add(accumulation.mean.values, "accumulated.") }
    return entries
  }

  private var json: JSON {
    var writer = MemberWriter()
    writer.add("format", 1)
    options.write(to: &writer)
    writer.add("class_weights", criterion.classWeights.map { $0 })
    progress.write(to: &writer)
    return .object(writer.members)
  }

  private var progress: Progress {
    Progress(
      updates: optimizer.updates, counts: counts, norms: history?.norms ?? [],
      lastGoodUpdates: lastGood.flatMap { $0.holds(for: model) ? $0.updates : nil }, plateau: plateau,
      accumulated: accumulation?.count ?? 0, groups: groups)
  }

  /// Takes up where `save` left off.
  func restore(_ file: SafetensorsFile, _ json: JSON) throws(RNNError) {
    let progress = try Progress(json, file.path, accumulate: options.accumulate, tensors: model.tensors.count)
    (optimizer.updates, counts, plateau) = (progress.updates, progress.counts, progress.plateau)
    for norm in progress.norms { history?.add(norm) }
    if let lastGood, let updates = progress.lastGoodUpdates {
      (lastGood.updates, lastGood.isKept, lastGood.version) = (updates, true, model.version)
    }
    accumulation?.count = progress.accumulated
    groups = progress.groups
    do throws(RNNError) { try groups.check(options, S.dtype) } catch { throw file.damaged(error) }
    for entry in entries { try file.read(entry) }
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
  } catch { throw error.code == .argument || error.code == .model ? file.damaged(error) : error }
  try trainer.restore(file, json)
  return trainer
}
