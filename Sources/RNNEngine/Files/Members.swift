/// The members of a JSON object on their way in and out, each by one small call: a list of tuples, or a chain of
/// optionals, takes several times the code.
struct MemberWriter {
  private(set) var members: [(key: String, value: JSON)] = []

  @inline(never)
  mutating func add(_ key: String, _ value: JSON) { members.append((key, value)) }

  @inline(never)
  mutating func add(_ key: String, _ value: Double) { add(key, .number(value)) }

  @inline(never)
  mutating func add(_ key: String, _ value: Int) { add(key, .number(value)) }

  @inline(never)
  mutating func add(_ key: String, _ value: Bool) { add(key, .bool(value)) }

  @inline(never)
  mutating func add(_ key: String, _ values: [Double]) {
    var elements: [JSON] = []
    for value in values { elements.append(.number(value)) }
    add(key, .array(elements))
  }
}

/// What is missing takes the value that is given for that. Without one, or where a member is of another kind, the whole
/// is not good.
struct MemberReader {
  private let json: JSON
  var isGood = true

  init(_ json: JSON) { self.json = json }

  func has(_ key: String) -> Bool { json[key] != nil }

  @inline(never)
  mutating func double(_ key: String, _ missing: Double? = nil) -> Double {
    if let value = json[key].map({ $0.double }) ?? missing { return value }
    isGood = false
    return 0
  }

  @inline(never)
  mutating func int(_ key: String, _ missing: Int? = nil) -> Int {
    if let value = json[key].map({ $0.int }) ?? missing { return value }
    isGood = false
    return 0
  }

  /// nil for 0, which means none.
  @inline(never)
  mutating func option(_ key: String, _ missing: Double? = 0) -> Double? {
    let value = double(key, missing)
    return value == 0 ? nil : value
  }

  /// At least 0, and far from the largest: a counter.
  @inline(never)
  mutating func count(_ key: String, _ missing: Int? = nil) -> Int {
    let value = int(key, missing)
    if value < 0 || value > Int.max / 2 { isGood = false }
    return value
  }

  @inline(never)
  mutating func bool(_ key: String, _ missing: Bool? = nil) -> Bool {
    if let value = json[key].map({ $0.bool }) ?? missing { return value }
    isGood = false
    return false
  }

  @inline(never)
  mutating func uint64(_ key: String) -> UInt64 {
    if let value = json[key]?.uint64 { return value }
    isGood = false
    return 0
  }

  /// Finite ones >= 0; none if it is missing.
  @inline(never)
  mutating func numbers(_ key: String) -> [Double] {
    var numbers: [Double] = []
    guard let member = json[key] else { return numbers }
    if member.elements == nil { isGood = false }
    for element in member.elements ?? [] {
      if let number = element.double, number.isFinite, number >= 0 {
        numbers.append(number)
      } else {
        isGood = false
      }
    }
    return numbers
  }
}
