import RNNKernels

extension Model {
  /// The same network with small weights in recurrent and linear layers. Its parameters are what the small ones stand
  /// for, exactly; only streams compute with the small ones themselves, and with activations as small.
  public func quantized(_ format: WeightFormat) throws(RNNError) -> Model {
    guard S.dtype == .float32 else {
      throw RNNError(.dtype, "model: expected float32, got \(S.dtype.name)")
    }
    guard format != .own else {
      throw RNNError(.argument, "weights: expected bfloat16 or int8, got the model's own")
    }
    try checkHasOwnWeights("to be quantized")
    try checkFinite()
    try checkSizes(format)
    let result = try Model(descriptions, format: format)
    result.parameters.values.copy(from: parameters.values.start)
    for index in layers.indices {
      layers[index].round(layerPart(index, of: result.parameters.values), format)
    }
    result.parametersHaveChanged()
    return result
  }

  /// One number that is none would spoil the scale of its row.
  private func checkFinite() throws(RNNError) {
    for tensor in tensors {
      for value in parameters.values.part(tensor.start, tensor.count) where !value.isFinite {
        throw RNNError(.nonFinite, "model: expected finite weights, got others in \(tensor.name)")
      }
    }
  }

  private func checkSizes(_ format: WeightFormat) throws(RNNError) {
    for (index, layer) in descriptions.enumerated() where layer.kind != .embedding {
      if layer.kind.isRecurrent && !(layer.isFused && layer.options.withinSteps.isPlain) {
        throw RNNError(
          .model,
          "\(Stack.name(index, layer)): expected a plain cell for weights of \(format.name), got another")
      }
      let inputs = layer.kind == .linear ? layer.inputSize : max(layer.inputSize, layer.outputSize)
      if inputs <= format.mostInputs { continue }
      throw RNNError(
        .model,
        "layer \(index) (\(layer.kind.name)): expected at most \(format.mostInputs) inputs and units for weights of \(format.name), got \(inputs)"
      )
    }
  }

  /// Small weights cannot be changed a little.
  func checkHasOwnWeights(_ purpose: Message) throws(RNNError) {
    if format == .own { return }
    throw RNNError(
      .model, "model: expected weights of its own type \(purpose.text), got \(format.name)")
  }

  /// Elements of what a stream reads.
  func streamedCounts() throws(RNNError) -> [Int] {
    try layers.map { (layer) throws(RNNError) in try layer.streamedCount(format) }
  }
}

extension WeightFormat {
  var name: String {
    switch self {
    case .own: "own"
    case .bfloat16: "bfloat16"
    case .int8: "int8"
    }
  }
}
