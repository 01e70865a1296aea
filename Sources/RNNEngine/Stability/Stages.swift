import RNNKernels

/// The layers of a model as changes of its state go through them.
struct Stages {
  enum Stage {
    /// With the places of its levels.
    case recurrent(Recurrent<Double>, [LevelPlace])
    case linear
    /// Its input does not change.
    case embedding
  }

  let all: [Stage]
  let levelCount: Int
  /// n.
  let stateSize: Int
  /// GH of the level where that is most, and the most numbers that a layer reads or returns.
  let mostSums: Int
  let widest: Int

  init(_ model: Model<Double>) throws(RNNError) {
    var (all, levels, sums, widest) = ([Stage](), 0, 0, 0)
    for (index, description) in model.descriptions.enumerated() {
      widest = max(widest, description.outputSize)
      if description.kind != .embedding { widest = max(widest, description.inputSize) }
      switch description.kind {
      case .embedding: all.append(.embedding)
      case .linear:
        let later = model.descriptions[(index + 1)...]
        guard description.options.functions == nil || !later.contains(where: { $0.kind.isRecurrent }) else {
          throw RNNError(
            .model, "layer \(index): dynamics: expected no function between recurrent layers, got one")
        }
        all.append(.linear)
      case .elman, .gru, .lstm, .cell:
        guard description.isPlain else {
          throw RNNError(
            .model, "layer \(index): dynamics: expected a plain RNN, GRU or LSTM, got another recurrent layer"
          )
        }
        let layer = try Recurrent<Double>(description)
        let start = model.stateStart[index]
        all.append(
          .recurrent(
            layer, (0..<layer.depth).map { LevelPlace(layer, $0, first: levels, start: start) }))
        levels += layer.depth
        sums = max(sums, layer.gateWidth)
      }
    }
    (self.all, levelCount, stateSize) = (all, levels, model.stateCountPerRow)
    (mostSums, self.widest) = (sums, widest)
  }
}

/// Where the numbers of one stacked layer stand among those of the model's state.
struct LevelPlace {
  /// Among the levels of the model.
  let index: Int
  private let start: Int
  private let size: Int
  /// From its h to its c.
  private let stride: Int

  /// Level k of a layer whose levels begin with `first` and whose state begins at `start`.
  init(_ layer: Recurrent<Double>, _ k: Int, first: Int, start: Int) {
    (index, self.start, size) = (first + k, start + k * layer.size, layer.size)
    stride = layer.depth * layer.size
  }

  /// The columns of its h, 0, or its c, 1, of states or tangents [rows, n].
  func part(_ part: Int, of all: Matrix<Double>) -> Matrix<Double> {
    let offset = start + part * stride
    return Matrix(
      all.values.part(offset, all.values.count - offset), rows: all.rows, columns: size, stride: all.stride)
  }
}
