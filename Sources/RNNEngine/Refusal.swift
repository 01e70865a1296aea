import CPlatform

/// Why a real-time call was refused. The message stands where the thread keeps its last error text: to carry it along
/// would need memory.
public struct Refusal: Error {
  public let code: RNNError.Code

  @inline(never)
  public init(_ code: RNNError.Code, _ message: ThreadMessage) { self.code = code }
}

/// A message that goes, as it is put together, to the last error text of the thread. To be made only for a `Refusal`.
public struct ThreadMessage: ExpressibleByStringInterpolation {
  public struct StringInterpolation: StringInterpolationProtocol {
    @inline(never)
    public init(literalCapacity: Int, interpolationCount: Int) { platform_begin_error() }

    @inline(never)
    public mutating func appendLiteral(_ literal: StaticString) {
      let start = UnsafeRawPointer(literal.utf8Start).assumingMemoryBound(to: CChar.self)
      platform_append_error(start, literal.utf8CodeUnitCount)
    }

    @inline(never)
    public mutating func appendInterpolation(_ number: Int) { platform_append_error_number(Int64(number)) }

    public mutating func appendInterpolation(_ text: StaticString) { appendLiteral(text) }
    public mutating func appendInterpolation(_ dtype: DType) { appendLiteral(dtype.literal) }
  }

  @inline(never)
  public init(stringLiteral value: StaticString) {
    var message = StringInterpolation(literalCapacity: 0, interpolationCount: 0)
    message.appendLiteral(value)
  }

  public init(stringInterpolation: StringInterpolation) {}
}
