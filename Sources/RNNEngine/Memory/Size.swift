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
  static func checkMatrixSide(_ side: Int, _ what: String) throws(RNNError) {
    guard side <= Int(Int32.max) else {
      throw RNNError(.argument, "\(what): expected at most \(Int32.max), got \(side)")
    }
  }

  private static func tooLarge() -> RNNError {
    RNNError(.outOfMemory, "sizes: their product does not fit into memory")
  }
}
