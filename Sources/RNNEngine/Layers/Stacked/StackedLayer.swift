import RNNKernels

/// A stack of recurrent levels, each a layer of depth 1 in one direction, and what happens between them: time walked
/// both ways, residual connections, dropout of inputs and of weights, learned initial states.
///
/// Level k reads x_k, its forward direction as it is, its backward direction turned round row by row; their outputs,
/// merged, are x_{k+1}.
final class StackedLayer<S: Scalar>: Layer {
  /// One direction of one stacked layer.
  struct Level {
    let layer: any Layer<S>
    /// Where its parameters begin among those of the stack.
    let start: Int
    /// h_0, then c_0, if they are learned: where each begins, among the stack's parameters.
    let initialState: [Int]
    /// Its part of the packed weights.
    let packed: Range<Int>
    /// Of h and c; 0: none.
    let stateWidths: InlineArray<2, Int>
    /// W_hh among its tensors.
    let hiddenWeight: Int?
  }

  let description: LayerDescription
  let tensors: [TensorShape]
  /// k · D + d.
  let members: [Level]
  var depth: Int { description.layerCount }
  var directions: Int { description.directionCount }
  var options: LayerOptions { description.options }
  /// Of what one direction gives, and of what a level does.
  var ownWidth: Int { options.projection > 0 ? options.projection : description.outputSize }
  var width: Int { description.width }

  func inputWidth(_ k: Int) -> Int { k == 0 ? description.inputSize : width }

  var stateParts: [StatePart] {
    members[0].layer.stateParts.map {
      StatePart(name: $0.name, count: members.count, width: $0.width)
    }
  }

  var levels: [LevelForm] {
    var (result, first) = ([LevelForm](), 0)
    for member in members {
      result += member.layer.levels.map { $0.moved(by: first) }
      first += member.layer.tensors.count + member.initialState.count
    }
    return result
  }

  convenience init(_ description: LayerDescription) throws(RNNError) {
    if description.layerCount > 1024 {
      throw RNNError(.argument, "num_layers: expected at most 1024, got \(description.layerCount)")
    }
    var (members, tensors, start, packed) = ([Level](), [TensorShape](), 0, 0)
    for k in 0..<description.layerCount {
      for d in 0..<description.directionCount {
        let (layer, names) = try Self.makeLevel(description, k)
        let suffix = text("_l\(k)\(d == 1 ? "_reverse" : "")")
        let first = start
        for (tensor, name) in zip(layer.tensors, names) {
          tensors.append(TensorShape(tensor, name: name + suffix, offset: first + tensor.offset))
        }
        start = try Size.sum(start, layer.parameterCount)
        var initial: [Int] = []
        for part in layer.stateParts where description.options.learnsState {
          initial.append(start)
          tensors.append(
            TensorShape(
              name: part.name + "_0" + suffix, shape: [part.width], offset: start, count: part.width))
          start = try Size.sum(start, part.width)
        }
        let count = try layer.plan(steps: 1, rows: 1, isTraining: false).packed
        members.append(
          Level(
            layer: layer, start: first, initialState: initial, packed: packed..<packed + count,
            stateWidths: Self.widths(layer), hiddenWeight: layer.levels[0].hiddenWeight))
        packed = try Size.sum(packed, count)
      }
    }
    self.init(description, members, tensors)
  }

  private init(_ description: LayerDescription, _ members: [Level], _ tensors: [TensorShape]) {
    (self.description, self.members, self.tensors) = (description, members, tensors)
  }

  /// A level by itself, and what its tensors are called: by fused kernels, if nothing within its steps asks for more.
  private static func makeLevel(
    _ description: LayerDescription, _ k: Int
  ) throws(RNNError) -> (any Layer<S>, [String]) {
    var own = description
    own.inputSize = k == 0 ? description.inputSize : description.width
    (own.layerCount, own.dropout) = (1, 0)
    own.options = description.options.withinSteps
    if own.isPlain { return (try Recurrent<S>(own), Recurrent<S>.tensorNames) }
    let layer = try PhasedLayer<S>(own)
    return (layer, layer.tensors.map { $0.name })
  }

  private static func widths(_ layer: any Layer<S>) -> InlineArray<2, Int> {
    let parts = layer.stateParts
    return [parts[0].width, parts.count > 1 ? parts[1].width : 0]
  }

  func initialize(_ parameters: View<S>, generator: Philox) throws(RNNError) {
    for (index, member) in members.enumerated() {
      let stream = generator.stream &+ UInt64(truncatingIfNeeded: 16 * index)
      try member.layer.initialize(
        part(member, of: parameters), generator: Philox(seed: generator.seed, stream: stream))
    }
  }

  func part(_ member: Level, of flat: View<S>) -> View<S> {
    flat.part(member.start, member.layer.parameterCount)
  }

  func plan(steps: Int, rows: Int, isTraining: Bool) throws(RNNError) -> LayerPlan {
    let height = try Size.product(steps, rows)
    var (reserve, workspace) = (Carver<S>(), Carver<S>())
    _ = try StackedReserve(&reserve, self, steps: steps, rows: rows, isTraining: isTraining)
    _ = try StackedScratch(&workspace, self, steps: steps, rows: rows, isTraining: isTraining)
    var (state, packed) = (0, 0)
    for member in members {
      let plan = try member.layer.plan(steps: steps, rows: rows, isTraining: isTraining)
      state = try Size.sum(state, plan.state)
      packed = try Size.sum(packed, plan.packed)
    }
    return LayerPlan(
      output: try Size.product(height, width), state: state, reserve: reserve.used,
      workspace: workspace.used, packed: packed)
  }

  func pack(_ parameters: View<S>, to packed: View<S>) {
    for (index, member) in members.enumerated() {
      member.layer.pack(part(member, of: parameters), to: packedPart(index, of: packed))
    }
  }

  func packedPart(_ index: Int, of packed: View<S>) -> View<S> {
    let range = members[index].packed
    return packed.part(range.lowerBound, range.count)
  }
}

extension TensorShape {
  /// The same under another name, elsewhere.
  init(_ other: TensorShape, name: String, offset: Int) {
    self.init(name: name, shape: other.shape, offset: offset, count: other.count)
  }
}

extension LevelForm {
  /// With its tensors so many places further on.
  func moved(by places: Int) -> LevelForm {
    LevelForm(
      gateCount: gateCount, hasCellState: hasCellState, size: size, widest: widest, tanhGates: tanhGates,
      isBounded: isBounded, inputWeight: inputWeight + places, hiddenWeight: hiddenWeight.map { $0 + places })
  }
}
