extension WeightFormat {
  /// Whether W_ih of a recurrent layer with so few inputs stays in the model's own type, for it takes no more room.
  public func keepsInput(_ inputs: Int) -> Bool {
    switch self {
    case .own: true
    case .bfloat16: inputs <= 1
    case .int8: inputs <= 3
    }
  }
}

extension WeightFormat {
  /// Inputs of a layer up to which sums are what they should be, of bytes in 32 bits.
  public var mostInputs: Int { self == .int8 ? Int(Int32.max) / (127 * 127) : Int.max }
}

/// Weights rounded to what a format holds, one by one. Rounding what has been rounded changes nothing.
public enum SmallNumbers {
  /// Rounds a row of a matrix.
  public static func round(_ row: UnsafeMutablePointer<Float>, _ count: Int, _ format: WeightFormat) {
    switch format {
    case .own: return
    case .bfloat16: for k in 0..<count { row[k] = Float(bitPattern: UInt32(half(row[k])) << 16) }
    case .int8:
      let scale = scale(row, count)
      for k in 0..<count { row[k] = Float(byte(row[k], scale)) * scale }
    }
  }

  /// What bytes of a row are multiplied by: the largest magnitude / 127, rounded to 17 bits, so that any of their
  /// products with it is a float exactly; up, where that is finite.
  static func scale(_ row: UnsafePointer<Float>, _ count: Int) -> Float {
    var most: Float = 0
    for k in 0..<count { most = max(most, row[k].magnitude) }
    let bits = (most / 127).bitPattern
    let scale = Float(bitPattern: (bits &+ 127) & ~127)
    return (127 * scale).isFinite ? scale : Float(bitPattern: bits & ~127)
  }

  static func byte(_ weight: Float, _ scale: Float) -> Int8 {
    if !(scale > 0) { return 0 }
    let quotient = (weight / scale).rounded(.toNearestOrEven)
    return Int8(max(-127, min(127, quotient.isNaN ? 0 : quotient)))
  }

  /// The high half of a float, rounded to nearest, ties to even; the largest finite one where that would be infinite.
  static func half(_ weight: Float) -> UInt16 {
    let bits = weight.bitPattern
    if weight.isNaN { return UInt16(truncatingIfNeeded: bits >> 16 | 0x40) }
    if weight.isFinite && bits & 0x7FFF_FFFF >= 0x7F7F_8000 { return UInt16(truncatingIfNeeded: bits >> 16) }
    return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16)
  }
}
