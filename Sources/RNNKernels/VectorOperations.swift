import CPlatform

// The operations of each vector type: one C function each, which is one instruction. See platform.h.

extension Machine where V == SIMD4<Float> {
  @inline(__always) public static func widen(_ x: V) -> SIMD4<Double> { platform_widen_float4(x) }
  @inline(__always) public static func sum(_ x: V) -> Float { platform_sum_float4(x) }
  @inline(__always) public static func sum(_ x: SIMD4<Double>) -> Double { platform_sum_double4(x) }
  @inline(__always) public static func squareRoot(_ x: V) -> V { platform_sqrt_float4(x) }
  @inline(__always) public static func divide(_ a: V, _ b: V) -> V { platform_divide_float4(a, b) }
  @inline(__always) public static func fusedMultiplyAdd(_ sum: V, _ a: V, _ b: V) -> V {
    platform_fma_float4(sum, a, b)
  }
  @inline(__always) public static func select(_ x: V, below bound: Float, _ a: V, else b: V) -> V {
    platform_select_float4(x, V(repeating: bound), a, b)
  }
  @inline(__always) public static func maximum(_ a: V, _ b: V) -> V { platform_select_float4(b, a, a, b) }
  @inline(__always) public static func minimum(_ a: V, _ b: V) -> V { platform_select_float4(a, b, a, b) }
  @inline(__always) public static func powerOfTwo(_ shifted: V) -> V {
    platform_exponent_float4(shifted)
  }
}

extension Machine where V == SIMD8<Float> {
  @inline(__always) public static func widen(_ x: V) -> SIMD8<Double> { platform_widen_float8(x) }
  @inline(__always) public static func sum(_ x: V) -> Float { platform_sum_float8(x) }
  @inline(__always) public static func sum(_ x: SIMD8<Double>) -> Double { platform_sum_double8(x) }
  @inline(__always) public static func squareRoot(_ x: V) -> V { platform_sqrt_float8(x) }
  @inline(__always) public static func divide(_ a: V, _ b: V) -> V { platform_divide_float8(a, b) }
  @inline(__always) public static func fusedMultiplyAdd(_ sum: V, _ a: V, _ b: V) -> V {
    platform_fma_float8(sum, a, b)
  }
  @inline(__always) public static func select(_ x: V, below bound: Float, _ a: V, else b: V) -> V {
    platform_select_float8(x, V(repeating: bound), a, b)
  }
  @inline(__always) public static func maximum(_ a: V, _ b: V) -> V { platform_select_float8(b, a, a, b) }
  @inline(__always) public static func minimum(_ a: V, _ b: V) -> V { platform_select_float8(a, b, a, b) }
  @inline(__always) public static func powerOfTwo(_ shifted: V) -> V {
    platform_exponent_float8(shifted)
  }
}

extension Machine where V == SIMD16<Float> {
  @inline(__always) public static func widen(_ x: V) -> SIMD16<Double> { platform_widen_float16(x) }
  @inline(__always) public static func sum(_ x: V) -> Float { platform_sum_float16(x) }
  @inline(__always) public static func sum(_ x: SIMD16<Double>) -> Double { platform_sum_double16(x) }
  @inline(__always) public static func squareRoot(_ x: V) -> V { platform_sqrt_float16(x) }
  @inline(__always) public static func divide(_ a: V, _ b: V) -> V { platform_divide_float16(a, b) }
  @inline(__always) public static func fusedMultiplyAdd(_ sum: V, _ a: V, _ b: V) -> V {
    platform_fma_float16(sum, a, b)
  }
  @inline(__always) public static func select(_ x: V, below bound: Float, _ a: V, else b: V) -> V {
    platform_select_float16(x, V(repeating: bound), a, b)
  }
  @inline(__always) public static func maximum(_ a: V, _ b: V) -> V { platform_select_float16(b, a, a, b) }
  @inline(__always) public static func minimum(_ a: V, _ b: V) -> V { platform_select_float16(a, b, a, b) }
  @inline(__always) public static func powerOfTwo(_ shifted: V) -> V {
    platform_exponent_float16(shifted)
  }
}

extension Machine where V == SIMD2<Double> {
  @inline(__always) public static func widen(_ x: V) -> SIMD2<Double> { x }
  @inline(__always) public static func sum(_ x: V) -> Double { platform_sum_double2(x) }
  @inline(__always) public static func squareRoot(_ x: V) -> V { platform_sqrt_double2(x) }
  @inline(__always) public static func divide(_ a: V, _ b: V) -> V { platform_divide_double2(a, b) }
  @inline(__always) public static func fusedMultiplyAdd(_ sum: V, _ a: V, _ b: V) -> V {
    platform_fma_double2(sum, a, b)
  }
  @inline(__always) public static func select(_ x: V, below bound: Double, _ a: V, else b: V) -> V {
    platform_select_double2(x, V(repeating: bound), a, b)
  }
  @inline(__always) public static func maximum(_ a: V, _ b: V) -> V { platform_select_double2(b, a, a, b) }
  @inline(__always) public static func minimum(_ a: V, _ b: V) -> V { platform_select_double2(a, b, a, b) }
  @inline(__always) public static func powerOfTwo(_ shifted: V) -> V {
    platform_exponent_double2(shifted)
  }
}

extension Machine where V == SIMD4<Double> {
  @inline(__always) public static func widen(_ x: V) -> SIMD4<Double> { x }
  @inline(__always) public static func sum(_ x: V) -> Double { platform_sum_double4(x) }
  @inline(__always) public static func squareRoot(_ x: V) -> V { platform_sqrt_double4(x) }
  @inline(__always) public static func divide(_ a: V, _ b: V) -> V { platform_divide_double4(a, b) }
  @inline(__always) public static func fusedMultiplyAdd(_ sum: V, _ a: V, _ b: V) -> V {
    platform_fma_double4(sum, a, b)
  }
  @inline(__always) public static func select(_ x: V, below bound: Double, _ a: V, else b: V) -> V {
    platform_select_double4(x, V(repeating: bound), a, b)
  }
  @inline(__always) public static func maximum(_ a: V, _ b: V) -> V { platform_select_double4(b, a, a, b) }
  @inline(__always) public static func minimum(_ a: V, _ b: V) -> V { platform_select_double4(a, b, a, b) }
  @inline(__always) public static func powerOfTwo(_ shifted: V) -> V {
    platform_exponent_double4(shifted)
  }
}

extension Machine where V == SIMD8<Double> {
  @inline(__always) public static func widen(_ x: V) -> SIMD8<Double> { x }
  @inline(__always) public static func sum(_ x: V) -> Double { platform_sum_double8(x) }
  @inline(__always) public static func squareRoot(_ x: V) -> V { platform_sqrt_double8(x) }
  @inline(__always) public static func divide(_ a: V, _ b: V) -> V { platform_divide_double8(a, b) }
  @inline(__always) public static func fusedMultiplyAdd(_ sum: V, _ a: V, _ b: V) -> V {
    platform_fma_double8(sum, a, b)
  }
  @inline(__always) public static func select(_ x: V, below bound: Double, _ a: V, else b: V) -> V {
    platform_select_double8(x, V(repeating: bound), a, b)
  }
  @inline(__always) public static func maximum(_ a: V, _ b: V) -> V { platform_select_double8(b, a, a, b) }
  @inline(__always) public static func minimum(_ a: V, _ b: V) -> V { platform_select_double8(a, b, a, b) }
  @inline(__always) public static func powerOfTwo(_ shifted: V) -> V {
    platform_exponent_double8(shifted)
  }
}
