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
    for member in members where member.key.isSame(as: key) { return member.value }
    return nil
  }

  var text: String? {
    guard case .string(let text) = self else { return nil }
    return text
  }

  var bool: Bool? {
    @inline(never) get {
      guard case .bool(let value) = self else { return nil }
      return value
    }
  }

  var elements: [JSON]? {
    @inline(never) get {
      guard case .array(let elements) = self else { return nil }
      return elements
    }
  }

  @inline(never)
  var int: Int? {
    guard case .number(let text) = self else { return nil }
    let bytes = text.bytes
    guard bytes.first == UInt8(ascii: "-") else { return uint64.flatMap { Int(exactly: $0) } }
    return Self.natural(bytes.dropFirst()).flatMap { Int(exactly: $0 &- 1) }.map { ~$0 }
  }

  @inline(never)
  var uint64: UInt64? {
    guard case .number(let text) = self else { return nil }
    return Self.natural(text.bytes[...])
  }

  /// Of decimal digits; nil if these are not all, or too many.
  private static func natural(_ digits: ArraySlice<UInt8>) -> UInt64? {
    var value: UInt64 = 0
    for digit in digits {
      guard digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9"),
        case let (tens, isTooLarge) = value.multipliedReportingOverflow(by: 10), !isTooLarge,
        case let (sum, overflow) = tens.addingReportingOverflow(UInt64(digit - UInt8(ascii: "0"))), !overflow
      else { return nil }
      value = sum
    }
    return digits.isEmpty ? nil : value
  }

  @inline(never)
  var double: Double? {
    guard case .number(let text) = self else { return nil }
    let characters = text.bytes.map { CChar(bitPattern: $0) }
    var value = 0.0
    return platform_parse_double(characters, characters.count, &value) == 0 ? nil : value
  }

  // MARK: Writing

  static func number(_ value: Int) -> JSON { .number(value.description) }
  static func number(_ value: UInt64) -> JSON { .number(value.description) }
  static func number(_ value: Double) -> JSON { .number(value.description) }

  var serialized: String { String(decoding: bytes, as: UTF8.self) }

  /// Compact text, in the order of the members.
  var bytes: [UInt8] {
    var bytes: [UInt8] = []
    write(to: &bytes)
    return bytes
  }

  private func write(to bytes: inout [UInt8]) {
    switch self {
    case .null: bytes += "null".bytes
    case .bool(let value): bytes += (value ? "true" : "false").bytes
    case .number(let text): bytes += text.bytes
    case .string(let text): Self.quote(text, to: &bytes)
    case .array(let elements): Self.list(elements, "[", "]", to: &bytes) { $0.write(to: &$1) }
    case .object(let members):
      Self.list(members, "{", "}", to: &bytes) { member, bytes in
        Self.quote(member.key, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
        member.value.write(to: &bytes)
      }
    }
  }

  private static func list<T>(
    _ elements: [T], _ first: Unicode.Scalar, _ last: Unicode.Scalar, to bytes: inout [UInt8],
    _ write: (T, inout [UInt8]) -> Void
  ) {
    bytes.append(UInt8(ascii: first))
    for index in elements.indices {
      if index > 0 { bytes.append(UInt8(ascii: ",")) }
      write(elements[index], &bytes)
    }
    bytes.append(UInt8(ascii: last))
  }

  private static func quote(_ text: String, to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "\""))
    for byte in text.bytes {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
      case UInt8(ascii: "\n"): bytes += "\\n".bytes
      case 0..<0x20: bytes += "\\u00".bytes + [hexDigit(byte >> 4), hexDigit(byte & 15)]
      default: bytes.append(byte)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }
}

/// Of a number below 16.
func hexDigit(_ value: UInt8) -> UInt8 {
  value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
}
