import RNNKernels

/// y = W x + b, W [O, I], b [O], at every step or at the last valid step of each row.
final class Linear<S: Scalar>: Layer {
  let description: LayerDescription
  let tensors: [TensorShape]
  let stateParts: [StatePart] = []
  let levels: [LevelForm] = []
  let inputs: Int
  let outputs: Int

  init(_ description: LayerDescription) throws(RNNError) {
    self.description = description
    (inputs, outputs) = (description.inputSize, description.outputSize)
    tensors = try layOut([("weight", [outputs, inputs]), ("bias", [outputs])])
  }

  /// Rows of the matrix product.
  private func height(_ steps: Int, _ rows: Int) -> Int { description.lastStep ? rows : steps &* rows }

  func plan(steps: Int, rows: Int, isTraining: Bool) throws(RNNError) -> LayerPlan {
    let height = height(steps, rows)
    return LayerPlan(
      output: try Size.product(height, outputs),
      reserve: description.lastStep ? try Size.product(rows, inputs) : 0,
      workspace: max(
        matmulScratch(columns: inputs, depth: height), matmulScratch(columns: inputs, depth: outputs)),
      packed: S.kernels.packedProductCount(depth: inputs, columns: outputs))
  }

  func initialize(_ parameters: View<S>, generator: Philox) throws(RNNError) {
    let bound = 1 / Double(inputs).squareRoot()
    try Initializer<S>(generator: generator).matrix(
      tensor(0, of: parameters), rows: outputs, columns: inputs, method: description.weightInit, bound: bound)
    let bias = Initializer<S>(generator: Philox(seed: generator.seed, stream: generator.stream &+ 1))
    if description.weightInit == .standard { bias.uniform(tensor(1, of: parameters), bound: bound) }
  }

  func pack(_ parameters: View<S>, to packed: View<S>) {
    packMatrix(matrix(tensor(0, of: parameters), outputs, inputs).transposed, to: packed)
  }

  func forward(_ pass: LayerPass<S>) {
    guard case .features(let input) = pass.input else { return }
    let height = height(pass.steps, pass.rows)
    let x = description.lastStep ? gatherLast(pass, input) : input
    // Y = X Wᵀ + b
    matmul(
      matrix(x, height, inputs), matrix(tensor(0, of: pass.parameters), outputs, inputs).transposed,
      packed: pass.packed, into: matrix(pass.output, height, outputs),
      from: .row(tensor(1, of: pass.parameters)),
      scratch: pass.workspace)
  }

  func backward(_ pass: LayerPass<S>, _ gradients: LayerGradients<S>) {
    guard case .features(let input) = pass.input else { return }
    let height = height(pass.steps, pass.rows)
    let x = description.lastStep ? pass.reserve.part(0, height * inputs) : input
    // dW += dYᵀ X;  db += Σ dY
    if description.lastStep {
      accumulate(0..<height, x, pass, gradients)
    } else {
      for index in (0..<pass.blockCount).reversed() {
        let steps = pass.block(index)
        accumulate(steps.lowerBound * pass.rows..<steps.upperBound * pass.rows, x, pass, gradients)
      }
    }
    // dX = dY W
    guard let gradInput = gradients.input else { return }
    let scatters = description.lastStep && !gradients.isInputFinal
    let dx = scatters ? pass.reserve.part(0, height * inputs) : gradInput
    matmul(
      matrix(gradients.output, height, outputs), matrix(tensor(0, of: pass.parameters), outputs, inputs),
      into: matrix(dx, height, inputs),
      scratch: pass.workspace)
    if scatters { scatterLast(pass, dx, gradInput) }
  }

  private func accumulate(
    _ places: Range<Int>, _ x: View<S>, _ pass: LayerPass<S>, _ gradients: LayerGradients<S>
  ) {
    let height = places.count
    let dy = matrix(gradients.output.part(places.lowerBound * outputs, height * outputs), height, outputs)
    matmul(
      dy.transposed, matrix(x.part(places.lowerBound * inputs, height * inputs), height, inputs),
      into: matrix(tensor(0, of: gradients.parameters), outputs, inputs), from: .current,
      scratch: pass.workspace)
    addColumnSums(dy, to: tensor(1, of: gradients.parameters).start)
  }

  private func matrix(_ values: View<S>, _ rows: Int, _ columns: Int) -> Matrix<S> {
    Matrix(values, rows: rows, columns: columns)
  }

  private func lastStep(_ pass: LayerPass<S>, _ row: Int) -> Int {
    (pass.lengths.values.map { $0[row] } ?? pass.steps) - 1
  }

  /// x at the last valid step of each row; zeros for a row without any.
  private func gatherLast(_ pass: LayerPass<S>, _ input: View<S>) -> View<S> {
    let gathered = pass.reserve.part(0, pass.rows * inputs)
    for row in 0..<pass.rows {
      let step = lastStep(pass, row)
      let target = gathered.part(row * inputs, inputs)
      if step < 0 {
        target.clear()
      } else {
        target.copy(from: input.start + (step * pass.rows + row) * inputs)
      }
    }
    return gathered
  }

  /// The reverse of `gatherLast`: every other step has no gradient.
  private func scatterLast(_ pass: LayerPass<S>, _ gathered: View<S>, _ gradInput: View<S>) {
    gradInput.clear()
    for row in 0..<pass.rows {
      let step = lastStep(pass, row)
      if step < 0 { continue }
      gradInput.part((step * pass.rows + row) * inputs, inputs).copy(from: gathered.start + row * inputs)
    }
  }
}
