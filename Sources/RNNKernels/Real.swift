import CPlatform

#if hasFeature(Embedded)
  public typealias VectorNumber = BinaryFloatingPoint & SIMDScalar
#else
  /// Outside Embedded Swift the scalars of `SIMD` are `Codable`, and the compiler wants that said.
  public typealias VectorNumber = BinaryFloatingPoint & SIMDScalar & Codable
#endif

/// A floating-point type the library computes in, `Float` or `Double`, and what its exp is made of.
public protocol Real: VectorNumber, BitwiseCopyable, Sendable {
  /// exp(x) is 0 below this argument; above it the result is a normal number.
  static var expUnderflow: Self { get }
  /// ln 2 split in two: `ln2High` has trailing zeros, so that n * ln2High is exact.
  static var ln2High: Self { get }
  static var ln2Low: Self { get }
  /// Adding and subtracting this rounds to the nearest integer.
  static var roundingShift: Self { get }
  /// (exp(r) - 1) / r as a polynomial, for |r| <= ln(2)/2: off by less than half a unit in the last place.
  static func expm1Series<M: Machine>(_ r: M.V, _: M.Type) -> M.V where M.S == Self
  /// target[k][n] = source[n][k] for a block of 4 by 4.
  static func transpose4(
    _ source: UnsafePointer<Self>, stride: Int, to target: UnsafeMutablePointer<Self>, targetStride: Int)
}

extension Float: Real {
  public static var expUnderflow: Float { -87 }
  public static var ln2High: Float { 0x1.62e4p-1 }
  public static var ln2Low: Float { 0x1.7f7d1cp-20 }
  public static var roundingShift: Float { 0x1.8p23 }

  @inline(__always)
  public static func transpose4(
    _ source: UnsafePointer<Float>, stride: Int, to target: UnsafeMutablePointer<Float>, targetStride: Int
  ) {
    platform_transpose_float(source, stride, target, targetStride)
  }

  /// 1 + r/2 + …, its coefficients fitted to the least largest error on |r| <= ln(2)/2: 1.3e-8.
  @inline(__always)
  public static func expm1Series<M: Machine>(_ r: M.V, _: M.Type) -> M.V where M.S == Float {
    var p = M.V(repeating: 0x1.6d990cp-10)
    p = M.multiplyAdd(M.V(repeating: 0x1.1227fep-7), p, r)
    p = M.multiplyAdd(M.V(repeating: 0x1.555486p-5), p, r)
    p = M.multiplyAdd(M.V(repeating: 0x1.5554b0p-3), p, r)
    p = M.multiplyAdd(M.V(repeating: 0.5), p, r)
    return M.multiplyAdd(M.V(repeating: 1), p, r)
  }
}

extension Double: Real {
  public static var expUnderflow: Double { -708 }
  public static var ln2High: Double { 0x1.62e42fee00000p-1 }
  public static var ln2Low: Double { 0x1.a39ef35793c76p-33 }
  public static var roundingShift: Double { 0x1.8p52 }

  @inline(__always)
  public static func transpose4(
    _ source: UnsafePointer<Double>, stride: Int, to target: UnsafeMutablePointer<Double>, targetStride: Int
  ) {
    platform_transpose_double(source, stride, target, targetStride)
  }

  /// The Taylor series.
  @inline(__always)
  public static func expm1Series<M: Machine>(_ r: M.V, _: M.Type) -> M.V where M.S == Double {
    var p = M.V(repeating: 1 / 6_227_020_800)
    p = M.multiplyAdd(M.V(repeating: 1 / 479_001_600), p, r)
    p = M.multiplyAdd(M.V(repeating: 1 / 39_916_800), p, r)
    p = M.multiplyAdd(M.V(repeating: 1 / 3_628_800), p, r)
    p = M.multiplyAdd(M.V(repeating: 1 / 362_880), p, r)
    p = M.multiplyAdd(M.V(repeating: 1 / 40320), p, r)
    p = M.multiplyAdd(M.V(repeating: 1 / 5040), p, r)
    p = M.multiplyAdd(M.V(repeating: 1 / 720), p, r)
    p = M.multiplyAdd(M.V(repeating: 1 / 120), p, r)
    p = M.multiplyAdd(M.V(repeating: 1 / 24), p, r)
    p = M.multiplyAdd(M.V(repeating: 1 / 6), p, r)
    p = M.multiplyAdd(M.V(repeating: 0.5), p, r)
    return M.multiplyAdd(M.V(repeating: 1), p, r)
  }
}
