import RNNKernels

// A linear layer in a stream.

extension Linear {
  private var packed: Int { S.kernels.packedProductCount(depth: inputs, columns: outputs) }

  func stages(_ format: WeightFormat, inputStride: Int) -> [StagePlan<S>] {
    let shape = CellShape(inputSize: inputs, size: outputs, gateStride: 0, inputStride: inputStride)
    return [StagePlan(work: .product(packed: packed), shape: shape)]
  }

  /// W, then b. What follows begins on a cache line, so that b can be read by whole vectors.
  func streamedCount(_ format: WeightFormat) throws(RNNError) -> Int {
    if format == .own { return try Size.sum(packed, outputs) }
    return Small.kernels.layout(format).bytes(depth: inputs, columns: outputs) / 4
  }

  func copyForStream(_ format: WeightFormat, _ parameters: View<S>, to memory: View<S>) {
    let (weight, bias) = (tensor(0, of: parameters), tensor(1, of: parameters))
    if format != .own {
      return Small.kernels.layout(format).pack(
        floats(weight), floats(bias), depth: inputs, columns: outputs, to: memory.start)
    }
    pack(parameters, to: memory.part(0, packed))
    memory.part(packed, outputs).copy(from: bias.start)
  }

  func round(_ parameters: View<S>, _ format: WeightFormat) {
    roundRows(tensor(0, of: parameters), inputs, format)
  }
}
