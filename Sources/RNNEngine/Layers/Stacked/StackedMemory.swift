import RNNKernels

/// What a stack keeps from forward for backward: level by level, the first of which may read something wider.
struct StackedReserve<S: Scalar> {
  struct Level {
    /// What the level reads after dropout, [T, B, I]; and the same turned round.
    let dropped: View<S>
    let reversed: View<S>
    /// [B, I]: by what inputs are multiplied.
    let mask: View<S>
    let directions: InlineArray<2, Direction>
  }

  struct Direction {
    /// What it gives, [T, B, P]; empty where that is what the level gives.
    let output: View<S>
    /// What its layer keeps; its parameters with some weights dropped.
    let own: View<S>
    let parameters: View<S>
  }

  private let stack: StackedLayer<S>
  private var memory: View<S>
  /// What levels give, [T, B, W] each; of the top level the caller has it.
  private var merged: View<S>
  private let (steps, rows, isTraining): (Int, Int, Bool)
  /// Elements of the first level and of each other.
  private var (first, other) = (0, 0)

  init(
    _ carver: inout Carver<S>, _ stack: StackedLayer<S>, steps: Int, rows: Int, isTraining: Bool
  ) throws(RNNError) {
    (self.stack, self.steps, self.rows, self.isTraining) = (stack, steps, rows, isTraining)
    let none = View<S>(start: nil, count: 0)
    (memory, merged) = (none, none)
    var (counts, others) = (Carver<S>(), Carver<S>())
    _ = try carve(&counts, 0)
    if stack.depth > 1 { _ = try carve(&others, 1) }
    (first, other) = (counts.used, others.used)
    let inner = stack.depth - 1
    memory = try carver.take(Size.sum(first, Size.product(inner, other)))
    merged = try carver.take(Size.product(inner, Size.product(steps, rows, stack.width)))
  }

  /// What level k gives; empty of the top level.
  func merged(_ k: Int) -> View<S> {
    let count = steps * rows * stack.width
    return k + 1 < stack.depth ? merged.part(k * count, count) : View(start: nil, count: 0)
  }

  func level(_ k: Int) -> Level {
    var carver = Carver(memory.part(k == 0 ? 0 : first + (k - 1) * other, k == 0 ? first : other))
    // It has been planned: it fits.
    guard let level = try? carve(&carver, k) else {
      let none = Direction(output: memory, own: memory, parameters: memory)
      return Level(dropped: memory, reversed: memory, mask: memory, directions: [none, none])
    }
    return level
  }

  private func carve(_ carver: inout Carver<S>, _ k: Int) throws(RNNError) -> Level {
    let (options, width) = (stack.options, stack.inputWidth(k))
    let input = try Size.product(steps, rows, width)
    let drops = isTraining && (options.inputDropout > 0 || k > 0 && stack.description.dropout > 0)
    let isBoth = stack.directions == 2
    let (dropped, reversed) = (try carver.take(drops ? input : 0), try carver.take(isBoth ? input : 0))
    let mask = try carver.take(isTraining && options.inputDropout > 0 ? Size.product(rows, width) : 0)
    let forward = try direction(&carver, k, 0)
    return Level(
      dropped: dropped, reversed: reversed, mask: mask,
      directions: [forward, isBoth ? try direction(&carver, k, 1) : forward])
  }

  private func direction(_ carver: inout Carver<S>, _ k: Int, _ d: Int) throws(RNNError) -> Direction {
    let layer = stack.members[k * stack.directions + d].layer
    let hasOwn = stack.directions == 2 || stack.options.isResidual
    return Direction(
      output: try carver.take(hasOwn ? Size.product(steps, rows, stack.ownWidth) : 0),
      own: try carver.take(layer.plan(steps: steps, rows: rows, isTraining: isTraining).reserve),
      parameters: try carver.take(
        stack.options.weightDrop > 0 && isTraining ? layer.parameterCount : 0))
  }
}

/// Scratch of one pass through a stack.
struct StackedScratch<S: Scalar> {
  /// The state of one level, before and after, and its gradient: h, then c.
  let state: View<S>
  let stateOut: View<S>
  let stateGradient: View<S>
  /// ∂L by what a level gives, and by what it reads, in turn, [T, B, W].
  let gradients: InlineArray<2, View<S>>
  /// By what one direction gives, and by what it reads.
  let output: View<S>
  let input: View<S>
  /// Of the parameters of a level some of whose weights are dropped.
  let parameters: View<S>
  /// Of a level.
  let own: View<S>

  init(
    _ carver: inout Carver<S>, _ stack: StackedLayer<S>, steps: Int, rows: Int, isTraining: Bool
  ) throws(RNNError) {
    var (state, own, parameters, widest) = (0, 0, 0, stack.width)
    for (index, member) in stack.members.enumerated() {
      let plan = try member.layer.plan(steps: steps, rows: rows, isTraining: isTraining)
      (state, own) = (max(state, plan.state), max(own, plan.workspace))
      parameters = max(parameters, member.layer.parameterCount)
      widest = max(widest, stack.inputWidth(index / stack.directions))
    }
    let height = isTraining ? try Size.product(steps, rows) : 0
    self.state = try carver.take(state)
    stateOut = try carver.take(state)
    stateGradient = try carver.take(isTraining ? state : 0)
    let wide = try Size.product(height, widest)
    gradients = [try carver.take(wide), try carver.take(wide)]
    output = try carver.take(Size.product(height, stack.ownWidth))
    input = try carver.take(wide)
    self.parameters = try carver.take(isTraining && stack.options.weightDrop > 0 ? parameters : 0)
    self.own = try carver.take(own)
  }
}
