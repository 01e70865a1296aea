/// Arithmetic on sizes that come from a caller: an overflow is an error, not a trap.
enum Size {
  static func product(_ factors: Int...) throws(RNNError) -> Int {
    var result = 1
    for factor in factors {
      let (value, overflow) = result.multipliedReportingOverflow(by: factor)
      if overflow { throw tooLarge() }
      result = value
    }
    return result
  }

  static func sum(_ terms: Int...) throws(RNNError) -> Int {
    var result = 0
    for term in terms {
      let (value, overflow) = result.addingReportingOverflow(term)
      if overflow { throw tooLarge() }
      result = value
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
