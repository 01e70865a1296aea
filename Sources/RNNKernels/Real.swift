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
  /// Adding and subtracting this rounds to the nearest integer. In between, the low bits are the exponent of 2^n.
  static var roundingShift: Self { get }
  /// E(r) of exp(r) = 1 + r + r² E(r), for |r| <= ln(2)/2. Where the series is short, by Estrin's scheme, whose terms
  /// need not wait for one another.
  static func expTail<M: Machine>(_ r: M.V, _ square: M.V, _: M.Type) -> M.V where M.S == Self
  static func tanh<M: Machine>(_ x: M.V, _: M.Type) -> M.V where M.S == Self
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
  public static var roundingShift: Float { 0x1.8p23 + 127 }

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

  /// Coefficients fitted to the least largest relative error of exp: 1.0e-7, or 1.2e-4.
  @inline(__always)
  public static func expTail<M: Machine>(_ r: M.V, _ square: M.V, _: M.Type) -> M.V where M.S == Float {
    if M.isCoarse { return M.multiplyAdd(M.V(repeating: 0.50394186), M.V(repeating: 0.16662814), r) }
    let low = M.multiplyAdd(M.V(repeating: 0.49999231), M.V(repeating: 0.16667115), r)
    let high = M.multiplyAdd(M.V(repeating: 0.04189016), M.V(repeating: 0.008312522), r)
    return M.multiplyAdd(low, square, high)
  }

  /// x P(y) / Q(y), y = x², of degrees 4 and 4, fitted up to |x| = 9: 2.1e-8 of the value, 3e-7 after roundings.
  /// Beyond, y stays and the fraction grows with x, so that bounds make it 1.
  @inline(__always)
  public static func tanh<M: Machine>(_ x: M.V, _: M.Type) -> M.V where M.S == Float {
    if M.isCoarse { return coarseTanh(x, M.self) }
    let y = M.minimum(M.V(repeating: 81), x * x)
    let square = y * y
    let p = M.multiplyAdd(
      M.multiplyAdd(M.V(repeating: 3.4940028e-3), M.V(repeating: 2.0582997e-5), y), square,
      M.V(repeating: 1.3318473e-8))
    let q = M.multiplyAdd(
      M.multiplyAdd(M.V(repeating: 2.587095e-2), M.V(repeating: 3.2830426e-4), y), square,
      M.V(repeating: 7.761759e-7))
    let start = M.multiplyAdd(M.V(repeating: 1), M.V(repeating: 0.1337969), y)
    return bounded(
      M.divide(
        M.multiplyAdd(x * start, x * square, p),
        M.multiplyAdd(M.multiplyAdd(M.V(repeating: 1), M.V(repeating: 0.46713006), y), square, q)), M.self)
  }
}

extension Float {
  /// The same of degrees 2 and 2, up to 5: 1e-4.
  @inline(__always)
  private static func coarseTanh<M: Machine>(_ x: M.V, _: M.Type) -> M.V where M.S == Float {
    let y = M.minimum(M.V(repeating: 25), x * x)
    let p = M.multiplyAdd(M.V(repeating: 0.10241737), M.V(repeating: 6.705576e-4), y)
    let q = M.multiplyAdd(M.V(repeating: 0.43543208), M.V(repeating: 0.0128198), y)
    let numerator = x * M.multiplyAdd(M.V(repeating: 0.999948), p, y)
    return bounded(M.divide(numerator, M.multiplyAdd(M.V(repeating: 1), q, y)), M.self)
  }

  /// Within [-1, 1].
  @inline(__always)
  private static func bounded<M: Machine>(_ x: M.V, _: M.Type) -> M.V where M.S == Float {
    M.minimum(M.V(repeating: 1), M.maximum(M.V(repeating: -1), x))
  }
}

extension Double: Real {
  @inline(__always)
  public static var isDouble: Bool { true }
  public static var expUnderflow: Double { -708 }
  private static var ln2High: Double { 0x1.62e42fee00000p-1 }
  private static var ln2Low: Double { 0x1.a39ef35793c76p-33 }
  public static var roundingShift: Double { 0x1.8p52 + 1023 }

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
  public static func expTail<M: Machine>(_ r: M.V, _ square: M.V, _: M.Type) -> M.V where M.S == Double {
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
    return M.multiplyAdd(M.V(repeating: 0.5), p, r)
  }

  /// m / (m + 2) with m = exp(2x) - 1, which keeps its relative accuracy near 0.
  @inline(__always)
  public static func tanh<M: Machine>(_ x: M.V, _: M.Type) -> M.V where M.S == Double {
    let parts = ExpParts<M>(x, factor: 2)
    return M.divide(parts.plus(-1), parts.plus(1))
  }
}
