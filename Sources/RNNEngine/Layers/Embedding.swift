import RNNKernels

/// y = weight[token], weight [I, O].
final class Embedding<S: Scalar>: Layer {
  let description: LayerDescription
  let tensors: [TensorShape]
  let stateParts: [StatePart] = []
  let levels: [LevelForm] = []
  private let size: Int

  init(_ description: LayerDescription) throws(RNNError) {
    self.description = description
    size = description.outputSize
    tensors = try layOut([("weight", [description.inputSize, size])])
  }

  func plan(steps: Int, rows: Int, isTraining: Bool) throws(RNNError) -> LayerPlan {
    LayerPlan(output: try Size.product(steps, rows, size))
  }

  func initialize(_ parameters: View<S>, generator: Philox) throws(RNNError) {
    let initializer = Initializer<S>(generator: generator)
    if description.weightInit == .standard { return initializer.normal(parameters) }
    if description.weightInit == .keras { return initializer.uniform(parameters, bound: 0.05) }
    try initializer.matrix(
      parameters, rows: description.inputSize, columns: size, method: description.weightInit, bound: 0)
  }

  func pack(_ parameters: View<S>, to packed: View<S>) {}

  /// Padding becomes zero, whatever its token.
  func forward(_ pass: LayerPass<S>) {
    guard case .tokens(let tokens) = pass.input else { return }
    ThreadPool.split(pass.steps * pass.rows, work: 16 + size / 8) { positions in
      for position in positions {
        let output = pass.output.part(position * size, size)
        if pass.lengths.isValid(step: position / pass.rows, row: position % pass.rows) {
          output.copy(from: pass.parameters.start + tokens[position] * size)
        } else {
          output.clear()
        }
      }
    }
  }

  // A lookup computes nothing: its weights stay as they are.

  func stages(_ format: WeightFormat, inputStride: Int) -> [StagePlan<S>] {
    [StagePlan(work: .lookup, shape: CellShape(inputSize: description.inputSize, size: size, gateStride: 0))]
  }

  func streamedCount(_ format: WeightFormat) throws(RNNError) -> Int { parameterCount }

  func copyForStream(_ format: WeightFormat, _ parameters: View<S>, to memory: View<S>) {
    memory.copy(from: parameters.start)
  }

  func round(_ parameters: View<S>, _ format: WeightFormat) {}

  /// dweight[token] += dy, block by block, in the order of the steps. One token may stand at many places, so threads
  /// share the columns.
  func backward(_ pass: LayerPass<S>, _ gradients: LayerGradients<S>) {
    let unit = 16
    ThreadPool.split((size + unit - 1) / unit, work: 4 * pass.steps * pass.rows) { part in
      backward(pass, gradients, columns: part.lowerBound * unit..<min(part.upperBound * unit, size))
    }
  }

  private func backward(_ pass: LayerPass<S>, _ gradients: LayerGradients<S>, columns: Range<Int>) {
    guard case .tokens(let tokens) = pass.input else { return }
    for index in (0..<pass.blockCount).reversed() {
      let steps = pass.block(index)
      for position in steps.lowerBound * pass.rows..<steps.upperBound * pass.rows
      where pass.lengths.isValid(step: position / pass.rows, row: position % pass.rows) {
        let row = gradients.parameters.start + tokens[position] * size
        let gradient = gradients.output.start + position * size
        S.kernels.add(gradient + columns.lowerBound, to: row + columns.lowerBound, count: columns.count)
      }
    }
  }
}
