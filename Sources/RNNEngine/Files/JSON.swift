import CPlatform

/// A JSON value. Numbers keep their text, so that 64-bit integers lose nothing.
enum JSON: Sendable {
  case null
  case bool(Bool)
  case number(String)
  case string(String)
  case array([JSON])
  case object([(key: String, value: JSON)])

  // MARK: Reading

  subscript(_ key: String) -> JSON? {
    guard case .object(let members) = self else { return nil }
    for member in members where member.key == key { return member.value }
    return nil
  }

  var text: String? {
    guard case .string(let text) = self else { return nil }
    return text
  }

  var bool: Bool? {
    guard case .bool(let value) = self else { return nil }
    return value
  }

  var elements: [JSON]? {
    guard case .array(let elements) = self else { return nil }
    return elements
  }

  @inline(never)
  var int: Int? {
    guard case .number(let text) = self else { return nil }
    return Int(text)
  }

  @inline(never)
  var uint64: UInt64? {
    guard case .number(let text) = self else { return nil }
    return UInt64(text)
  }

  @inline(never)
  var double: Double? {
    guard case .number(let text) = self else { return nil }
    var copy = text
    return copy.withUTF8 { bytes in
      var value = 0.0
      guard let start = bytes.baseAddress else { return nil }
      let isNumber = start.withMemoryRebound(to: CChar.self, capacity: bytes.count) {
        platform_parse_double($0, bytes.count, &value)
      }
      return isNumber == 0 ? nil : value
    }
  }

  // MARK: Writing

  static func number(_ value: Int) -> JSON { .number("\(value)") }
  static func number(_ value: UInt64) -> JSON { .number("\(value)") }
  static func number(_ value: Double) -> JSON { .number("\(value)") }

  /// Compact text, in the order of the members.
  var serialized: String {
    switch self {
    case .null: return "null"
    case .bool(let value): return value ? "true" : "false"
    case .number(let text): return text
    case .string(let text): return Self.quoted(text)
    case .array(let elements):
      var text = "["
      for (position, element) in elements.enumerated() {
        text += (position > 0 ? "," : "") + element.serialized
      }
      return text + "]"
    case .object(let members):
      var text = "{"
      for (position, member) in members.enumerated() {
        text += (position > 0 ? "," : "") + Self.quoted(member.key) + ":" + member.value.serialized
      }
      return text + "}"
    }
  }

  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      default:
        if scalar.value < 0x20 {
          let digits: [Unicode.Scalar] = [
            "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "a", "b", "c", "d", "e", "f",
          ]
          result += "\\u00"
          result.unicodeScalars.append(digits[Int(scalar.value >> 4)])
          result.unicodeScalars.append(digits[Int(scalar.value & 15)])
        } else {
          result.unicodeScalars.append(scalar)
        }
      }
    }
    return result + "\""
  }
}
