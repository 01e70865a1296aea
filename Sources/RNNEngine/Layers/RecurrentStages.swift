import RNNKernels

// A recurrent layer in a stream: one stage for each stacked layer.

extension Recurrent {
  func stages(_ format: WeightFormat, inputStride: Int) -> [StagePlan<S>] {
    var start = 0
    return (0..<depth).map { k in
      let shape = streamShape(k, inputStride: inputStride)
      defer { start += streamedCount(format, k) }
      return StagePlan(
        work: .cell(cell.kind), shape: shape, panels: S.kernels.forwardPanels(cell.kind, shape),
        weights: start,
        output: k * size, cell: cell.hasCellState ? (depth + k) * size : nil)
    }
  }

  private func streamShape(_ k: Int, inputStride: Int) -> CellShape {
    let stride = StagePlan<S>.wholeLines(size)
    return CellShape(
      inputSize: inputWidth(k), size: size, gateStride: 0, inputStride: k == 0 ? inputStride : stride,
      stateStride: stride, activation: cell.activation)
  }

  func streamedCount(_ format: WeightFormat) throws(RNNError) -> Int {
    try Size.sum(streamedCount(format, 0), Size.product(depth - 1, streamedCount(format, 1)))
  }

  private func streamedCount(_ format: WeightFormat, _ k: Int) -> Int {
    if format == .own { return packedCount(k) }
    return StagePlan<S>.wholeLines(Small.kernels.layout(format).bytes(cell.kind, shape(k)) / 4)
  }

  func copyForStream(_ format: WeightFormat, _ parameters: View<S>, to memory: View<S>) {
    if format == .own { return pack(parameters, to: memory) }
    var target = UnsafeMutableRawPointer(memory.start)
    for k in 0..<depth {
      Small.kernels.layout(format).pack(cell.kind, shape(k), small(k, parameters), to: target)
      target += streamedCount(format, k) * MemoryLayout<S>.stride
    }
  }

  /// Small weights are made of those of Float models alone.
  private func small(_ k: Int, _ parameters: View<S>) -> CellWeights<Float> {
    func start(_ part: Int) -> UnsafePointer<Float> { floats(tensor(4 * k + part, of: parameters)) }
    return CellWeights(input: start(0), hidden: start(1), inputBias: start(2), hiddenBias: start(3))
  }

  func round(_ parameters: View<S>, _ format: WeightFormat) {
    for k in 0..<depth {
      if !format.keepsInput(inputWidth(k)) {
        roundRows(tensor(4 * k, of: parameters), inputWidth(k), format)
      }
      roundRows(tensor(4 * k + 1, of: parameters), size, format)
    }
  }
}

/// The numbers of a Float model as what they are.
func floats<S>(_ values: View<S>) -> UnsafePointer<Float> {
  UnsafeRawPointer(values.start).assumingMemoryBound(to: Float.self)
}

/// Rounds a matrix row by row.
func roundRows<S: Scalar>(_ matrix: View<S>, _ width: Int, _ format: WeightFormat) {
  let start = UnsafeMutablePointer(mutating: floats(matrix))
  for row in stride(from: 0, to: matrix.count, by: width) {
    SmallNumbers.round(start + row, width, format)
  }
}
