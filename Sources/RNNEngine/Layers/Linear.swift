import RNNKernels

/// y = φ(W x + b), W [O, I], b [O], at every step or at the last valid step of each row. W may be that of the embedding
/// that the model begins with, and what the model reads may be added to the sums.
final class Linear<S: Scalar>: Layer {
  let description: LayerDescription
  let tensors: [TensorShape]
  let stateParts: [StatePart] = []
  let levels: [LevelForm] = []
  let inputs: Int
  let outputs: Int

  /// nil: the identity.
  let function: CellFunction<S>?

  init(_ description: LayerDescription) throws(RNNError) {
    self.description = description
    (inputs, outputs) = (description.inputSize, description.outputSize)
    let weight: [(name: String, shape: [Int])] = description.isTied ? [] : [("weight", [outputs, inputs])]
    tensors = try layOut(weight + [("bias", [outputs])])
    let asked = description.options.functions?.first.map { $0.scaled(S.self) }
    function = asked?.kind == .identity ? nil : asked
  }

  /// W and b: the first and the last of the layer's parameters, or, if W is tied, of the model's up to here.
  func weight(_ flat: View<S>) -> View<S> { flat.part(0, outputs * inputs) }
  func bias(_ flat: View<S>) -> View<S> { flat.part(flat.count - outputs, outputs) }

  /// Rows of the matrix product.
  private func height(_ steps: Int, _ rows: Int) -> Int { description.lastStep ? rows : steps &* rows }

  func plan(steps: Int, rows: Int, isTraining: Bool) throws(RNNError) -> LayerPlan {
    let height = height(steps, rows)
    return LayerPlan(
      output: try Size.product(height, outputs),
      reserve: description.lastStep ? try Size.product(rows, inputs) : 0,
      workspace: try Size.sum(productScratch(height), function == nil ? 0 : Size.product(height, outputs)),
      packed: S.kernels.packedProductCount(depth: inputs, columns: outputs))
  }

  private func productScratch(_ height: Int) -> Int {
    max(matmulScratch(columns: inputs, depth: height), matmulScratch(columns: inputs, depth: outputs))
  }

  func initialize(_ parameters: View<S>, generator: Philox) throws(RNNError) {
    let bound = 1 / Double(inputs).squareRoot()
    if !description.isTied {
      try Initializer<S>(generator: generator).matrix(
        weight(parameters), rows: outputs, columns: inputs, method: description.weightInit, bound: bound)
    }
    let initializer = Initializer<S>(generator: Philox(seed: generator.seed, stream: generator.stream &+ 1))
    if description.weightInit == .standard { initializer.uniform(bias(parameters), bound: bound) }
  }

  func pack(_ parameters: View<S>, to packed: View<S>) {
    packMatrix(matrix(weight(parameters), outputs, inputs).transposed, to: packed)
  }

  func forward(_ pass: LayerPass<S>) {
    guard case .features(let input) = pass.input else { return }
    let height = height(pass.steps, pass.rows)
    let x = description.lastStep ? gatherLast(pass, input) : input
    // Y = X Wᵀ + b
    matmul(
      matrix(x, height, inputs), matrix(weight(pass.parameters), outputs, inputs).transposed,
      packed: pass.packed, into: matrix(pass.output, height, outputs),
      from: .row(bias(pass.parameters)),
      scratch: pass.workspace)
    if description.addsInput, let skipped = pass.modelInput { addInput(skipped, pass) }
    if var function { apply(&function, pass.output.part(0, height * outputs)) }
  }

  /// y ← φ(y).
  private func apply(_ function: UnsafePointer<CellFunction<S>>, _ y: View<S>) {
    forEachPart(of: y.count, work: 16) { part in
      let start = y.start + part.lowerBound
      S.kernels.apply(function, start, to: start, count: part.count)
    }
  }

  /// The first O of what the model reads.
  private func addInput(_ x: View<S>, _ pass: LayerPass<S>) {
    let (places, width) = (pass.steps * pass.rows, x.count / (pass.steps * pass.rows))
    for place in 0..<places {
      S.kernels.add(x.start + place * width, to: pass.output.start + place * outputs, count: outputs)
    }
  }

  /// Of W x + b, from that of y.
  private func sumGradient(_ pass: LayerPass<S>, _ gradient: View<S>) -> View<S> {
    guard var function else { return gradient }
    let height = height(pass.steps, pass.rows)
    let target = pass.workspace.part(productScratch(height), height * outputs)
    multiplySlope(&function, pass.output, gradient, to: target)
    return target
  }

  private func multiplySlope(
    _ function: UnsafePointer<CellFunction<S>>, _ y: View<S>, _ dy: View<S>, to dx: View<S>
  ) {
    forEachPart(of: dx.count, work: 16) { part in
      let first = part.lowerBound
      S.kernels.multiplySlope(
        function, y.start + first, dy.start + first, to: dx.start + first, count: part.count)
    }
  }

  func backward(_ pass: LayerPass<S>, _ gradients: LayerGradients<S>) {
    guard case .features(let input) = pass.input else { return }
    let height = height(pass.steps, pass.rows)
    var gradients = gradients
    gradients.output = sumGradient(pass, gradients.output)
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
      matrix(gradients.output, height, outputs), matrix(weight(pass.parameters), outputs, inputs),
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
      into: matrix(weight(gradients.parameters), outputs, inputs), from: .current,
      scratch: pass.workspace)
    addColumnSums(dy, to: bias(gradients.parameters).start)
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
