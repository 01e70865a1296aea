import Testing

@testable import RNNEngine

/// The JSON reader takes what RFC 8259 allows and refuses the rest without harm.
@Suite struct JSONTests {
  @Test(arguments: [
    "{}", "[]", "null", " [1, 2.5e-3, -0] ", #"{"a":{"b":[true,false,null,"x"]}}"#,
    #""\u00e9\n\"\\\ud83d\ude00""#,
  ]) func accepts(_ text: String) {
    #expect(JSONParser.parse(text) != nil)
  }

  @Test(arguments: [
    "", "{", "[1,", "[1 2]", "{\"a\"}", "{\"a\":}", "{a:1}", "\"open", "\"\\x\"", "\"\\u12\"", "\"\\ud800\"",
    "tru",
    "[1]]", "nul", "\"\u{01}\"", "[,]", "{,}",
  ]) func refuses(_ text: String) {
    #expect(JSONParser.parse(text) == nil)
  }

  @Test func deepNestingIsRefused() {
    let deep = String(repeating: "[", count: 100_000) + String(repeating: "]", count: 100_000)
    #expect(JSONParser.parse(deep) == nil)
  }

  /// Every prefix of a document, and every single flipped bit, is parsed or refused: nothing else.
  @Test func damagedDocumentsDoNoHarm() {
    let text = [UInt8](#"{"crc32":"00ff","layers":[{"kind":"LSTM","n":[1,-2.5e3]}],"x":"\u0041\n"}"#.utf8)
    for end in 0..<text.count {
      text[0..<end].withUnsafeBufferPointer { #expect(JSONParser.parse($0) == nil) }
    }
    for bit in 0..<text.count * 8 {
      var damaged = text
      damaged[bit / 8] ^= 1 << UInt8(bit % 8)
      _ = damaged.withUnsafeBufferPointer { JSONParser.parse($0) }
    }
  }

  @Test(arguments: [
    0, 1, -1, 0.1, 1e-3, .leastNonzeroMagnitude, .greatestFiniteMagnitude, 0.30000000000000004, 1.0 / 3,
  ])
  func numbersSurvive(_ value: Double) throws {
    let json = try #require(JSONParser.parse(JSON.number(value).serialized))
    #expect(json.double == value)
  }

  @Test func integersLoseNothing() throws {
    #expect(JSONParser.parse("18446744073709551615")?.uint64 == .max)
    #expect(JSONParser.parse("9223372036854775807")?.int == .max)
    #expect(JSONParser.parse("9223372036854775808")?.int == nil)
    #expect(JSONParser.parse("1.5")?.int == nil)
    #expect(JSONParser.parse("1-2")?.double == nil)
  }

  @Test func textSurvives() throws {
    let text = "a\"b\\c\nd\u{1}é😀"
    #expect(JSONParser.parse(JSON.string(text).serialized)?.text == text)
  }

  @Test func crcIsZlibs() {
    var crc = CRC32()
    [UInt8]("123456789".utf8).withUnsafeBytes { crc.add($0) }
    #expect(crc.digits == "cbf43926")
  }
}
