/// A run of training as a file: a model file with the optimiser's running averages as further tensors,
/// "optimizer.exp_avg.1.weight_ih_l0", and options and counters as JSON under "trainer".
extension Trainer {
  public func save(to path: UnsafePointer<CChar>) throws(RNNError) {
    var entries = model.entries(model.parameters.values)
    for part in parts { entries += model.entries(part.values, prefix: part.prefix) }
    try Safetensors.write(
      path, entries,
      metadata: [
        ("librnn", .string(ModelFile.metadata(model).serialized)), ("trainer", .string(json.serialized)),
      ])
  }

  /// What is laid out as the parameters are, and what stands before the names of its tensors.
  private var parts: [(prefix: String, values: View<S>)] {
    var parts: [(prefix: String, values: View<S>)] = []
    for (index, name) in options.optimizer.slotNames.enumerated() {
      parts.append((text("optimizer.\(name)."), optimizer.slot(index)))
    }
    if let lastGood, lastGood.isKept {
      parts.append(("last_good.", lastGood.parameters.values))
      for (index, name) in options.optimizer.slotNames.enumerated() {
        parts.append((text("last_good.optimizer.\(name)."), lastGood.slot(index)))
      }
    }
    if let accumulation, accumulation.count > 0 { parts.append(("accumulated.", accumulation.mean.values)) }
    return parts
  }

  private var json: JSON {
    var writer = MemberWriter()
    writer.add("format", ModelFile.format)
    options.write(to: &writer)
    progress.write(to: &writer)
    return .object(writer.members)
  }

  private var progress: Progress {
    Progress(
      updates: optimizer.updates, counts: counts, norms: history?.norms ?? [],
      lastGoodUpdates: lastGood.flatMap { $0.isKept ? $0.updates : nil }, plateau: plateau,
      accumulated: accumulation?.count ?? 0)
  }

  /// Takes up where `save` left off.
  func restore(_ file: SafetensorsFile, _ json: JSON) throws(RNNError) {
    let progress = try Progress(json, file.path, accumulate: options.accumulate)
    (optimizer.updates, counts, plateau) = (progress.updates, progress.counts, progress.plateau)
    for norm in progress.norms { history?.add(norm) }
    if let lastGood, let updates = progress.lastGoodUpdates {
      (lastGood.updates, lastGood.isKept, lastGood.version) = (updates, true, model.version)
    }
    accumulation?.count = progress.accumulated
    for part in parts { try model.fill(part.values, from: file, prefix: part.prefix) }
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
  do throws(RNNError) { try options.validate() } catch { throw file.damaged(error) }
  let trainer = try Trainer(model, options)
  try trainer.restore(file, json)
  return trainer
}
