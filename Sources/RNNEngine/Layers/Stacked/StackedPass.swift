import RNNKernels

/// One pass through a stack: the places of everything, and the way through the levels.
struct StackedPass<S: Scalar> {
  let stack: StackedLayer<S>
  let pass: LayerPass<S>
  let reserve: StackedReserve<S>
  let scratch: StackedScratch<S>
  let time: ReversedTime

  /// nil only if sizes overflow, which `plan` has excluded.
  init?(_ stack: StackedLayer<S>, _ pass: LayerPass<S>) {
    var (reserve, workspace) = (Carver(pass.reserve), Carver(pass.workspace))
    guard
      let kept = try? StackedReserve(
        &reserve, stack, steps: pass.steps, rows: pass.rows, isTraining: pass.isTraining),
      let scratch = try? StackedScratch(
        &workspace, stack, steps: pass.steps, rows: pass.rows, isTraining: pass.isTraining)
    else { return nil }
    (self.stack, self.pass, self.reserve, self.scratch) = (stack, pass, kept, scratch)
    time = ReversedTime(steps: pass.steps, rows: pass.rows, lengths: pass.lengths)
  }

  var options: LayerOptions { stack.options }

  /// What level k gives.
  func merged(_ k: Int) -> View<S> { k + 1 == stack.depth ? pass.output : reserve.merged(k) }

  /// What level k reads, before dropout.
  private func whole(_ k: Int) -> View<S> {
    if k > 0 { return merged(k - 1) }
    if case .features(let features) = pass.input { return features }
    return View(start: nil, count: 0)
  }

  /// After it.
  private func read(_ k: Int) -> View<S> {
    let dropped = reserve.level(k).dropped
    return pass.dropout == nil || dropped.isEmpty ? whole(k) : dropped
  }

  /// What one direction of a level gives.
  private func output(_ k: Int, _ d: Int) -> View<S> {
    let own = reserve.level(k).directions[d].output
    return own.isEmpty ? merged(k) : own
  }

  private func adds(_ k: Int) -> Bool { options.isResidual && stack.inputWidth(k) == stack.width }

  // MARK: Forward

  func forward() {
    for k in 0..<stack.depth {
      drop(k)
      for d in 0..<stack.directions {
        if d == 1 {
          time.turn(read(k), to: reserve.level(k).reversed, width: stack.inputWidth(k))
        }
        let member = stack.members[k * stack.directions + d]
        let own = levelPass(k, d)
        if dropsWeights(k, d) {
          dropWeights(own.parameters, member, own)
          member.layer.pack(own.parameters, to: own.packed)
        }
        loadState(k, d, member)
        member.layer.forward(own)
        storeState(k, d, member)
      }
      merge(k)
    }
  }

  func levelPass(_ k: Int, _ d: Int) -> LayerPass<S> {
    let index = k * stack.directions + d
    var own = pass
    own.parameters = stack.part(stack.members[index], of: pass.parameters)
    let level = reserve.level(k)
    let direction = level.directions[d]
    if dropsWeights(k, d) { own.parameters = direction.parameters }
    own.input = .features(d == 0 ? read(k) : level.reversed)
    own.state = scratch.state
    own.output = output(k, d)
    own.stateOut = scratch.stateOut
    (own.reserve, own.workspace) = (direction.own, scratch.own)
    own.packed = stack.packedPart(index, of: pass.packed)
    own.dropout = pass.dropout?.forLevel(index)
    return own
  }

  /// Masks of inputs, one for all steps, and dropout between levels.
  private func drop(_ k: Int) {
    let level = reserve.level(k)
    let (dropped, mask) = (level.dropped, level.mask)
    guard let dropout = pass.dropout?.forLevel(k * stack.directions), !dropped.isEmpty else { return }
    let (source, width) = (whole(k), stack.inputWidth(k))
    dropped.copy(from: source.start)
    if k > 0 && stack.description.dropout > 0 { dropBetween(dropped, dropout, width) }
    if options.inputDropout > 0 {
      dropout.fillMask(mask, probability: options.inputDropout, site: MaskSite.input)
      multiply(dropped, by: mask)
    }
  }

  private func dropBetween(_ values: View<S>, _ dropout: Dropout, _ width: Int) {
    dropout.apply(
      values, to: values, rows: pass.rows, width: width, probability: stack.description.dropout,
      site: MaskSite.between)
  }

  /// Each step by one mask.
  private func multiply(_ values: View<S>, by mask: View<S>) {
    ThreadPool.split(pass.steps, work: mask.count / 8) { steps in
      for t in steps {
        let step = values.part(t * mask.count, mask.count)
        for j in mask.indices { step[j] *= mask[j] }
      }
    }
  }

  /// Whether a level works with weights of its own, some of which are dropped.
  private func dropsWeights(_ k: Int, _ d: Int) -> Bool {
    pass.dropout != nil && !reserve.level(k).directions[d].parameters.isEmpty
  }

  /// W_hh without some weights, the same at every step: Merity, Keskar and Socher 2018.
  private func dropWeights(_ masked: View<S>, _ member: StackedLayer<S>.Level, _ own: LayerPass<S>) {
    guard let dropout = own.dropout else { return }
    masked.copy(from: stack.part(member, of: pass.parameters).start)
    dropHidden(masked, member, dropout)
  }

  /// Some of the numbers of W_hh become zero, others larger.
  private func dropHidden(_ flat: View<S>, _ member: StackedLayer<S>.Level, _ dropout: Dropout) {
    guard let hidden = member.hiddenWeight else { return }
    let tensor = member.layer.tensors[hidden]
    let weight = flat.part(tensor.offset, tensor.count)
    Dropout(generator: dropout.generator, firstStep: 0).apply(
      weight, to: weight, rows: 1, width: weight.count, probability: options.weightDrop, site: MaskSite.weight
    )
  }

  /// x_{k+1} from what the directions give, and x_k. At padding all keep their last values.
  private func merge(_ k: Int) {
    let (outputs, others) = (reserve.level(k).directions[0].output, reserve.level(k).directions[1].output)
    if outputs.isEmpty { return }
    let (target, width) = (merged(k), stack.ownWidth)
    let input = adds(k) ? whole(k) : nil
    ThreadPool.split(pass.steps, work: pass.rows * stack.width / 4) { steps in
      for t in steps {
        for row in 0..<pass.rows {
          let y = target.part((t * pass.rows + row) * stack.width, stack.width)
          let last = time.last(t, row)
          y.part(0, width).copy(from: outputs.start + (last * pass.rows + row) * width)
          if stack.directions == 2 {
            let other = others.start + (time.mirror(last, row) * pass.rows + row) * width
            if options.direction == .concatenated {
              y.part(width, width).copy(from: other)
            } else {
              S.kernels.add(other, to: y.start, count: width)
            }
          }
          if let input, time.length(row) > 0 {
            S.kernels.add(
              input.start + (last * pass.rows + row) * stack.width, to: y.start, count: stack.width)
          }
        }
      }
    }
  }

  // MARK: Backward

  func backward(_ gradients: LayerGradients<S>) {
    var (upper, lower) = (gradients.output, scratch.gradients[0])
    for k in (0..<stack.depth).reversed() {
      let below = k == 0 ? gradients.input : lower.part(0, pass.steps * pass.rows * stack.inputWidth(k))
      below?.clear()
      for d in 0..<stack.directions { backward(k, d, upper, below, gradients) }
      guard let below else { return }
      undrop(k, below)
      if adds(k) { addValid(upper, to: below) }
      let next = k % 2 == (stack.depth - 1) % 2 ? scratch.gradients[1] : scratch.gradients[0]
      (upper, lower) = (below, next)
    }
  }

  private func backward(
    _ k: Int, _ d: Int, _ upper: View<S>, _ below: View<S>?, _ gradients: LayerGradients<S>
  ) {
    let index = k * stack.directions + d
    let member = stack.members[index]
    let own = levelPass(k, d)
    let (width, count) = (stack.inputWidth(k), pass.steps * pass.rows * stack.inputWidth(k))
    loadState(k, d, member)
    let state = scratch.stateGradient
    let wantsState = gradients.state != nil || !member.initialState.isEmpty
    if let stateOut = gradients.stateOut { copyState(stateOut, k, d, member, to: state) }
    let flat = stack.part(member, of: gradients.parameters)
    let masked = own.dropout != nil && !scratch.parameters.isEmpty
    let target = masked ? scratch.parameters.part(0, flat.count) : flat
    if masked { target.clear() }
    member.layer.backward(
      own,
      LayerGradients(
        output: outputGradient(d, upper), stateOut: gradients.stateOut == nil ? nil : state,
        input: below == nil ? nil : scratch.input.part(0, count), state: wantsState ? state : nil,
        parameters: target, supervision: supervision(gradients.supervision, index)))
    if masked, let dropout = own.dropout {
      dropHidden(target, member, dropout)
      S.kernels.add(target.start, to: flat.start, count: flat.count)
    }
    if wantsState { finishState(k, d, member, gradients) }
    guard let below else { return }
    if d == 0 {
      S.kernels.add(scratch.input.start, to: below.start, count: count)
    } else {
      time.addTurned(scratch.input, to: below, width: width)
    }
  }

  /// The part of the gradient by a level's output that one direction sees, in its own time.
  private func outputGradient(_ d: Int, _ upper: View<S>) -> View<S> {
    if reserve.level(0).directions[0].output.isEmpty {
      return upper.part(0, pass.steps * pass.rows * stack.width)
    }
    let width = stack.ownWidth
    let offset = d == 1 && options.direction == .concatenated ? width : 0
    let target = scratch.output.part(0, pass.steps * pass.rows * width)
    for t in 0..<pass.steps {
      for row in 0..<pass.rows {
        let own = target.part((t * pass.rows + row) * width, width)
        let source = d == 1 && t < time.length(row) ? time.mirror(t, row) : t
        own.copy(from: upper.start + (source * pass.rows + row) * stack.width + offset)
      }
    }
    return target
  }

  private func supervision(_ all: Supervision<S>, _ index: Int) -> Supervision<S> {
    var own = all
    own.flow = all.flow?.level(index)
    return own
  }

  private func undrop(_ k: Int, _ gradient: View<S>) {
    guard let dropout = pass.dropout?.forLevel(k * stack.directions), !reserve.level(k).dropped.isEmpty
    else { return }
    if options.inputDropout > 0 { multiply(gradient, by: reserve.level(k).mask) }
    if k > 0 && stack.description.dropout > 0 { dropBetween(gradient, dropout, stack.inputWidth(k)) }
  }

  /// Past the level. Padding has no gradient.
  private func addValid(_ upper: View<S>, to below: View<S>) {
    S.kernels.add(upper.start, to: below.start, count: below.count)
  }
}
