/// The CRC-32 of zlib and PNG (polynomial 0xEDB88320), a byte at a time from a table.
struct CRC32 {
  private var state: UInt32 = 0xFFFF_FFFF
  private let table: [UInt32]

  init() {
    table = (0..<256).map { index in
      var value = UInt32(index)
      for _ in 0..<8 { value = value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
      return value
    }
  }

  mutating func add(_ bytes: UnsafeRawBufferPointer) {
    for byte in bytes { state = state >> 8 ^ table[Int(UInt8(truncatingIfNeeded: state) ^ byte)] }
  }

  /// Eight hexadecimal digits.
  var digits: String {
    let digits = (0..<8).map { hexDigit(UInt8(truncatingIfNeeded: ~state >> (28 - 4 * $0)) & 15) }
    return String(decoding: digits, as: UTF8.self)
  }
}
