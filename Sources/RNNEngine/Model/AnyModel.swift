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
  func makeTrainer(_ options: TrainerOptions, classWeights: RawBuffer) throws(RNNError) -> any AnyTrainer
  func makeStream(rows: Int, tokenType: DType, idle: Int) throws(RNNError) -> any AnyStream
  func makeQuantized(_ format: WeightFormat) throws(RNNError) -> any AnyModel
  /// Hands the parameters over to a stream.
  func swap(into stream: any AnyStream) throws(RNNError)
  func save(to path: UnsafePointer<CChar>) throws(RNNError)
}

public protocol AnyTrainer: AnyObject {
  var anyModel: any AnyModel { get }
  var options: TrainerOptions { get }
  /// Of the loss, [O]; empty: none.
  var classWeights: UnsafeMutableBufferPointer<Double> { get }
  func setLearningRate(_ rate: Double) throws(RNNError)
  func step(_ batch: Batch, _ report: inout StepReport) throws(RNNError)
  func floss(_ batch: Batch, _ options: LyapunovOptions, _ report: inout StepReport) throws(RNNError)
  func evaluate(_ batch: Batch) throws(RNNError) -> StepReport
  func setPenalties(_ weights: PenaltyOptions) throws(RNNError)
  func reportMetric(_ metric: Double) throws(RNNError)
  func makeAverage() throws(RNNError) -> any AnyModel
  func setGroup(_ pattern: String, _ group: TensorGroup) throws(RNNError)
  /// What the last observed step saw.
  func observedLevels() throws(RNNError) -> [LevelObservation]
  /// [n, 3]: norms of the gradient before clipping, of the weights before the update, of the update.
  func readObservedNorms(into data: RawBuffer) throws(RNNError)
  func readGradient(_ tensor: NamedTensor, into data: RawBuffer) throws(RNNError)
  func save(to path: UnsafePointer<CChar>) throws(RNNError)
}

public protocol AnyStream: AnyObject {
  var dtype: DType { get }
  var info: StreamInfo { get }
  func prepare() throws(RNNError)
  var borrowed: BorrowedStream { get }
  func reset()
  func getState(_ state: RawBuffer) throws(Refusal)
  func setState(_ state: RawBuffer) throws(Refusal)
  func exportState(lane: Int, to bytes: RawBuffer) throws(Refusal)
  func importState(lane: Int, from bytes: RawBuffer) throws(Refusal)
  func copyState(lane: Int, to other: any AnyStream, lane otherLane: Int) throws(Refusal)
  func leave(lane: Int) throws(Refusal)
}

/// A stream that somebody else keeps alive, to be called without counting references.
public enum BorrowedStream {
  case float(Unmanaged<Stream<Float>>)
  case double(Unmanaged<Stream<Double>>)

  @inline(__always)
  public func process(steps: Int, input: RawBuffer, output: RawBuffer) -> Refusal? {
    switch self {
    case .float(let stream):
      stream._withUnsafeGuaranteedRef { $0.process(steps: steps, input: input, output: output) }
    case .double(let stream):
      stream._withUnsafeGuaranteedRef { $0.process(steps: steps, input: input, output: output) }
    }
  }
}

/// The tensor of a name. A function, not a method of the protocol: Embedded Swift cannot specialise an
/// extension of a protocol for a type it does not know.
public func tensor(named name: String, of model: any AnyModel) throws(RNNError) -> NamedTensor {
  let tensors = model.tensors
  for tensor in tensors where tensor.name.isSame(as: name) { return tensor }
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
      stateBytesPerRow: stateCountPerRow * S.dtype.bytes, format: format, weightBytes: weightBytes)
  }

  public func read(_ tensor: NamedTensor, into data: RawBuffer) throws(RNNError) {
    let target = try data.checked(
      text("data of \(tensor.name)"), S.dtype, Shape(tensor.shape), isCopied: true)
    memcpy(target, parameters.values.start + tensor.start, tensor.bytes)
  }

  private var weightBytes: Int {
    var count = 0
    for part in (try? streamedCounts()) ?? [] { count += part }
    return count * S.dtype.bytes
  }

  public func makeQuantized(_ format: WeightFormat) throws(RNNError) -> any AnyModel {
    try quantized(format)
  }

  public func write(_ tensor: NamedTensor, from data: RawBuffer) throws(RNNError) {
    try checkHasOwnWeights("to be set")
    let source = try data.checked(
      text("data of \(tensor.name)"), S.dtype, Shape(tensor.shape), isCopied: true)
    memcpy(parameters.values.start + tensor.start, source, tensor.bytes)
    parametersHaveChanged()
  }

  public func makeTrainer(
    _ options: TrainerOptions, classWeights: RawBuffer
  ) throws(RNNError) -> any AnyTrainer {
    try checkHasOwnWeights("to be trained")
    return try Trainer(self, options, Criterion(options.loss, classWeights, classes: outputSize))
  }

  public func makeStream(rows: Int, tokenType: DType, idle: Int) throws(RNNError) -> any AnyStream {
    try checkWalksForward("a stream knows no future")
    return try Stream(self, rows: rows, tokenType: tokenType, idle: idle)
  }

  public func swap(into stream: any AnyStream) throws(RNNError) {
    guard stream.dtype == S.dtype else {
      throw RNNError(.model, "model: expected \(stream.dtype.name), as the stream's, got \(S.dtype.name)")
    }
    try unsafeDowncast(stream, to: Stream<S>.self).swap(self)
  }
}

extension Trainer: AnyTrainer {
  public var anyModel: any AnyModel { model }
  public var classWeights: UnsafeMutableBufferPointer<Double> { criterion.classWeights }

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
    let target = try data.checked(
      text("data of \(tensor.name)"), S.dtype, Shape(tensor.shape), isCopied: true)
    memcpy(target, gradient(tensor).start, tensor.bytes)
  }
}

extension Stream: AnyStream {
  public var dtype: DType { S.dtype }

  public var borrowed: BorrowedStream {
    S.dtype == .float32
      ? .float(Unmanaged.passUnretained(unsafeDowncast(self, to: Stream<Float>.self)))
      : .double(Unmanaged.passUnretained(unsafeDowncast(self, to: Stream<Double>.self)))
  }

  public func copyState(lane: Int, to other: any AnyStream, lane otherLane: Int) throws(Refusal) {
    guard other.dtype == S.dtype else {
      throw Refusal(.model, "other: expected a stream of \(S.dtype), got one of \(other.dtype)")
    }
    try copyState(lane: lane, to: unsafeDowncast(other, to: Stream<S>.self), lane: otherLane)
  }
}
