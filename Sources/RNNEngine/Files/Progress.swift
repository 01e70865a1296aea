/// How far a run of training has come, as members of a checkpoint: its counters and what it remembers of its steps.
struct Progress {
  var updates: Int
  var counts: StepCounts
  /// The last ones, if the threshold follows them.
  var norms: [Double]
  /// Of the weights that may be gone back to.
  var lastGoodUpdates: Int?
  var plateau: Plateau
  /// Steps that wait for an update.
  var accumulated: Int
  var groups: TensorGroups

  func write(to json: inout MemberWriter) {
    json.add("updates", updates)
    json.add("steps", counts.steps)
    json.add("clipped_steps", counts.clipped)
    json.add("skipped_steps", counts.skipped)
    json.add("rolled_back_steps", counts.rolledBack)
    json.add("norms", norms)
    if let lastGoodUpdates { json.add("last_good_updates", lastGoodUpdates) }
    plateau.write(to: &json)
    json.add("accumulated_steps", accumulated)
    groups.write(to: &json)
  }
}

extension Progress {
  /// Members that came later are missing from older files. `path` is for messages.
  init(_ json: JSON, _ path: String, accumulate: Int, tensors: Int) throws(RNNError) {
    var members = MemberReader(json)
    let counts = StepCounts(
      steps: members.count("steps"), clipped: members.count("clipped_steps"),
      skipped: members.count("skipped_steps"),
      rolledBack: members.count("rolled_back_steps", 0))
    self.init(
      updates: members.count("updates"), counts: counts, norms: members.numbers("norms"),
      lastGoodUpdates: members.has("last_good_updates") ? members.count("last_good_updates") : nil,
      plateau: Plateau(&members), accumulated: members.count("accumulated_steps", 0),
      groups: TensorGroups(&members, count: tensors))
    let most = max(updates, counts.clipped, max(counts.skipped, counts.rolledBack))
    guard members.isGood, most <= counts.steps, lastGoodUpdates ?? 0 <= updates, accumulated < accumulate
    else {
      throw RNNError(.format, "\(path): expected the counters of a checkpoint")
    }
  }
}

extension TensorGroups {
  /// Three numbers for each tensor: rate_factor, weight_decay, and 1 if it is frozen + 2 if it has this weight decay.
  fileprivate func write(to json: inout MemberWriter) {
    var (numbers, areAlike) = ([Double](), true)
    for group in groups {
      numbers.append(group.rateFactor)
      numbers.append(group.weightDecay ?? 0)
      numbers.append((group.isFrozen ? 1 : 0) + (group.weightDecay == nil ? 0 : 2))
      areAlike = areAlike && group == TensorGroup()
    }
    if !areAlike { json.add("groups", numbers) }
  }

  fileprivate init(_ json: inout MemberReader, count: Int) {
    self.init(count: count)
    let numbers = json.numbers("groups")
    if numbers.isEmpty { return }
    guard numbers.count == 3 * count else {
      json.isGood = false
      return
    }
    for index in groups.indices {
      groups[index].rateFactor = numbers[3 * index]
      let kind = numbers[3 * index + 2]
      if ![0, 1, 2, 3].contains(kind) { json.isGood = false }
      groups[index].isFrozen = kind == 1 || kind == 3
      if kind >= 2 { groups[index].weightDecay = numbers[3 * index + 1] }
    }
  }
}

extension Plateau {
  fileprivate func write(to json: inout MemberWriter) {
    guard let best else { return }
    json.add("plateau_best", best)
    json.add("plateau_worse", worse)
    json.add("plateau_reductions", reductions)
  }

  fileprivate init(_ json: inout MemberReader) {
    guard json.has("plateau_best") else { return }
    best = json.double("plateau_best")
    if best?.isFinite != true { json.isGood = false }
    worse = json.count("plateau_worse")
    reductions = json.count("plateau_reductions")
  }
}
