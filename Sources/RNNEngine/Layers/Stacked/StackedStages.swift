import RNNKernels

// A stack of levels in a stream, where time is walked one way: the stages of each, and one for what is added to it.

extension StackedLayer {
  func stages(_ format: WeightFormat, inputStride: Int) -> [StagePlan<S>] {
    var (plans, stride, weights) = ([StagePlan<S>](), inputStride, 0)
    for (k, member) in members.enumerated() {
      let count = (try? member.layer.streamedCount(format)) ?? 0
      for var plan in member.layer.stages(format, inputStride: stride) {
        plan.weights += weights
        (plan.output, plan.cell) = (
          k * ownWidth, plan.cell.map { _ in members.count * ownWidth + k * plan.cellSize }
        )
        plan.initialState = member.initialState.isEmpty ? nil : count
        plans.append(plan)
        let read = stride
        stride = plan.shape.stateStride
        guard options.isResidual && inputWidth(k) == width else { continue }
        let shape = CellShape(inputSize: width, size: width, gateStride: 0, inputStride: stride)
        plans.append(StagePlan(work: .add(stride: read), shape: shape, weights: weights))
        stride = width
      }
      weights += count + initialCount(member)
    }
    return plans
  }

  /// Numbers of a state that is learned.
  private func initialCount(_ member: Level) -> Int {
    member.initialState.isEmpty
      ? 0 : StagePlan<S>.wholeLines(member.layer.stateParts.reduce(0) { $0 + $1.width })
  }

  func streamedCount(_ format: WeightFormat) throws(RNNError) -> Int {
    var count = 0
    for member in members {
      count = try Size.sum(count, member.layer.streamedCount(format), initialCount(member))
    }
    return count
  }

  func copyForStream(_ format: WeightFormat, _ parameters: View<S>, to memory: View<S>) {
    var start = 0
    for member in members {
      let count = (try? member.layer.streamedCount(format)) ?? 0
      member.layer.copyForStream(format, part(member, of: parameters), to: memory.part(start, count))
      var place = start + count
      for (part, offset) in zip(member.layer.stateParts, member.initialState) {
        memory.part(place, part.width).copy(from: parameters.start + offset)
        place += part.width
      }
      start += count + initialCount(member)
    }
  }

  func round(_ parameters: View<S>, _ format: WeightFormat) {
    for member in members { member.layer.round(part(member, of: parameters), format) }
  }
}
