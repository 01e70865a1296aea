/// Texts as the bytes that they are. `==` and hashing of a `String` ask for canonical forms of Unicode, which takes
/// tables of 25 KB that the library is linked without; loops over its views take code for texts of other platforms.
extension String {
  public var bytes: [UInt8] {
    @inline(never) get {
      var copy = self
      return copy.withUTF8 { [UInt8]($0) }
    }
  }

  /// Byte by byte; nil is no text.
  @inline(never)
  func isSame(as other: String?) -> Bool {
    guard var other else { return false }
    var copy = self
    return copy.withUTF8 { own in other.withUTF8 { own.elementsEqual($0) } }
  }
}
