import CPlatform

#if hasFeature(Embedded)
  public typealias VectorNumber = BinaryFloatingPoint & SIMDScalar
#else
  /// Outside Embedded Swift the scalars of `SIMD` are `Codable`, and the compiler wants that said.
  public typealias VectorNumber = BinaryFloatingPoint & SIMDScalar & Codable
#endif

/// A floating-point type the library computes in: `Float` or `Double`.
///
/// It names the vector that its kernels work on and what the kernels need beyond arithmetic. Vectors have
/// a fixed number of lanes whatever the instruction set, so that sums run in one order everywhere.
public protocol Real: VectorNumber, BitwiseCopyable, Sendable {
  associatedtype Vector: SIMD, BitwiseCopyable, Sendable where Vector.Scalar == Self
  /// As many lanes in double precision, for sums that must not lose or overflow.
  associatedtype WideVector: SIMD where WideVector.Scalar == Double

  /// exp(x) is 0 below this argument; above it the result is a normal number.
  static var expUnderflow: Self { get }
  /// ln 2 split in two: `ln2High` has trailing zeros, so that n * ln2High is exact.
  static var ln2High: Self { get }
  static var ln2Low: Self { get }
  /// Adding and subtracting this rounds to the nearest integer.
  static var roundingShift: Self { get }
  /// Taylor coefficients 1/k! of (exp(r) - 1) / r, highest first: enough that the remainder at
  /// |r| = ln(2)/2 is below half a unit in the last place.
  static func expm1Polynomial(_ r: Vector) -> Vector
  /// 2^n for integral n between the underflow of exp and 0.
  static func powerOfTwo(_ n: Vector) -> Vector

  // These stand here because the generic ones of `SIMD` compile to a loop over the lanes.
  static func squareRoot(_ x: Vector) -> Vector
  static func widen(_ x: Vector) -> WideVector
  /// sum + a · b with one rounding. Fast only where the instruction set has it.
  static func multiplyAdd(_ sum: Vector, _ a: Vector, _ b: Vector) -> Vector
  /// Lane by lane `x < bound ? a : b`; `b` where x is NaN.
  static func select(_ x: Vector, below bound: Self, _ a: Vector, else b: Vector) -> Vector
  /// Lane by lane the larger; NaN where `b` is.
  static func maximum(_ a: Vector, _ b: Vector) -> Vector
}

extension Float: Real {
  public typealias Vector = SIMD8<Float>
  public typealias WideVector = SIMD8<Double>

  public static var expUnderflow: Float { -87 }
  public static var ln2High: Float { 0x1.62e4p-1 }
  public static var ln2Low: Float { 0x1.7f7d1cp-20 }
  public static var roundingShift: Float { 0x1.8p23 }

  @inline(__always)
  public static func expm1Polynomial(_ r: Vector) -> Vector {
    var p = Vector(repeating: 1 / 5040)
    p = p * r + 1 / 720
    p = p * r + 1 / 120
    p = p * r + 1 / 24
    p = p * r + 1 / 6
    p = p * r + 0.5
    return p * r + 1
  }

  @inline(__always)
  public static func powerOfTwo(_ n: Vector) -> Vector {
    let biased = unsafeBitCast(n + (127 + roundingShift), to: SIMD8<UInt32>.self)
    return unsafeBitCast(biased &<< 23, to: Vector.self)
  }

  @inline(__always)
  public static func squareRoot(_ x: Vector) -> Vector { platform_sqrt_float8(x) }

  @inline(__always)
  public static func multiplyAdd(_ sum: Vector, _ a: Vector, _ b: Vector) -> Vector {
    sum.addingProduct(a, b)
  }

  @inline(__always)
  public static func widen(_ x: Vector) -> WideVector { WideVector(x) }

  @inline(__always)
  public static func select(_ x: Vector, below bound: Float, _ a: Vector, else b: Vector) -> Vector {
    b.replacing(with: a, where: x .< Vector(repeating: bound))
  }

  @inline(__always)
  public static func maximum(_ a: Vector, _ b: Vector) -> Vector {
    b.replacing(with: a, where: a .> b)
  }
}

extension Double: Real {
  public typealias Vector = SIMD4<Double>
  public typealias WideVector = SIMD4<Double>

  public static var expUnderflow: Double { -708 }
  public static var ln2High: Double { 0x1.62e42fee00000p-1 }
  public static var ln2Low: Double { 0x1.a39ef35793c76p-33 }
  public static var roundingShift: Double { 0x1.8p52 }

  @inline(__always)
  public static func expm1Polynomial(_ r: Vector) -> Vector {
    var p = Vector(repeating: 1 / 6_227_020_800)
    p = p * r + 1 / 479_001_600
    p = p * r + 1 / 39_916_800
    p = p * r + 1 / 3_628_800
    p = p * r + 1 / 362_880
    p = p * r + 1 / 40320
    p = p * r + 1 / 5040
    p = p * r + 1 / 720
    p = p * r + 1 / 120
    p = p * r + 1 / 24
    p = p * r + 1 / 6
    p = p * r + 0.5
    return p * r + 1
  }

  @inline(__always)
  public static func powerOfTwo(_ n: Vector) -> Vector {
    let biased = unsafeBitCast(n + (1023 + roundingShift), to: SIMD4<UInt64>.self)
    return unsafeBitCast(biased &<< 52, to: Vector.self)
  }

  @inline(__always)
  public static func squareRoot(_ x: Vector) -> Vector { platform_sqrt_double4(x) }

  @inline(__always)
  public static func multiplyAdd(_ sum: Vector, _ a: Vector, _ b: Vector) -> Vector {
    sum.addingProduct(a, b)
  }

  @inline(__always)
  public static func widen(_ x: Vector) -> WideVector { x }

  @inline(__always)
  public static func select(_ x: Vector, below bound: Double, _ a: Vector, else b: Vector) -> Vector {
    b.replacing(with: a, where: x .< Vector(repeating: bound))
  }

  @inline(__always)
  public static func maximum(_ a: Vector, _ b: Vector) -> Vector {
    b.replacing(with: a, where: a .> b)
  }
}
