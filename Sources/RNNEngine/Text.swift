/// Texts as the bytes that they are. `==` and hashing of a `String` ask for canonical forms of Unicode, which takes
/// tables of 25 KB that the library is linked without; loops over its views take code for texts of other platforms.
extension String {
  public var bytes: [UInt8] {
    @inline(never) get {
      var bytes: [UInt8] = []
      append(to: &bytes)
      return bytes
    }
  }

  /// Strings made in Swift are kept as UTF-8.
  @inline(never)
  func append(to bytes: inout [UInt8]) {
    utf8.withContiguousStorageIfAvailable { bytes.append(contentsOf: $0) }
  }

  /// Byte by byte; nil is no text.
  @inline(never)
  func isSame(as other: String?) -> Bool {
    guard let other else { return false }
    return bytes == other.bytes
  }
}
