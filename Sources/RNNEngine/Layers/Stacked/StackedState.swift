import RNNKernels

// States of a stack are [L·D, B, width] of each part; a level has its own parts one behind the other.

extension StackedPass {
  /// Calls `body(part, place in the state of the stack, place in that of the level, elements)` for h, then c.
  private func forEachPart(
    _ k: Int, _ d: Int, _ member: StackedLayer<S>.Level, _ body: (_ part: Int, Int, Int, Int) -> Void
  ) {
    let index = k * stack.directions + d
    var (start, own) = (0, 0)
    for part in 0..<2 where member.stateWidths[part] > 0 {
      let count = pass.rows * member.stateWidths[part]
      body(part, start + index * count, own, count)
      start += stack.members.count * count
      own += count
    }
  }

  func copyState(_ state: View<S>, _ k: Int, _ d: Int, _ member: StackedLayer<S>.Level, to own: View<S>) {
    forEachPart(k, d, member) { _, place, ownPlace, count in
      own.part(ownPlace, count).copy(from: state.start + place)
    }
  }

  /// The state that a level begins with: what was given, or what was learned.
  func loadState(_ k: Int, _ d: Int, _ member: StackedLayer<S>.Level) {
    forEachPart(k, d, member) { part, place, ownPlace, count in
      let own = scratch.state.part(ownPlace, count)
      if (pass.isBeginning || pass.state == nil) && !member.initialState.isEmpty {
        let width = count / pass.rows
        for row in 0..<pass.rows {
          own.part(row * width, width).copy(from: pass.parameters.start + member.initialState[part])
        }
      } else if let state = pass.state {
        own.copy(from: state.start + place)
      } else {
        own.clear()
      }
    }
  }

  func storeState(_ k: Int, _ d: Int, _ member: StackedLayer<S>.Level) {
    guard let state = pass.stateOut else { return }
    forEachPart(k, d, member) { _, place, ownPlace, count in
      state.part(place, count).copy(from: scratch.stateOut.start + ownPlace)
    }
  }

  /// ∂L/∂s_0 to whoever wants it: all rows begin with what was learned.
  func finishState(_ k: Int, _ d: Int, _ member: StackedLayer<S>.Level, _ gradients: LayerGradients<S>) {
    forEachPart(k, d, member) { part, place, ownPlace, count in
      let own = scratch.stateGradient.part(ownPlace, count)
      gradients.state?.part(place, count).copy(from: own.start)
      guard pass.isBeginning || pass.state == nil, !member.initialState.isEmpty else { return }
      let width = count / pass.rows
      let target = gradients.parameters.part(member.initialState[part], width)
      for row in 0..<pass.rows { S.kernels.add(own.start + row * width, to: target.start, count: width) }
    }
  }
}

extension StackedLayer {
  func forward(_ pass: LayerPass<S>) { StackedPass(self, pass)?.forward() }

  func backward(_ pass: LayerPass<S>, _ gradients: LayerGradients<S>) {
    StackedPass(self, pass)?.backward(gradients)
  }
}
