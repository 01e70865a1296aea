/// Up to three sides of an array, in no memory of their own.
struct Shape {
  private let first: Int
  private let second: Int
  private let third: Int
  private let rank: Int

  init(_ first: Int) { (self.first, second, third, rank) = (first, 1, 1, 1) }
  init(_ first: Int, _ second: Int) { (self.first, self.second, third, rank) = (first, second, 1, 2) }
  init(_ first: Int, _ second: Int, _ third: Int) {
    (self.first, self.second, self.third, rank) = (first, second, third, 3)
  }

  init(_ sides: [Int]) {
    assert(sides.count <= 3)
    rank = sides.count
    first = sides[0]
    second = rank > 1 ? sides[1] : 1
    third = rank > 2 ? sides[2] : 1
  }

  var rows: Int { second }
  /// Of the innermost side, from the third on.
  var width: Int { third }
  var sides: [Int] { rank == 1 ? [first] : rank == 2 ? [first, second] : [first, second, third] }

  func count() throws(RNNError) -> Int { try Size.product(first, second, third) }
}

/// Arithmetic on sizes that come from a caller: an overflow is an error, not a trap.
enum Size {
  static func product(_ a: Int, _ b: Int) throws(RNNError) -> Int {
    let (value, overflow) = a.multipliedReportingOverflow(by: b)
    if overflow { throw tooLarge() }
    return value
  }

  static func product(_ a: Int, _ b: Int, _ c: Int, _ d: Int = 1) throws(RNNError) -> Int {
    try product(product(product(a, b), c), d)
  }

  static func sum(_ a: Int, _ b: Int) throws(RNNError) -> Int {
    let (value, overflow) = a.addingReportingOverflow(b)
    if overflow { throw tooLarge() }
    return value
  }

  static func sum(_ terms: Int...) throws(RNNError) -> Int {
    var result = 0
    for term in terms {
      result = try sum(result, term)
    }
    return result
  }

  /// BLAS counts in 32 bits: no side of a matrix may be larger.
  static func checkMatrixSide(_ side: Int, _ what: String, factor: Int = 1) throws(RNNError) {
    guard side <= Int(Int32.max) / factor else {
      throw RNNError(.argument, "\(what): expected at most \(Int(Int32.max) / factor), got \(side)")
    }
  }

  /// Steps and rows of a batch: each at least 1, and together as many rows of a matrix as BLAS counts.
  static func checkBatch(steps: Int, rows: Int) throws(RNNError) {
    for (name, side) in [("time_steps", steps), ("batch_size", rows)] {
      guard side >= 1 else { throw RNNError(.argument, "\(name): expected at least 1, got \(side)") }
      try checkMatrixSide(side, name)
    }
    guard steps <= Int(Int32.max) / rows else {
      throw RNNError(
        .argument, "time_steps * batch_size: expected at most \(Int32.max), got \(steps) * \(rows)")
    }
  }

  private static func tooLarge() -> RNNError {
    RNNError(.outOfMemory, "time_steps, batch_size, layer sizes: their product does not fit into memory")
  }
}
