/// A machine with dot products of small numbers. See small.h.
public protocol SmallMachine: Machine where V.Scalar == Float {
  /// As many lanes of integers.
  associatedtype Ints: SIMD where Ints.Scalar == Int32

  /// Where sums of products of bytes begin, so that they end exactly: given 128 times the sums of the weights, and the
  /// sum of the magnitudes of the negative activations.
  static func firstDots(_ offsets: UnsafeRawPointer, _ negatives: Int32) -> Ints
  static func dotBytes(_ sums: Ints, _ a: Bytes, _ weights: UnsafeRawPointer) -> Ints
  static func dotHalves(_ sums: V, _ a: UInt32, _ weights: UnsafeRawPointer) -> V
  static func float(_ x: Ints) -> V
  /// The first lanes from memory, zeros behind.
  static func load(_ x: UnsafePointer<Float>, _ count: Int) -> V
  /// Lane by lane the larger, as bits, of what there is and the magnitude of x; then the largest of all lanes.
  static func largerMagnitude(_ most: Ints, _ x: V) -> Ints
  static func largest(_ most: Ints) -> Float
  /// The nearest integers of all lanes, in all forms of `Bytes`. Returns the magnitudes of the negative ones.
  static func storeBytes(_ x: V, _ target: UnsafeMutableRawPointer, _ stride: Int) -> Ints
  /// The nearest bfloat16 numbers of all lanes.
  static func storeHalves(_ x: V, _ target: UnsafeMutableRawPointer)
}

/// Four activations as bytes, and in forms that some machine wants: magnitudes, and -1 where they are negative.
public struct Bytes {
  public let values: Int32
  public let magnitudes: Int32
  public let negative: Int32

  /// At `start`, the forms `stride` bytes apart.
  @inline(__always)
  init(_ start: UnsafeRawPointer, stride: Int) {
    values = start.load(as: Int32.self)
    magnitudes = start.load(fromByteOffset: stride, as: Int32.self)
    negative = start.load(fromByteOffset: 2 &* stride, as: Int32.self)
  }
}

/// A machine that rounds every operation and has coarser functions, so that all machines give the same bits. What is
/// lost is little beside what small weights lose.
enum Plain<M: SmallMachine>: Machine {
  typealias V = M.V
  typealias Wide = M.Wide

  static var registers: Int { M.registers }
  static var isFused: Bool { false }
  static var isCoarse: Bool { true }
  @inline(__always) static func multiplyAdd(_ sum: V, _ a: V, _ b: V) -> V { sum + a * b }
  @inline(__always) static func widen(_ x: V) -> Wide { M.widen(x) }
  @inline(__always) static func sum(_ x: V) -> S { M.sum(x) }
  @inline(__always) static func sum(_ x: Wide) -> Double { M.sum(x) }
  @inline(__always) static func squareRoot(_ x: V) -> V { M.squareRoot(x) }
  @inline(__always) static func divide(_ a: V, _ b: V) -> V { M.divide(a, b) }
  @inline(__always) static func fusedMultiplyAdd(_ sum: V, _ a: V, _ b: V) -> V {
    M.fusedMultiplyAdd(sum, a, b)
  }
  @inline(__always) static func select(_ x: V, below bound: S, _ a: V, else b: V) -> V {
    M.select(x, below: bound, a, else: b)
  }
  @inline(__always) static func maximum(_ a: V, _ b: V) -> V { M.maximum(a, b) }
  @inline(__always) static func minimum(_ a: V, _ b: V) -> V { M.minimum(a, b) }
  @inline(__always) static func powerOfTwo(_ shifted: V) -> V { M.powerOfTwo(shifted) }
}
