import RNNKernels

/// What a stack keeps from forward for backward.
struct StackedReserve<S: Scalar> {
  struct Level {
    /// What the level reads after dropout, [T, B, I]; and the same turned round.
    let dropped: View<S>
    let reversed: View<S>
    /// What each direction gives, [T, B, P]; empty where that is what the level gives.
    let outputs: [View<S>]
    /// Of each direction: what its layer keeps; its parameters with some weights dropped.
    let own: [View<S>]
    let parameters: [View<S>]
    /// What the level gives, [T, B, W]; of the top level the caller has it.
    let merged: View<S>
  }

  let levels: [Level]
  /// [I] of the widest, by row: masks of inputs [B, I].
  let masks: [View<S>]

  init(
    _ carver: inout Carver<S>, _ stack: StackedLayer<S>, steps: Int, rows: Int, isTraining: Bool
  ) throws(RNNError) {
    let (height, options) = (try Size.product(steps, rows), stack.options)
    let needsOwn = stack.directions == 2 || options.isResidual
    var (levels, masks) = ([Level](), [View<S>]())
    for k in 0..<stack.depth {
      let input = try Size.product(height, stack.inputWidth(k))
      let drops = isTraining && (options.inputDropout > 0 || k > 0 && stack.description.dropout > 0)
      let dropped = try carver.take(drops ? input : 0)
      let reversed = try carver.take(stack.directions == 2 ? input : 0)
      var (outputs, own, parameters) = ([View<S>](), [View<S>](), [View<S>]())
      for d in 0..<stack.directions {
        let layer = stack.members[k * stack.directions + d].layer
        outputs.append(try carver.take(needsOwn ? Size.product(height, stack.ownWidth) : 0))
        own.append(try carver.take(layer.plan(steps: steps, rows: rows, isTraining: isTraining).reserve))
        parameters.append(try carver.take(options.weightDrop > 0 && isTraining ? layer.parameterCount : 0))
      }
      let merged = try carver.take(k + 1 < stack.depth ? Size.product(height, stack.width) : 0)
      masks.append(
        try carver.take(isTraining && options.inputDropout > 0 ? Size.product(rows, stack.inputWidth(k)) : 0))
      levels.append(
        Level(
          dropped: dropped, reversed: reversed, outputs: outputs, own: own, parameters: parameters,
          merged: merged))
    }
    (self.levels, self.masks) = (levels, masks)
  }
}

/// Scratch of one pass through a stack.
struct StackedScratch<S: Scalar> {
  /// The state of one level, before and after, and its gradient: h, then c.
  let state: View<S>
  let stateOut: View<S>
  let stateGradient: View<S>
  /// ∂L by what a level gives, and by what it reads, in turn, [T, B, W].
  let gradients: [View<S>]
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
