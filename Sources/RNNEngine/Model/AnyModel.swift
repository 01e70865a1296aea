import CPlatform
import RNNKernels

/// A model, trainer and stream whatever their numbers: what the C interface holds.
public protocol AnyModel: AnyObject {
  var info: ModelInfo { get }
  var descriptions: [LayerDescription] { get }
  var tensors: [NamedTensor] { get }
  func stateTensors(rows: Int) throws(RNNError) -> [NamedTensor]
  func read(_ tensor: NamedTensor, into data: RawBuffer) throws(RNNError)
  func write(_ tensor: NamedTensor, from data: RawBuffer) throws(RNNError)
  func forward(_ batch: Batch) throws(RNNError)
  func spectrum(_ tensor: NamedTensor, gate: Int) throws(RNNError) -> Spectrum
  func jacobian(_ batch: Batch, from first: Int, to last: Int, into target: RawBuffer) throws(RNNError)
  func lyapunov(_ batch: Batch, _ options: LyapunovOptions) throws(RNNError)
  func makeTrainer(_ options: TrainerOptions) throws(RNNError) -> any AnyTrainer
  func makeStream(rows: Int, tokenType: DType) throws(RNNError) -> any AnyStream
  func save(to path: UnsafePointer<CChar>) throws(RNNError)
}

public protocol AnyTrainer: AnyObject {
  var anyModel: any AnyModel { get }
  var options: TrainerOptions { get }
  func setLearningRate(_ rate: Double) throws(RNNError)
  func step(_ batch: Batch, _ report: inout StepReport) throws(RNNError)
  func floss(_ batch: Batch, _ options: LyapunovOptions, _ report: inout StepReport) throws(RNNError)
  func evaluate(_ batch: Batch) throws(RNNError) -> StepReport
  func setPenalties(_ weights: PenaltyOptions) throws(RNNError)
  /// What the last observed step saw.
  func observedLevels() throws(RNNError) -> [LevelObservation]
  /// [n, 3]: norms of the gradient before clipping, of the weights before the update, of the update.
  func readObservedNorms(into data: RawBuffer) throws(RNNError)
  func readGradient(_ tensor: NamedTensor, into data: RawBuffer) throws(RNNError)
  func save(to path: UnsafePointer<CChar>) throws(RNNError)
}

public protocol AnyStream: AnyObject {
  func step(input: RawBuffer, output: RawBuffer) throws(RNNError)
  func reset()
  func getState(_ state: RawBuffer) throws(RNNError)
  func setState(_ state: RawBuffer) throws(RNNError)
}

/// The tensor of a name. A function, not a method of the protocol: Embedded Swift cannot specialise an
/// extension of a protocol for a type it does not know.
public func tensor(named name: String, of model: any AnyModel) throws(RNNError) -> NamedTensor {
  let tensors = model.tensors
  for tensor in tensors where tensor.name == name { return tensor }
  throw RNNError(
    .name, "name: expected a tensor of the state dictionary, such as \"\(tensors[0].name)\", got \"\(name)\"")
}

/// A new model with its initial weights.
///
/// Embedded Swift lends every body to the modules above, which would compile the whole engine again for themselves.
/// `@export(interface)`, here and where else they enter, keeps it one: 95 KB less.
@export(interface) @inline(never)
public func makeModel(
  _ descriptions: [LayerDescription], dtype: DType, seed: UInt64
) throws(RNNError) -> any AnyModel {
  switch dtype {
  case .float32:
    let model = try Model<Float>(descriptions)
    try model.initialize(seed: seed)
    return model
  case .float64:
    let model = try Model<Double>(descriptions)
    try model.initialize(seed: seed)
    return model
  case .int32, .int64:
    throw RNNError(.dtype, "dtype: expected float32 or float64, got \(dtype.name)")
  }
}

extension Model: AnyModel {
  public var info: ModelInfo {
    var stateTensorCount = 0
    for layer in layers { stateTensorCount += layer.stateParts.count }
    return ModelInfo(
      dtype: S.dtype, takesTokens: takesTokens, isLastStep: isLastStep, inputSize: inputSize,
      outputSize: outputSize, layerCount: layers.count, tensorCount: tensors.count,
      parameterCount: parameters.values.count, stateTensorCount: stateTensorCount,
      stateBytesPerRow: stateCountPerRow * S.dtype.bytes)
  }

  public func read(_ tensor: NamedTensor, into data: RawBuffer) throws(RNNError) {
    let target = try data.checked("data of \(tensor.name)", S.dtype, Shape(tensor.shape), isCopied: true)
    memcpy(target, parameters.values.start + tensor.start, tensor.bytes)
  }

  public func write(_ tensor: NamedTensor, from data: RawBuffer) throws(RNNError) {
    let source = try data.checked("data of \(tensor.name)", S.dtype, Shape(tensor.shape), isCopied: true)
    memcpy(parameters.values.start + tensor.start, source, tensor.bytes)
    parametersHaveChanged()
  }

  public func makeTrainer(_ options: TrainerOptions) throws(RNNError) -> any AnyTrainer {
    try Trainer(self, options)
  }

  public func makeStream(rows: Int, tokenType: DType) throws(RNNError) -> any AnyStream {
    try Stream(self, rows: rows, tokenType: tokenType)
  }
}

extension Trainer: AnyTrainer {
  public var anyModel: any AnyModel { model }

  public func observedLevels() throws(RNNError) -> [LevelObservation] { try lastObservation().levels }

  public func readObservedNorms(into data: RawBuffer) throws(RNNError) {
    let observation = try lastObservation()
    let norms = try data.view("norms", Shape(model.tensors.count, 3), as: Double.self)
    for index in model.tensors.indices {
      norms[3 * index] = observation.gradientNorms.values[index]
      norms[3 * index + 1] = observation.updates.weightNorms.values[index]
      norms[3 * index + 2] = observation.updates.updateNorms.values[index]
    }
  }

  private func lastObservation() throws(RNNError) -> Observation<S> {
    guard let observation else {
      throw RNNError(.argument, "trainer: expected a step with observe = 1 before, got none")
    }
    return observation
  }

  public func readGradient(_ tensor: NamedTensor, into data: RawBuffer) throws(RNNError) {
    let target = try data.checked("data of \(tensor.name)", S.dtype, Shape(tensor.shape), isCopied: true)
    memcpy(target, gradient(tensor).start, tensor.bytes)
  }
}

extension Stream: AnyStream {}
