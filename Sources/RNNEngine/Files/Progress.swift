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

  func write(to json: inout MemberWriter) {
    json.add("updates", updates)
    json.add("steps", counts.steps)
    json.add("clipped_steps", counts.clipped)
    json.add("skipped_steps", counts.skipped)
    json.add("rolled_back_steps", counts.rolledBack)
    json.add("norms", .array(norms.map { .number($0) }))
    if let lastGoodUpdates { json.add("last_good_updates", lastGoodUpdates) }
    plateau.write(to: &json)
    json.add("accumulated_steps", accumulated)
  }
}

extension Progress {
  /// Members that came later are missing from older files. `path` is for messages.
  init(_ json: JSON, _ path: String, accumulate: Int) throws(RNNError) {
    var members = MemberReader(json)
    let counts = StepCounts(
      steps: members.count("steps"), clipped: members.count("clipped_steps"),
      skipped: members.count("skipped_steps"),
      rolledBack: members.count("rolled_back_steps", 0))
    self.init(
      updates: members.count("updates"), counts: counts, norms: members.norms(),
      lastGoodUpdates: members.has("last_good_updates") ? members.count("last_good_updates") : nil,
      plateau: Plateau(&members), accumulated: members.count("accumulated_steps", 0))
    let most = max(updates, counts.clipped, max(counts.skipped, counts.rolledBack))
    guard members.isGood, most <= counts.steps, lastGoodUpdates ?? 0 <= updates, accumulated < accumulate
    else {
      throw RNNError(.format, "\(path): expected the counters of a checkpoint")
    }
  }
}

extension MemberReader {
  fileprivate mutating func norms() -> [Double] {
    var norms: [Double] = []
    for element in list("norms") {
      guard let norm = element.double, norm.isFinite, norm >= 0 else {
        isGood = false
        return []
      }
      norms.append(norm)
    }
    return norms
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
