import RNNKernels

/// Directions in which the state of a model may change, one a row: [m, n].
final class Tangents {
  let count: Int
  let size: Int
  let values: Buffer<Double>
  /// Of a level, or of each in turn if they are kept.
  private let hiddenSums: Buffer<Double>
  private let inputSums: Buffer<Double>
  private let keepsSums: Bool
  private let stages: Stages
  private let scratch: Buffer<Double>
  /// Tangents of the outputs of a linear layer, twice: for one after the other.
  private let outputs: Buffer<Double>

  /// `keepsSums`: whether what each level computed on the last step can be read afterwards.
  init(_ stages: Stages, count: Int, keepsSums: Bool = false) throws(RNNError) {
    (self.stages, self.count, size, self.keepsSums) = (stages, count, stages.stateSize, keepsSums)
    let sums = try Size.product(keepsSums ? stages.levelCount : 1, count, stages.mostSums)
    values = try Buffer(count: Size.product(count, size))
    hiddenSums = try Buffer(count: sums)
    inputSums = try Buffer(count: sums)
    outputs = try Buffer(count: Size.product(2, count, stages.widest))
    let side = max(stages.mostSums, stages.widest)
    scratch = try Buffer(count: matmulScratch(columns: side, depth: side))
  }

  /// The part of one stacked layer.
  func level(_ layer: Recurrent<Double>, _ place: LevelPlace, input: Matrix<Double>?) -> LevelTangents {
    func sums(_ buffer: Buffer<Double>) -> Matrix<Double> {
      let start = keepsSums ? place.index * count * stages.mostSums : 0
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
