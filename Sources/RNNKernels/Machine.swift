/// A kind of processor, for numbers of one type. Kernels are generic over it: each module of an instruction set
/// compiles them for its own machines.
///
/// Naming the machine in every kernel also keeps symbols apart: specialisations for two instruction sets must not
/// have one name, or a linker could put one in the other's place. So everything that a kernel calls is either
/// generic over the machine too or always inlined.
public protocol Machine {
  /// The vector that fills a register.
  associatedtype V: SIMD, BitwiseCopyable, Sendable where V.Scalar: Real
  typealias S = V.Scalar
  /// As many lanes in double precision, for sums that must not lose or overflow.
  associatedtype Wide: SIMD where Wide.Scalar == Double

  /// Vector registers.
  static var registers: Int { get }
  /// Whether `multiplyAdd` rounds once.
  static var isFused: Bool { get }
  /// Whether functions are good to four digits only.
  static var isCoarse: Bool { get }
  /// sum + a · b, in one rounding where that is one instruction.
  static func multiplyAdd(_ sum: V, _ a: V, _ b: V) -> V

  // `VectorOperations` has these for every vector.

  static func widen(_ x: V) -> Wide
  /// Of all lanes, by halves.
  static func sum(_ x: V) -> S
  static func sum(_ x: Wide) -> Double
  static func squareRoot(_ x: V) -> V
  static func divide(_ a: V, _ b: V) -> V
  /// sum + a · b with one rounding. A call of libm for each lane where the machine has no such instruction.
  static func fusedMultiplyAdd(_ sum: V, _ a: V, _ b: V) -> V
  /// Lane by lane `x < bound ? a : b`; `b` where x is NaN.
  static func select(_ x: V, below bound: S, _ a: V, else b: V) -> V
  /// Lane by lane the larger, or the smaller; NaN where `b` is.
  static func maximum(_ a: V, _ b: V) -> V
  static func minimum(_ a: V, _ b: V) -> V
  /// 2^n from n + `roundingShift`, for integral n within the range of exp.
  static func powerOfTwo(_ shifted: V) -> V
}

extension Machine {
  @inline(__always)
  public static var isCoarse: Bool { false }
}

/// A machine with fused multiply-add.
public protocol FusedMachine: Machine {}

extension FusedMachine {
  @inline(__always)
  public static var isFused: Bool { true }

  @inline(__always)
  public static func multiplyAdd(_ sum: V, _ a: V, _ b: V) -> V { fusedMultiplyAdd(sum, a, b) }
}

/// What every machine of the architecture has: SSE2 on x86-64, NEON on arm64.
#if arch(arm64)
  public protocol BaselineMachine: FusedMachine {}

  extension BaselineMachine {
    public static var registers: Int { 32 }
  }
#else
  public protocol BaselineMachine: Machine {}

  extension BaselineMachine {
    public static var registers: Int { 16 }

    @inline(__always)
    public static var isFused: Bool { false }

    @inline(__always)
    public static func multiplyAdd(_ sum: V, _ a: V, _ b: V) -> V { sum + a * b }
  }
#endif

public enum BaselineFloat: BaselineMachine {
  public typealias V = SIMD4<Float>
  public typealias Wide = SIMD4<Double>
}

public enum BaselineDouble: BaselineMachine {
  public typealias V = SIMD2<Double>
  public typealias Wide = SIMD2<Double>
}
