import CPlatform

// The operations of each vector type. What the generic operations of `SIMD` do lane by lane is written here for the
// concrete type, for which the compiler has one instruction.

extension Machine where V == SIMD4<Float> {
  @inline(__always) public static func widen(_ x: V) -> SIMD4<Double> { SIMD4<Double>(x) }
  @inline(__always) public static func squareRoot(_ x: V) -> V { platform_sqrt_float4(x) }
  @inline(__always) public static func fusedMultiplyAdd(_ sum: V, _ a: V, _ b: V) -> V {
    sum.addingProduct(a, b)
  }
  @inline(__always) public static func select(_ x: V, below bound: Float, _ a: V, else b: V) -> V {
    b.replacing(with: a, where: x .< V(repeating: bound))
  }
  @inline(__always) public static func maximum(_ a: V, _ b: V) -> V { b.replacing(with: a, where: a .> b) }
  @inline(__always) public static func powerOfTwo(_ n: V) -> V {
    let biased = unsafeBitCast(n + (127 + Float.roundingShift), to: SIMD4<UInt32>.self)
    return unsafeBitCast(biased &<< 23, to: V.self)
  }
}

extension Machine where V == SIMD8<Float> {
  @inline(__always) public static func widen(_ x: V) -> SIMD8<Double> { SIMD8<Double>(x) }
  @inline(__always) public static func squareRoot(_ x: V) -> V { platform_sqrt_float8(x) }
  @inline(__always) public static func fusedMultiplyAdd(_ sum: V, _ a: V, _ b: V) -> V {
    sum.addingProduct(a, b)
  }
  @inline(__always) public static func select(_ x: V, below bound: Float, _ a: V, else b: V) -> V {
    b.replacing(with: a, where: x .< V(repeating: bound))
  }
  @inline(__always) public static func maximum(_ a: V, _ b: V) -> V { b.replacing(with: a, where: a .> b) }
  @inline(__always) public static func powerOfTwo(_ n: V) -> V {
    let biased = unsafeBitCast(n + (127 + Float.roundingShift), to: SIMD8<UInt32>.self)
    return unsafeBitCast(biased &<< 23, to: V.self)
  }
}

extension Machine where V == SIMD16<Float> {
  @inline(__always) public static func widen(_ x: V) -> SIMD16<Double> { SIMD16<Double>(x) }
  @inline(__always) public static func squareRoot(_ x: V) -> V { platform_sqrt_float16(x) }
  @inline(__always) public static func fusedMultiplyAdd(_ sum: V, _ a: V, _ b: V) -> V {
    sum.addingProduct(a, b)
  }
  @inline(__always) public static func select(_ x: V, below bound: Float, _ a: V, else b: V) -> V {
    b.replacing(with: a, where: x .< V(repeating: bound))
  }
  @inline(__always) public static func maximum(_ a: V, _ b: V) -> V { b.replacing(with: a, where: a .> b) }
  @inline(__always) public static func powerOfTwo(_ n: V) -> V {
    let biased = unsafeBitCast(n + (127 + Float.roundingShift), to: SIMD16<UInt32>.self)
    return unsafeBitCast(biased &<< 23, to: V.self)
  }
}

extension Machine where V == SIMD2<Double> {
  @inline(__always) public static func widen(_ x: V) -> SIMD2<Double> { x }
  @inline(__always) public static func squareRoot(_ x: V) -> V { platform_sqrt_double2(x) }
  @inline(__always) public static func fusedMultiplyAdd(_ sum: V, _ a: V, _ b: V) -> V {
    sum.addingProduct(a, b)
  }
  @inline(__always) public static func select(_ x: V, below bound: Double, _ a: V, else b: V) -> V {
    b.replacing(with: a, where: x .< V(repeating: bound))
  }
  @inline(__always) public static func maximum(_ a: V, _ b: V) -> V { b.replacing(with: a, where: a .> b) }
  @inline(__always) public static func powerOfTwo(_ n: V) -> V {
    let biased = unsafeBitCast(n + (1023 + Double.roundingShift), to: SIMD2<UInt64>.self)
    return unsafeBitCast(biased &<< 52, to: V.self)
  }
}

extension Machine where V == SIMD4<Double> {
  @inline(__always) public static func widen(_ x: V) -> SIMD4<Double> { x }
  @inline(__always) public static func squareRoot(_ x: V) -> V { platform_sqrt_double4(x) }
  @inline(__always) public static func fusedMultiplyAdd(_ sum: V, _ a: V, _ b: V) -> V {
    sum.addingProduct(a, b)
  }
  @inline(__always) public static func select(_ x: V, below bound: Double, _ a: V, else b: V) -> V {
    b.replacing(with: a, where: x .< V(repeating: bound))
  }
  @inline(__always) public static func maximum(_ a: V, _ b: V) -> V { b.replacing(with: a, where: a .> b) }
  @inline(__always) public static func powerOfTwo(_ n: V) -> V {
    let biased = unsafeBitCast(n + (1023 + Double.roundingShift), to: SIMD4<UInt64>.self)
    return unsafeBitCast(biased &<< 52, to: V.self)
  }
}

extension Machine where V == SIMD8<Double> {
  @inline(__always) public static func widen(_ x: V) -> SIMD8<Double> { x }
  @inline(__always) public static func squareRoot(_ x: V) -> V { platform_sqrt_double8(x) }
  @inline(__always) public static func fusedMultiplyAdd(_ sum: V, _ a: V, _ b: V) -> V {
    sum.addingProduct(a, b)
  }
  @inline(__always) public static func select(_ x: V, below bound: Double, _ a: V, else b: V) -> V {
    b.replacing(with: a, where: x .< V(repeating: bound))
  }
  @inline(__always) public static func maximum(_ a: V, _ b: V) -> V { b.replacing(with: a, where: a .> b) }
  @inline(__always) public static func powerOfTwo(_ n: V) -> V {
    let biased = unsafeBitCast(n + (1023 + Double.roundingShift), to: SIMD8<UInt64>.self)
    return unsafeBitCast(biased &<< 52, to: V.self)
  }
}
