/// Why a call was refused. The message names the argument, what was expected and what came.
public struct RNNError: Error {
  public enum Code: Sendable {
    case argument, structSize, handle, shape, dtype, name, model, nan, nonFinite, outOfMemory, io, format
  }

  public let code: Code
  public let message: String

  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }
}

/// "[64, 32, 8]"
func shapeText(_ shape: Shape) -> String { shapeText(shape.sides) }

func shapeText(_ shape: [Int]) -> String {
  var text = "["
  for (position, size) in shape.enumerated() {
    if position > 0 { text += ", " }
    text += "\(size)"
  }
  return text + "]"
}
