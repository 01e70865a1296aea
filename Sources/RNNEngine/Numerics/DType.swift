/// The element types of buffers. Raw values are those of `rnn_dtype`.
public enum DType: Int, Sendable {
  case float32 = 0
  case float64 = 1
  case int32 = 2
  case int64 = 3

  public var bytes: Int { self == .float32 || self == .int32 ? 4 : 8 }

  public var name: String { literal.description }

  var literal: StaticString {
    switch self {
    case .float32: "float32"
    case .float64: "float64"
    case .int32: "int32"
    case .int64: "int64"
    }
  }
}
