import CPlatform
import RNNKernels

/// Memory of a caller, with its size in bytes. `start` is nil when it was not given.
public struct RawBuffer {
  public let start: UnsafeMutableRawPointer?
  public let bytes: Int

  public init(_ start: UnsafeMutableRawPointer?, bytes: Int) {
    self.start = start
    self.bytes = bytes
  }

  public init(_ start: UnsafeRawPointer?, bytes: Int) {
    self.init(UnsafeMutableRawPointer(mutating: start), bytes: bytes)
  }

  public var isGiven: Bool { start != nil }

  /// Checks that the buffer holds exactly `shape` elements of `dtype`, aligned unless it is only copied.
  func checked(
    _ name: String, _ dtype: DType, _ shape: Shape, isCopied: Bool = false
  ) throws(RNNError) -> UnsafeMutableRawPointer {
    guard let start else {
      throw RNNError(.argument, "\(name): expected \(dtype.name) \(shapeText(shape)), got NULL")
    }
    let expected = try Size.product(shape.count(), dtype.bytes)
    guard bytes == expected else {
      throw RNNError(
        .shape,
        "\(name): expected \(expected) bytes, \(dtype.name) \(shapeText(shape)), got \(UInt(bitPattern: bytes)) bytes"
      )
    }
    guard isCopied || Int(bitPattern: start) % dtype.bytes == 0 else {
      throw RNNError(
        .argument, "\(name): expected an address that is a multiple of \(dtype.bytes), got another")
    }
    return start
  }

  /// The same as numbers of the model's type.
  func view<S: Scalar>(_ name: String, _ shape: Shape, as _: S.Type) throws(RNNError) -> View<S> {
    let start = try checked(name, S.dtype, shape)
    return View(start: start.assumingMemoryBound(to: S.self), count: bytes / MemoryLayout<S>.stride)
  }

  /// Copies numbers out.
  public func write(_ numbers: UnsafeBufferPointer<Double>, _ name: String) throws(RNNError) {
    let target = try checked(name, .float64, Shape(numbers.count), isCopied: true)
    if let start = numbers.baseAddress { memcpy(target, start, numbers.count * DType.float64.bytes) }
  }

  func integers(_ name: String, _ dtype: DType, _ shape: Shape) throws(RNNError) -> Integers {
    guard dtype == .int32 || dtype == .int64 else {
      throw RNNError(.dtype, "\(name): expected int32 or int64, got \(dtype.name)")
    }
    let start = try checked(name, dtype, shape)
    return Integers(base: UnsafeRawPointer(start), isWide: dtype == .int64, count: bytes / dtype.bytes)
  }
}

/// A batch as it comes from the caller: the engine's form of `rnn_batch`, nothing of it checked.
public struct Batch {
  public var steps: Int
  public var rows: Int
  public var input: RawBuffer
  public var lengths: RawBuffer
  public var state: RawBuffer
  public var stateOut: RawBuffer
  public var output: RawBuffer
  public var target: RawBuffer
  public var weights: RawBuffer
  public var tokenType: DType
  public var labelType: DType
  /// Whether a trainer keeps what it sees of the gradient on its way back.
  public var observes = false
  /// Of CTC: labels of each row.
  public var targetLengths = RawBuffer(nil as UnsafeRawPointer?, bytes: 0)

  public init(
    steps: Int, rows: Int, input: RawBuffer, lengths: RawBuffer, state: RawBuffer, stateOut: RawBuffer,
    output: RawBuffer, target: RawBuffer, weights: RawBuffer, tokenType: DType, labelType: DType
  ) {
    self.steps = steps
    self.rows = rows
    self.input = input
    self.lengths = lengths
    self.state = state
    self.stateOut = stateOut
    self.output = output
    self.target = target
    self.weights = weights
    self.tokenType = tokenType
    self.labelType = labelType
  }
}
