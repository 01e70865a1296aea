import RNNKernels

/// What a model looks like from outside.
public struct ModelInfo: Sendable {
  public let dtype: DType
  public let takesTokens: Bool
  public let isLastStep: Bool
  public let inputSize: Int
  public let outputSize: Int
  public let layerCount: Int
  public let tensorCount: Int
  public let parameterCount: Int
  public let stateTensorCount: Int
  public let stateBytesPerRow: Int
  public let format: WeightFormat
  /// What a stream of the model reads.
  public let weightBytes: Int
}

/// A named tensor within a flat buffer: a parameter, its gradient, or a part of a state.
public struct NamedTensor: Sendable {
  public let name: String
  public let dtype: DType
  public let shape: [Int]
  /// In elements.
  let start: Int
  let count: Int

  public var offset: Int { start * dtype.bytes }
  public var bytes: Int { count * dtype.bytes }
}

/// A stack of layers and its parameters, in one flat buffer.
public final class Model<S: Scalar> {
  public let descriptions: [LayerDescription]
  let layers: [any Layer<S>]
  public let tensors: [NamedTensor]
  /// Where each layer's parameters begin.
  let parameterStart: [Int]
  let parameters: Buffer<S>
  /// What streams make of the weights, which have been rounded accordingly.
  let format: WeightFormat
  /// Counts changes of the parameters: what was derived from them knows whether it still holds.
  private(set) var version = 0
  let idle = IdleNetworks<S>()
  /// Where each layer's state begins, per row; and the whole.
  let stateStart: [Int]
  let stateCountPerRow: Int

  var takesTokens: Bool { descriptions[0].kind == .embedding }
  var isLastStep: Bool { descriptions[descriptions.count - 1].lastStep }
  var inputSize: Int { descriptions[0].inputSize }
  var outputSize: Int { descriptions[descriptions.count - 1].width }

  /// Parameters are zero until `initialize` or until a file fills them.
  public convenience init(_ descriptions: [LayerDescription], format: WeightFormat = .own) throws(RNNError) {
    try Stack.validate(descriptions)
    var (layers, tensors, starts, stateStarts) = ([any Layer<S>](), [NamedTensor](), [Int](), [Int]())
    var (parameterCount, stateCount) = (0, 0)
    for (index, description) in descriptions.enumerated() {
      let layer = try makeLayer(description, as: S.self)
      layers.append(layer)
      starts.append(parameterCount)
      stateStarts.append(stateCount)
      for tensor in layer.tensors {
        tensors.append(
          NamedTensor(
            name: text("\(index).\(tensor.name)"), dtype: S.dtype, shape: tensor.shape,
            start: parameterCount + tensor.offset, count: tensor.count))
      }
      parameterCount = try Size.sum(parameterCount, layer.parameterCount)
      stateCount = try Size.sum(stateCount, layer.plan(steps: 1, rows: 1, isTraining: false).state)
    }
    self.init(
      descriptions, format, layers, tensors, starts, try Buffer(count: parameterCount), stateStarts,
      stateCount)
  }

  private init(
    _ descriptions: [LayerDescription], _ format: WeightFormat, _ layers: [any Layer<S>],
    _ tensors: [NamedTensor], _ parameterStart: [Int], _ parameters: Buffer<S>, _ stateStart: [Int],
    _ stateCountPerRow: Int
  ) {
    (self.descriptions, self.format, self.layers) = (descriptions, format, layers)
    (self.tensors, self.parameterStart, self.parameters) = (tensors, parameterStart, parameters)
    (self.stateStart, self.stateCountPerRow) = (stateStart, stateCountPerRow)
  }

  /// Fills the parameters: the same seed gives the same bits.
  public func initialize(seed: UInt64) throws(RNNError) {
    clear(parameters.values)
    for index in layers.indices {
      let generator = Philox(seed: seed, stream: UInt64(index) << 16)
      try layers[index].initialize(layerPart(index, of: parameters.values), generator: generator)
    }
    parametersHaveChanged()
  }

  /// To be called after every change of the parameters.
  func parametersHaveChanged() { version += 1 }

  /// Layer `index`'s part of flat parameters or gradients. One that is tied to the embedding sees all from there on.
  func layerPart(_ index: Int, of flat: View<S>) -> View<S> {
    let (start, count) = (parameterStart[index], layers[index].parameterCount)
    return descriptions[index].isTied ? flat.part(0, start + count) : flat.part(start, count)
  }

  func outputShape(steps: Int, rows: Int) -> Shape {
    isLastStep ? Shape(rows, outputSize) : Shape(steps, rows, outputSize)
  }

  /// The parts of a state of `rows` rows: for each recurrent layer h, then, of an LSTM, c.
  public func stateTensors(rows: Int) throws(RNNError) -> [NamedTensor] {
    try Size.checkBatch(steps: 1, rows: rows)
    _ = try Size.product(rows, stateCountPerRow, S.dtype.bytes)
    var (result, start) = ([NamedTensor](), 0)
    for (index, layer) in layers.enumerated() {
      for part in layer.stateParts {
        let shape = [part.count, rows, part.width]
        let count = shape[0] * shape[1] * shape[2]
        result.append(
          NamedTensor(
            name: text("\(index).\(part.name)"), dtype: S.dtype, shape: shape, start: start, count: count))
        start += count
      }
    }
    return result
  }
}

extension Model {
  /// Whether every layer of it walks time forward alone.
  var walksForward: Bool { descriptions.allSatisfy { $0.directionCount == 1 } }

  func checkWalksForward(_ reason: Message) throws(RNNError) {
    for (index, layer) in descriptions.enumerated() where layer.directionCount == 2 {
      throw RNNError(
        .model,
        "\(Stack.name(index, layer)): direction: expected forward, for \(reason.text), got both directions")
    }
  }
}

/// Which layers may stand where.
enum Stack {
  static func validate(_ descriptions: [LayerDescription]) throws(RNNError) {
    if descriptions.isEmpty { throw RNNError(.model, "layers: expected at least one, got none") }
    if descriptions.count > 1024 {
      throw RNNError(.model, "layers: expected at most 1024, got \(descriptions.count)")
    }
    for (index, description) in descriptions.enumerated() {
      try description.validate(name(index, description))
      if index > 0 { try validate(description, at: index, after: descriptions[index - 1]) }
      try validateTies(description, at: index, descriptions)
    }
  }

  /// What a layer has to do with the first one.
  private static func validateTies(
    _ layer: LayerDescription, at index: Int, _ all: [LayerDescription]
  ) throws(RNNError) {
    let (first, name) = (all[0], name(index, layer))
    if layer.isTied {
      guard first.kind == .embedding, first.inputSize == layer.outputSize, first.outputSize == layer.inputSize
      else {
        throw RNNError(
          .model,
          "\(name): tied: expected a first layer Embedding(\(layer.outputSize), \(layer.inputSize)), got \(first.kind.name)(\(first.inputSize), \(first.outputSize))"
        )
      }
    }
    if layer.addsInput {
      guard first.kind != .embedding, index == all.count - 1, !layer.lastStep,
        first.inputSize >= layer.outputSize
      else {
        throw RNNError(
          .model,
          "\(name): skip: expected the last layer, at every step, of a model that reads at least \(layer.outputSize) numbers"
        )
      }
    }
  }

  static func name(_ index: Int, _ description: LayerDescription) -> String {
    text("layer \(index) (\(description.kind.name))")
  }

  private static func validate(
    _ description: LayerDescription, at index: Int, after previous: LayerDescription
  ) throws(RNNError) {
    let (name, above) = (name(index, description), name(index - 1, previous))
    if description.kind == .embedding {
      throw RNNError(
        .model, "\(name): expected as the first layer, for it takes token ids, got it after \(above)")
    }
    if previous.lastStep {
      throw RNNError(.model, "\(above): last_step: expected only on the last layer, got \(name) after it")
    }
    if description.inputSize != previous.width {
      throw RNNError(
        .model,
        "\(name): input size: expected \(previous.width), the output of \(above), got \(description.inputSize)"
      )
    }
  }
}

/// A square block of W_hh: of one gate of one stacked recurrent layer.
struct RecurrentMatrix: Sendable {
  /// Of the state dictionary.
  let tensor: Int
  let gate: Int
  /// First element within flat parameters, and H.
  let start: Int
  let size: Int
}

extension Model {
  /// The recurrent matrices of the stack, gate by gate; those that are not square, behind a projection, are none.
  var recurrentMatrices: [RecurrentMatrix] {
    var result: [RecurrentMatrix] = []
    forEachLevel { form, first in
      if let hidden = form.hiddenWeight { result += matrices(first + hidden, gates: form.gateCount) }
    }
    return result
  }

  /// W_hh of each stacked recurrent layer, or W_ih where there is none: their places in the state dictionary.
  var levelTensors: [Int] {
    var result: [Int] = []
    forEachLevel { form, first in result.append(first + (form.hiddenWeight ?? form.inputWeight)) }
    return result
  }

  /// With the place of the first tensor of each level's layer.
  private func forEachLevel(_ body: (LevelForm, Int) -> Void) {
    var first = 0
    for layer in layers {
      for form in layer.levels { body(form, first) }
      first += layer.tensors.count
    }
  }

  /// The gates of weight_hh_l{k}.
  private func matrices(_ index: Int, gates: Int) -> [RecurrentMatrix] {
    let (tensor, size) = (tensors[index], tensors[index].shape[1])
    if tensor.shape[0] != gates * size { return [] }
    return (0..<gates).map { gate in
      RecurrentMatrix(tensor: index, gate: gate, start: tensor.start + gate * size * size, size: size)
    }
  }
}
