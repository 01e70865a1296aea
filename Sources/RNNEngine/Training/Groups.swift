/// What a tensor has of its own in updates.
public struct TensorGroup: Equatable, Sendable {
  /// Of the learning rate.
  public var rateFactor = 1.0
  /// nil: the trainer's.
  public var weightDecay: Double?
  /// Its bits stay, and its gradient counts as zero.
  public var isFrozen = false

  public init() {}
}

/// Of each tensor of the state dictionary.
struct TensorGroups: Sendable {
  var groups: [TensorGroup]

  init(count: Int) { groups = [TensorGroup](repeating: TensorGroup(), count: count) }

  /// A rate that is infinite in the model's type would ruin the weights.
  func check(_ options: TrainerOptions, _ dtype: DType) throws(RNNError) {
    for group in groups {
      try RNNEngine.check(group.rateFactor, "rate_factor", .notNegative)
      try RNNEngine.check(group.weightDecay ?? 0, "weight_decay", .notNegative)
      let (rate, decay) = (options.optimizer.learningRate, group.weightDecay ?? options.optimizer.weightDecay)
      try dtype.check(rate * group.rateFactor, "learning_rate")
      try dtype.check(options.schedule.floor * group.rateFactor, "schedule_floor")
      try dtype.check(decay, "weight_decay")
    }
  }

  /// Gives a group to the tensors of a pattern.
  mutating func set(
    _ pattern: String, _ group: TensorGroup, _ tensors: [NamedTensor]
  ) throws(RNNError) {
    var isFound = false
    for index in tensors.indices where matches(tensors[index].name, pattern: pattern) {
      (groups[index], isFound) = (group, true)
    }
    if isFound { return }
    throw RNNError(
      .name,
      "pattern: expected the name of a tensor, such as \"\(tensors[0].name)\", or with * for any text, got \"\(pattern)\""
    )
  }
}

extension DType {
  fileprivate func check(_ value: Double, _ name: String) throws(RNNError) {
    if self == .float32 ? Float(value).isFinite : value.isFinite { return }
    throw RNNError(.argument, "\(name): expected a number that \(self.name) can hold, got \(value)")
  }
}

/// Whether a name is a pattern's in which each * stands for any text.
func matches(_ name: String, pattern: String) -> Bool {
  let (name, pattern, star) = (name.bytes, pattern.bytes, UInt8(ascii: "*"))
  // Places in both, and those behind the last * and where its text ends so far.
  var (j, p, afterStar, end) = (0, 0, -1, 0)
  while j < name.count {
    if p < pattern.count && pattern[p] == star {
      p += 1
      (afterStar, end) = (p, j)
    } else if p < pattern.count && pattern[p] == name[j] {
      (j, p) = (j + 1, p + 1)
    } else if afterStar >= 0 {
      end += 1
      (j, p) = (end, afterStar)
    } else {
      return false
    }
  }
  return pattern[p...].allSatisfy { $0 == star }
}

extension Trainer {
  /// From the next step on.
  public func setGroup(_ pattern: String, _ group: TensorGroup) throws(RNNError) {
    var changed = groups
    try changed.set(pattern, group, model.tensors)
    try changed.check(options, S.dtype)
    groups = changed
    forEachTensor(frozen: true) { freeze($0) }
  }

  /// Calls `body` with the ranges of flat parameters that are frozen, or those that are not.
  func forEachTensor(frozen: Bool, _ body: (Range<Int>) -> Void) {
    for (index, tensor) in model.tensors.enumerated() where groups.groups[index].isFrozen == frozen {
      body(tensor.start..<tensor.start + tensor.count)
    }
  }

  /// What is frozen has no part in gradients that wait, and stays when an update is taken back.
  private func freeze(_ range: Range<Int>) {
    func part(_ flat: Buffer<S>) -> View<S> { flat.values.part(range.lowerBound, range.count) }
    if let accumulation { clear(part(accumulation.mean)) }
    guard let lastGood else { return }
    copy(part(model.parameters), to: part(lastGood.parameters))
    if let average, let kept = lastGood.average { copy(part(average), to: part(kept)) }
  }

  /// Takes the gradients of what is frozen out of all that follows.
  func clearFrozen() {
    forEachTensor(frozen: true) { clear(gradient.values.part($0.lowerBound, $0.count)) }
  }
}
