/// Why a call was refused. The message names the argument, what was expected and what came.
public struct RNNError: Error {
  public enum Code: Sendable {
    case argument, structSize, handle, shape, dtype, name, model, nan, nonFinite, outOfMemory, io, format
  }

  public let code: Code
  public let message: String

  public init(_ code: Code, _ message: Message) {
    self.code = code
    self.message = message.text
  }
}

/// A text made of pieces. Where a `String` is interpolated the compiler puts kilobytes of code; here each piece is a
/// call.
public struct Message: ExpressibleByStringInterpolation {
  public struct StringInterpolation: StringInterpolationProtocol {
    fileprivate var bytes: [UInt8] = []

    @inline(never)
    public init(literalCapacity: Int, interpolationCount: Int) { bytes.reserveCapacity(120) }

    @inline(never)
    public mutating func appendLiteral(_ literal: String) { literal.append(to: &bytes) }

    @inline(never)
    public mutating func appendInterpolation(_ piece: String) { piece.append(to: &bytes) }

    @inline(never)
    public mutating func appendInterpolation(_ number: Int) { number.description.append(to: &bytes) }

    @inline(never)
    public mutating func appendInterpolation(_ number: UInt) { number.description.append(to: &bytes) }

    @inline(never)
    public mutating func appendInterpolation(_ number: Double) { number.description.append(to: &bytes) }

    public mutating func appendInterpolation(_ number: UInt64) { appendInterpolation(UInt(number)) }
    public mutating func appendInterpolation(_ number: Int32) { appendInterpolation(Int(number)) }
    public mutating func appendInterpolation(_ number: UInt32) { appendInterpolation(Int(number)) }
    public mutating func appendInterpolation(_ number: Int64) { appendInterpolation(Int(number)) }
  }

  public let text: String

  @inline(never)
  public init(stringLiteral value: String) { text = value }

  @inline(never)
  public init(stringInterpolation: StringInterpolation) {
    text = String(decoding: stringInterpolation.bytes, as: UTF8.self)
  }
}

/// A text from its pieces, put together in little code.
public func text(_ message: Message) -> String { message.text }

/// "[64, 32, 8]"
func shapeText(_ shape: Shape) -> String { shapeText(shape.sides) }

func shapeText(_ shape: [Int]) -> String {
  var text = ""
  for (position, size) in shape.enumerated() {
    text = position == 0 ? size.description : RNNEngine.text("\(text), \(size)")
  }
  return RNNEngine.text("[\(text)]")
}
