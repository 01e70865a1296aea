import CPlatform
import RNNKernels

/// A place in a sequence of random numbers: `rnn_random`.
public struct RandomPlace: BitwiseCopyable {
  var seed: UInt64
  var stream: UInt64
  var position: UInt64

  /// The number at this place, which is the next one then.
  mutating func next() -> Double {
    defer { position &+= 1 }
    return Philox(seed: seed, stream: stream).uniform(Int(truncatingIfNeeded: position))
  }
}

/// How tokens are drawn from logits: the engine's form of `rnn_sampling`.
public struct Sampling {
  public var dtype: DType
  public var tokenType: DType
  public var rows: Int
  /// 0: the likeliest token.
  public var temperature: Double
  /// 0: all.
  public var topK: Int
  public var topP: Double

  public init(dtype: DType, tokenType: DType, rows: Int, temperature: Double, topK: Int, topP: Double) {
    (self.dtype, self.tokenType, self.rows) = (dtype, tokenType, rows)
    (self.temperature, self.topK, self.topP) = (temperature, topK, topP)
  }

  private func validate() throws(RNNError) {
    try Size.checkBatch(steps: 1, rows: rows)
    try check(temperature, "temperature", .temperature)
    try Check.integer(topK, "top_k", 0, Int(Int32.max))
    try check(topP, "top_p", .share)
  }

  /// One token for each row. Nothing is drawn unless all can be.
  @export(interface) @inline(never)
  public func draw(
    _ logits: RawBuffer, _ random: UnsafeMutablePointer<RandomPlace>?, _ tokens: RawBuffer
  ) throws(RNNError) {
    try validate()
    let width = logits.bytes / (rows * dtype.bytes)
    let numbers = try Numbers(logits, "logits", dtype, Shape(rows, max(width, 1)))
    let target = try tokens.checked("tokens", tokenType, Shape(rows))
    if temperature != 0 && random == nil {
      throw RNNError(.argument, "random: expected a pointer, got NULL")
    }
    for row in 0..<rows { try numbers.part(row * width, width).checkDistribution(row) }
    for row in 0..<rows {
      let token = token(numbers.part(row * width, width), random.map { $0 + row })
      if tokenType == .int64 {
        target.storeBytes(of: Int64(token), toByteOffset: row * 8, as: Int64.self)
      } else {
        target.storeBytes(of: Int32(truncatingIfNeeded: token), toByteOffset: row * 4, as: Int32.self)
      }
    }
  }

  private func token(_ logits: Numbers, _ random: UnsafeMutablePointer<RandomPlace>?) -> Int {
    guard temperature > 0, let random else { return logits.firstLargest() }
    var distribution = Distribution(logits, temperature: temperature)
    if topK > 0 && topK < logits.count { distribution.keep(byMass: false, Double(topK)) }
    if topP < 1 { distribution.keep(byMass: true, topP * distribution.mass()) }
    return distribution.token(random.pointee.next())
  }
}
