import CPlatform

#if hasFeature(Embedded)
  public typealias VectorNumber = BinaryFloatingPoint & SIMDScalar
#else
  /// Outside Embedded Swift the scalars of `SIMD` are `Codable`, and the compiler wants that said.
  public typealias VectorNumber = BinaryFloatingPoint & SIMDScalar & Codable
#endif

/// A floating-point type the library computes in, `Float` or `Double`, and what its exp is made of.
public protocol Real: VectorNumber, BitwiseCopyable, Sendable {
  static var isDouble: Bool { get }
  /// exp(x) is 0 below this argument; above it the result is a normal number.
  static var expUnderflow: Self { get }
  /// y - n ln 2 for |y| within the range of exp and n the nearest integer to y / ln 2.
  static func remainder<M: Machine>(_ y: M.V, _ n: M.V, _: M.Type) -> M.V where M.S == Self
  /// Adding and subtracting this rounds to the nearest integer.
  static var roundingShift: Self { get }
  /// exp(r) - 1 as a polynomial, for |r| <= ln(2)/2: off by less than a unit in the last place. Where it is short, by
  /// Estrin's scheme, whose terms need not wait for one another.
  static func expm1Series<M: Machine>(_ r: M.V, _: M.Type) -> M.V where M.S == Self
  /// target[k][n] = source[n][k] for a block of 4 by 4.
  static func transpose4(
    _ source: UnsafePointer<Self>, stride: Int, to target: UnsafeMutablePointer<Self>, targetStride: Int)
}

extension Float: Real {
  @inline(__always)
  public static var isDouble: Bool { false }
  public static var expUnderflow: Float { -87 }
  /// ln 2 split in two: the high part has trailing zeros, so that its product with n is exact.
  private static var ln2High: Float { 0x1.62e4p-1 }
  private static var ln2Low: Float { 0x1.7f7d1cp-20 }
  public static var roundingShift: Float { 0x1.8p23 }

  @inline(__always)
  public static func transpose4(
    _ source: UnsafePointer<Float>, stride: Int, to target: UnsafeMutablePointer<Float>, targetStride: Int
  ) {
    platform_transpose_float(source, stride, target, targetStride)
  }

  /// Where the product is not rounded, ln 2 as one number is off by 2e-9 n: half a unit in the last place of exp(20).
  @inline(__always)
  public static func remainder<M: Machine>(_ y: M.V, _ n: M.V, _: M.Type) -> M.V where M.S == Float {
    if M.isFused || M.isCoarse { return M.multiplyAdd(y, n, M.V(repeating: -0x1.62e43p-1)) }
    return M.multiplyAdd(M.multiplyAdd(y, n, M.V(repeating: -ln2High)), n, M.V(repeating: -ln2Low))
  }

  /// r + r²/2 + …, the coefficients of (exp(r) - 1) / r fitted to the least largest error: 1.3e-8.
  @inline(__always)
  public static func expm1Series<M: Machine>(_ r: M.V, _: M.Type) -> M.V where M.S == Float {
    if M.isCoarse { return coarseExpm1(r, M.self) }
    let square = r * r
    let low = M.multiplyAdd(M.V(repeating: 0.5), M.V(repeating: 0x1.5554b0p-3), r)
    let high = M.multiplyAdd(M.V(repeating: 0x1.555486p-5), M.V(repeating: 0x1.1227fep-7), r)
    let p = M.multiplyAdd(M.multiplyAdd(low, high, square), M.V(repeating: 0x1.6d990cp-10), square * square)
    return M.multiplyAdd(r, square, p)
  }
}

extension Float {
  /// r + r²/2 + r³/6 + r⁴/24: off by 5e-5 at most.
  @inline(__always)
  private static func coarseExpm1<M: Machine>(_ r: M.V, _: M.Type) -> M.V where M.S == Float {
    let square = r * r
    let p = M.multiplyAdd(M.V(repeating: 0.5), M.V(repeating: 1 / 6), r)
    return M.multiplyAdd(r, square, M.multiplyAdd(p, M.V(repeating: 1 / 24), square))
  }
}

extension Double: Real {
  @inline(__always)
  public static var isDouble: Bool { true }
  public static var expUnderflow: Double { -708 }
  private static var ln2High: Double { 0x1.62e42fee00000p-1 }
  private static var ln2Low: Double { 0x1.a39ef35793c76p-33 }
  public static var roundingShift: Double { 0x1.8p52 }

  @inline(__always)
  public static func transpose4(
    _ source: UnsafePointer<Double>, stride: Int, to target: UnsafeMutablePointer<Double>, targetStride: Int
  ) {
    platform_transpose_double(source, stride, target, targetStride)
  }

  @inline(__always)
  public static func remainder<M: Machine>(_ y: M.V, _ n: M.V, _: M.Type) -> M.V where M.S == Double {
    M.multiplyAdd(M.multiplyAdd(y, n, M.V(repeating: -ln2High)), n, M.V(repeating: -ln2Low))
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
    return M.multiplyAdd(r, p, r * r)
  }
}
