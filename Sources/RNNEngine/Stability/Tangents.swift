import RNNKernels

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

/// Directions in which the state of a model may change, one a row: [m, n].
final class Tangents {
  enum Stage {
    /// `first` of its levels among those of the model.
    case recurrent(Recurrent<Double>, first: Int)
    case linear
    /// Nothing changes below it.
    case other
  }

  let count: Int
  let size: Int
  let values: Buffer<Double>
  let stages: [Stage]
  /// Of a level, or of each in turn if they are kept.
  private let hiddenSums: Buffer<Double>
  private let inputSums: Buffer<Double>
  private let keepsSums: Bool
  /// The most sums of a level.
  private let gates: Int
  private let scratch: Buffer<Double>
  /// Tangents of the outputs of a linear layer, twice: for one after the other.
  private let outputs: Buffer<Double>

  /// `keepsSums`: whether what each level computed on the last step can be read afterwards.
  init(_ model: Model<Double>, count: Int, keepsSums: Bool = false) throws(RNNError) {
    (self.count, size, self.keepsSums) = (count, model.stateCountPerRow, keepsSums)
    values = try Buffer(count: Size.product(count, size))
    var (stages, gates, width, depth, levels) = ([Stage](), 0, 0, 0, 0)
    for description in model.descriptions {
      width = max(width, description.outputSize)
      depth = max(depth, description.inputSize, description.outputSize)
      switch description.kind {
      case .embedding: stages.append(.other)
      case .linear: stages.append(.linear)
      case .elman, .gru, .lstm:
        let layer = try Recurrent<Double>(description)
        stages.append(.recurrent(layer, first: levels))
        gates = max(gates, layer.gateWidth)
        levels += layer.depth
      }
    }
    (self.stages, self.gates) = (stages, gates)
    hiddenSums = try Buffer(count: Size.product(keepsSums ? levels : 1, count, gates))
    inputSums = try Buffer(count: Size.product(keepsSums ? levels : 1, count, gates))
    outputs = try Buffer(count: Size.product(2, count, width))
    scratch = try Buffer(count: matmulScratch(columns: max(gates, width), depth: depth))
  }

  /// The part of one stacked layer.
  func level(_ layer: Recurrent<Double>, _ place: LevelPlace, input: Matrix<Double>?) -> LevelTangents {
    func sums(_ buffer: Buffer<Double>) -> Matrix<Double> {
      let start = keepsSums ? place.index * count * gates : 0
      return Matrix(
        buffer.values.part(start, count * layer.gateWidth), rows: count, columns: layer.gateWidth)
    }
    let all = Matrix(values.values, rows: count, columns: size)
    return LevelTangents(
      input: input, output: place.part(0, of: all),
      cell: layer.cell.hasCellState ? place.part(1, of: all) : nil,
      hiddenSums: sums(hiddenSums), inputSums: sums(inputSums), scratch: scratch.values)
  }

  /// dy = dx Wᵀ.
  func multiply(_ input: Matrix<Double>, _ model: Model<Double>, layer: Int) -> Matrix<Double> {
    let (rows, columns) = (model.descriptions[layer].outputSize, model.descriptions[layer].inputSize)
    let weight = Matrix(
      model.layerPart(layer, of: model.parameters.values).part(0, rows * columns), rows: rows,
      columns: columns)
    let half = input.values.start == outputs.values.start ? outputs.values.count / 2 : 0
    let result = Matrix(outputs.values.part(half, count * rows), rows: count, columns: rows)
    matmul(input, weight.transposed, into: result, scratch: scratch.values)
    return result
  }
}
