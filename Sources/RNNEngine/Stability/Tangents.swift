import RNNKernels

/// Directions in which the state of a model may change, one a row: [m, n].
final class Tangents {
  enum Stage {
    case recurrent(Recurrent<Double>)
    case linear
    /// Nothing changes below it.
    case other
  }

  let count: Int
  let size: Int
  let values: Buffer<Double>
  let stages: [Stage]
  private let hiddenSums: Buffer<Double>
  private let inputSums: Buffer<Double>
  private let scratch: Buffer<Double>
  /// Tangents of the outputs of a linear layer, twice: for one after the other.
  private let outputs: Buffer<Double>

  init(_ model: Model<Double>, count: Int) throws(RNNError) {
    (self.count, size) = (count, model.stateCountPerRow)
    values = try Buffer(count: Size.product(count, size))
    var (stages, gates, width, depth) = ([Stage](), 0, 0, 0)
    for description in model.descriptions {
      width = max(width, description.outputSize)
      depth = max(depth, description.inputSize, description.outputSize)
      switch description.kind {
      case .embedding: stages.append(.other)
      case .linear: stages.append(.linear)
      case .elman, .gru, .lstm:
        let layer = try Recurrent<Double>(description)
        stages.append(.recurrent(layer))
        gates = max(gates, layer.gateWidth)
      }
    }
    self.stages = stages
    hiddenSums = try Buffer(count: Size.product(count, gates))
    inputSums = try Buffer(count: Size.product(count, gates))
    outputs = try Buffer(count: Size.product(2, count, width))
    scratch = try Buffer(count: matmulScratch(columns: max(gates, width), depth: depth))
  }

  /// The part of one stacked layer; the state of its layer begins at `start`.
  func level(_ layer: Recurrent<Double>, _ k: Int, from start: Int, input: Matrix<Double>?) -> LevelTangents {
    func part(_ index: Int) -> Matrix<Double> {
      let offset = start + (index * layer.depth + k) * layer.size
      return Matrix(
        values.values.part(offset, values.values.count - offset), rows: count, columns: layer.size,
        stride: size)
    }
    func sums(_ buffer: Buffer<Double>) -> Matrix<Double> {
      Matrix(buffer.values.part(0, count * layer.gateWidth), rows: count, columns: layer.gateWidth)
    }
    return LevelTangents(
      input: input, output: part(0), cell: layer.cell.hasCellState ? part(1) : nil,
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
