/// Prefix beam search over the labels of one sequence: Graves et al. 2006, Hannun et al. 2014 without a language model.
/// Of each labelling so far, a node of a tree, it sums the probabilities of the paths that end in blank, b, and in a
/// label, n. A step with the logarithms of probabilities e:
///
///   b'(l) = e(blank) (b(l) + n(l)),   n'(l) = e(c) n(l), c the last label of l,
///   n'(l + c) += e(c) (b(l) + [c is not the last of l] n(l))
///
/// of which the most probable labellings are kept.
final class PrefixSearch {
  private struct Node: BitwiseCopyable {
    var parent = -1
    var label = -1
    var child = -1
    var sibling = -1
    /// Its place among the beams; -1: none.
    var beam = -1
  }

  private struct Beam: BitwiseCopyable {
    var node = 0
    /// log b and log n.
    var blank = -Double.infinity
    var label = -Double.infinity
    /// The label by which it goes beyond its node; -1: it does not.
    var next = -1
    /// log(b + n).
    var score = -Double.infinity
  }

  private let blank: Int
  private let width: Int
  private let nodes: Buffer<Node>
  private let beams: Buffer<Beam>
  private let kept: Buffer<Beam>
  private let logs: Buffer<Double>
  private var (nodeCount, beamCount, keptCount) = (1, 1, 0)
  /// The place of the worst that is kept, of equals the last.
  private var worst = 0

  convenience init(steps: Int, beams: Int, classes: Int, blank: Int) throws(RNNError) {
    let nodes = try Buffer<Node>(count: Size.sum(Size.product(steps, beams), 1))
    self.init(nodes, try Buffer(count: beams), try Buffer(count: beams), try Buffer(count: classes), blank)
  }

  private init(
    _ nodes: Buffer<Node>, _ beams: Buffer<Beam>, _ kept: Buffer<Beam>, _ logs: Buffer<Double>, _ blank: Int
  ) {
    (self.nodes, self.beams, self.kept, self.logs) = (nodes, beams, kept, logs)
    (self.blank, width) = (blank, beams.values.count)
  }

  /// No label, with certainty.
  func begin() {
    (nodeCount, beamCount) = (1, 1)
    nodes.values[0] = Node(beam: 0)
    beams.values[0] = Beam(node: 0, blank: 0, score: 0)
  }

  /// One step.
  func read(_ logits: Numbers, isGreedy: Bool) {
    let partition = logits.partition()
    for k in 0..<logits.count { logs.values[k] = partition.logProbability(logits[k]) }
    if isGreedy { follow(logits.firstLargest()) } else { advance() }
  }

  /// The one path by these classes.
  private func follow(_ k: Int) {
    let beam = beams.values[0]
    let isLabel = k != blank
    let repeats = isLabel && beam.blank == -.infinity && nodes.values[beam.node].label == k
    let node = isLabel && !repeats ? child(beam.node, k) : beam.node
    let score = beam.score + logs.values[k]
    beams.values[0] = Beam(
      node: node, blank: isLabel ? -.infinity : score, label: isLabel ? score : -.infinity, score: score)
  }

  private func advance() {
    keptCount = 0
    for i in 0..<beamCount { stay(i) }
    for i in 0..<beamCount { extend(i) }
    for i in 0..<beamCount { nodes.values[beams.values[i].node].beam = -1 }
    for i in 0..<keptCount {
      var beam = kept.values[i]
      if beam.next >= 0 { (beam.node, beam.next) = (child(beam.node, beam.next), -1) }
      beams.values[i] = beam
      nodes.values[beam.node].beam = i
    }
    beamCount = keptCount
  }

  /// The same labels: by blank, by the last label again, or from the labelling without it.
  private func stay(_ i: Int) {
    var beam = beams.values[i]
    let node = nodes.values[beam.node]
    var label = -Double.infinity
    if node.label >= 0 {
      label = beam.label
      let shorter = nodes.values[node.parent].beam
      if shorter >= 0 { label = logSum(label, grown(shorter, node.label), -.infinity) }
      label += logs.values[node.label]
    }
    (beam.blank, beam.label) = (beam.score + logs.values[blank], label)
    beam.score = logSum(beam.blank, label, -.infinity)
    keep(beam)
  }

  /// The probability that the labelling of a beam may go on with a label.
  private func grown(_ i: Int, _ label: Int) -> Double {
    let beam = beams.values[i]
    return nodes.values[beam.node].label == label ? beam.blank : beam.score
  }

  private func extend(_ i: Int) {
    let beam = beams.values[i]
    for k in 0..<logs.values.count where k != blank {
      let score = grown(i, k) + logs.values[k]
      if keptCount == width && score <= kept.values[worst].score { continue }
      let found = find(beam.node, k)
      if found >= 0 && nodes.values[found].beam >= 0 { continue }
      keep(Beam(node: beam.node, label: score, next: k, score: score))
    }
  }

  private func keep(_ beam: Beam) {
    if beam.score == -.infinity { return }
    if keptCount < width {
      keptCount += 1
      worst = keptCount - 1
    } else if beam.score <= kept.values[worst].score {
      return
    }
    kept.values[worst] = beam
    worst = 0
    for i in 1..<keptCount where kept.values[i].score <= kept.values[worst].score { worst = i }
  }

  // MARK: The tree

  private func find(_ node: Int, _ label: Int) -> Int {
    var child = nodes.values[node].child
    while child >= 0 && nodes.values[child].label != label { child = nodes.values[child].sibling }
    return child
  }

  /// The node that goes on with a label, made if there is none.
  private func child(_ node: Int, _ label: Int) -> Int {
    let found = find(node, label)
    if found >= 0 { return found }
    nodes.values[nodeCount] = Node(parent: node, label: label, sibling: nodes.values[node].child)
    nodes.values[node].child = nodeCount
    nodeCount += 1
    return nodeCount - 1
  }

  /// The best, of equals the first.
  private var best: Beam {
    var best = beams.values[0]
    for i in 1..<max(beamCount, 1) where beams.values[i].score > best.score { best = beams.values[i] }
    return best
  }

  /// The logarithm of the probability of the best.
  var score: Double { best.score }

  /// Writes the labels of the best, then -1; returns how many they are.
  func finish(_ labels: View<Int64>) -> Int {
    let end = best.node
    var (count, node) = (0, end)
    while nodes.values[node].parent >= 0 { (count, node) = (count + 1, nodes.values[node].parent) }
    node = end
    for place in labels.indices.reversed() {
      labels[place] = -1
      if place >= count { continue }
      labels[place] = Int64(nodes.values[node].label)
      node = nodes.values[node].parent
    }
    return count
  }
}
