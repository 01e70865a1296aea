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

  /// What bytes of a row are multiplied by: the largest magnitude / 127, rounded up to 17 bits, so that any of their
  /// products with it is a float exactly.
  static func scale(_ row: UnsafePointer<Float>, _ count: Int) -> Float {
    var most: Float = 0
    for k in 0..<count { most = max(most, row[k].magnitude) }
    return Float(bitPattern: ((most / 127).bitPattern &+ 127) & ~127)
  }

  static func byte(_ weight: Float, _ scale: Float) -> Int8 {
    if !(scale > 0) { return 0 }
    let quotient = (weight / scale).rounded(.toNearestOrEven)
    return Int8(max(-127, min(127, quotient.isNaN ? 0 : quotient)))
  }

  /// The high half of a float, rounded to nearest, ties to even.
  static func half(_ weight: Float) -> UInt16 {
    let bits = weight.bitPattern
    if weight.isNaN { return UInt16(truncatingIfNeeded: bits >> 16 | 0x40) }
    return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16)
  }
}
