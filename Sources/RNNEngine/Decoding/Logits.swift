import CPlatform

extension Numbers {
  /// The largest; NaN if one is.
  @inline(never)
  func largest() -> Double {
    var top = -Double.infinity
    for j in 0..<count {
      let x = self[j]
      if x.isNaN { return x }
      if x > top { top = x }
    }
    return top
  }

  /// Where the largest is first.
  @inline(never)
  func firstLargest() -> Int {
    var place = 0
    for j in 1..<max(count, 1) where self[j] > self[place] { place = j }
    return place
  }

  /// log Σ exp(x).
  @inline(never)
  func partition() -> Partition {
    let top = largest()
    var sum = 0.0
    for j in 0..<count { sum += exp(self[j] - top) }
    return Partition(top: top, rest: log(sum))
  }

  /// A row of logits makes a distribution if one at least is more than -infinity and none is infinity or NaN.
  @inline(never)
  func checkDistribution(_ row: Int) throws(RNNError) {
    let top = largest()
    if top.isFinite { return }
    throw RNNError(
      top.isNaN ? .nan : .argument,
      "logits: expected numbers or -infinity, and not that alone, got others in row \(row)")
  }
}

/// log Σ exp(x), as the largest x and the rest: beside a large x the rest would be lost.
struct Partition {
  let top: Double
  let rest: Double

  /// log p of a logit.
  func logProbability(_ x: Double) -> Double { x - top - rest }
}
