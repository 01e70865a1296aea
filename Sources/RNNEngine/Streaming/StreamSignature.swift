import RNNKernels

/// What a stream takes, gives and keeps, and the checks of it.
struct StreamSignature<S: Scalar> {
  /// B.
  let rows: Int
  let takesTokens: Bool
  let tokenType: DType
  let inputSize: Int
  let outputSize: Int
  /// Bytes of one row of input and of output, and of all.
  let rowBytes: Int
  private let outputBytes: Int
  private let stepBytes: Int
  private let stepOutputBytes: Int
  private let inputMask: UInt
  /// Steps of a block: so many that sizes in bytes are numbers.
  private let mostSteps: Int
  /// Numbers in the state of one lane.
  let stateCount: Int
  /// What each layer computes, and a mark of it that fits into a state's bytes.
  private let layers: [LayerDescription]
  let mark: UInt32
  let format: WeightFormat

  init(_ model: Model<S>, rows: Int, tokenType: DType) {
    self.rows = rows
    (takesTokens, self.tokenType) = (model.takesTokens, tokenType)
    (inputSize, outputSize) = (model.inputSize, model.outputSize)
    rowBytes = model.takesTokens ? tokenType.bytes : model.inputSize * S.dtype.bytes
    outputBytes = model.outputSize * S.dtype.bytes
    (stepBytes, stepOutputBytes) = (rows &* rowBytes, rows &* outputBytes)
    inputMask = UInt((model.takesTokens ? tokenType.bytes : S.dtype.bytes) - 1)
    mostSteps = min(Int(Int32.max), Int.max / max(rowBytes, outputBytes)) / rows
    (format, layers) = (model.format, model.descriptions)
    (stateCount, mark) = (model.stateCountPerRow, Self.mark(model.descriptions))
  }

  /// FNV-1a over what each layer computes. Fowler, Noll and Vo.
  private static func mark(_ layers: [LayerDescription]) -> UInt32 {
    var hash: UInt32 = 2_166_136_261
    for layer in layers {
      let identity = layer.identity
      for index in 0..<identity.count {
        var number = identity[index]
        for _ in 0..<4 {
          hash = (hash ^ UInt32(number & 255)) &* 16_777_619
          number >>= 8
        }
      }
    }
    return hash
  }

  // MARK: A block of steps. First a quick look, and only if it finds something, what that is

  private var inputType: DType { takesTokens ? tokenType : S.dtype }
  /// The bits of an aligned address that are 0.
  private static var outputMask: UInt { UInt(MemoryLayout<S>.stride &- 1) }

  @inline(__always)
  func fits(_ steps: Int, _ input: RawBuffer, _ output: RawBuffer) -> Bool {
    let odd = UInt(bitPattern: input.start) & inputMask | UInt(bitPattern: output.start) & Self.outputMask
    return steps >= 1 && steps <= mostSteps && input.start != nil && output.start != nil
      && input.bytes == steps &* stepBytes && output.bytes == steps &* stepOutputBytes && odd == 0
  }

  /// Why the two do not fit.
  func misfit(_ steps: Int, _ input: RawBuffer, _ output: RawBuffer) -> Refusal {
    if steps < 1 || steps > mostSteps {
      return Refusal(.argument, "steps: expected 1 to \(mostSteps), got \(steps)")
    }
    return misfit("input", input, inputType, steps, rowBytes)
      ?? misfit("output", output, S.dtype, steps, outputBytes)
      ?? Refusal(.argument, "input: expected other addresses")
  }

  private func misfit(
    _ name: StaticString, _ buffer: RawBuffer, _ dtype: DType, _ steps: Int, _ bytes: Int
  ) -> Refusal? {
    guard let start = buffer.start else {
      return Refusal(
        .argument, "\(name): expected \(dtype) [\(steps), \(rows), \(bytes / dtype.bytes)], got NULL")
    }
    let expected = steps &* rows &* bytes
    if buffer.bytes != expected {
      return Refusal(
        .shape,
        "\(name): expected \(expected) bytes, \(dtype) [\(steps), \(rows), \(bytes / dtype.bytes)], got \(buffer.bytes) bytes"
      )
    }
    if Int(bitPattern: start) % dtype.bytes == 0 { return nil }
    return Refusal(
      .argument, "\(name): expected an address that is a multiple of \(dtype.bytes), got another")
  }

  /// Whether all tokens and numbers are such as can be computed with.
  @inline(__always)
  func isSound(_ x: UnsafeRawPointer, _ steps: Int) -> Bool {
    let count = steps &* rows &* (takesTokens ? 1 : inputSize)
    if !takesTokens { return !hasNaN(x.assumingMemoryBound(to: S.self), count) }
    for place in 0..<count where UInt(bitPattern: token(x, place)) >= UInt(bitPattern: inputSize) {
      return false
    }
    return true
  }

  /// What is wrong with the contents, if it is in an active lane.
  func fault(_ x: UnsafeRawPointer, _ steps: Int, _ lanes: LaneTable) -> Refusal? {
    let width = takesTokens ? 1 : inputSize
    for place in 0..<steps &* rows &* width where lanes.isActive(place / width % rows) {
      if !takesTokens {
        if !x.assumingMemoryBound(to: S.self)[place].isNaN { continue }
        return Refusal(
          .nan, "input: expected numbers, got NaN at position \(place) of [\(steps), \(rows), \(inputSize)]")
      }
      let token = token(x, place)
      if token >= 0 && token < inputSize { continue }
      return Refusal(
        .argument,
        "input: expected values from 0 to \(inputSize - 1), got \(token) at position \(place) of [\(steps), \(rows)]"
      )
    }
    return nil
  }

  @inline(__always)
  private func token(_ x: UnsafeRawPointer, _ place: Int) -> Int {
    tokenType == .int64
      ? Int(truncatingIfNeeded: x.load(fromByteOffset: place &* 8, as: Int64.self))
      : Int(x.load(fromByteOffset: place &* 4, as: Int32.self))
  }

  // MARK: States

  /// The states of all rows; nil if they hold nothing.
  func checkedState(_ state: RawBuffer) throws(Refusal) -> UnsafeMutablePointer<S>? {
    if let misfit = misfit("state", state, S.dtype, 1, stateCount &* S.dtype.bytes) { throw misfit }
    return stateCount == 0 ? nil : state.start?.assumingMemoryBound(to: S.self)
  }

  func checkState(_ values: UnsafeMutablePointer<S>, _ count: Int) throws(Refusal) {
    if hasNaN(values, count) { throw Refusal(.nan, "state: expected numbers, got NaN") }
  }

  // MARK: Other models

  /// Whether a model's weights can take the place of the stream's.
  func checkSame(as model: Model<S>) throws(RNNError) {
    let other = StreamSignature(model, rows: rows, tokenType: tokenType)
    guard hasLayers(of: other) else {
      throw RNNError(
        .model, "model: expected one with the layers that the stream was made for, got one with others")
    }
    guard other.format == format else {
      throw RNNError(
        .model, "model: expected weights of format \(format.name), as the stream's, got \(other.format.name)")
    }
  }
}

extension StreamSignature {
  /// Whether two streams have each other's states and weights.
  func hasLayers(of other: StreamSignature) -> Bool {
    if layers.count != other.layers.count || mark != other.mark { return false }
    for index in layers.indices where !layers[index].computesAs(other.layers[index]) { return false }
    return true
  }
}

/// A few numbers are looked at here; more by a kernel.
@inline(__always)
func hasNaN<S: Scalar>(_ values: UnsafePointer<S>, _ count: Int) -> Bool {
  if count > 16 { return S.kernels.firstNaN(values, count: count) != nil }
  for place in 0..<count where values[place].isNaN { return true }
  return false
}
