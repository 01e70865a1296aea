import CPlatform

/// Names the instruction set that a kernel is compiled for. Kernels are generic over it so that the code of one
/// module never carries the symbol of another's: without that, a linker may keep one copy for both.
public protocol InstructionSet {}

/// What every machine of the architecture has.
public enum Baseline: InstructionSet {}

/// Rows of numbers as vectors.
enum Lanes<S: Real, I: InstructionSet> {
  /// Calls `body(offset, lanes)` for every vector of a row of `count` elements: full vectors first, then the
  /// tail. Inlined twice, so that full vectors carry no test for the tail.
  @inline(__always)
  static func forEach(_ count: Int, _ body: (_ offset: Int, _ lanes: Int) -> Void) {
    let width = S.Vector.scalarCount
    var offset = 0
    while offset &+ width <= count {
      body(offset, width)
      offset &+= width
    }
    if offset < count { body(offset, count &- offset) }
  }

  /// `lanes` elements from `offset` on; the lanes beyond hold `fill`.
  @inline(__always)
  static func load(_ row: UnsafePointer<S>, _ offset: Int, _ lanes: Int, fill: S = 0) -> S.Vector {
    let start = row + offset
    if lanes == S.Vector.scalarCount {
      return UnsafeRawPointer(start).loadUnaligned(as: S.Vector.self)
    }
    var vector = S.Vector(repeating: fill)
    memcpy(&vector, start, lanes &* MemoryLayout<S>.stride)
    return vector
  }

  /// The first `lanes` lanes, to `offset` on.
  @inline(__always)
  static func store(_ vector: S.Vector, _ row: UnsafeMutablePointer<S>, _ offset: Int, _ lanes: Int) {
    let start = row + offset
    if lanes == S.Vector.scalarCount {
      UnsafeMutableRawPointer(start).storeBytes(of: vector, as: S.Vector.self)
    } else {
      withUnsafeBytes(of: vector) { _ = memcpy(start, $0.baseAddress!, lanes &* MemoryLayout<S>.stride) }
    }
  }
}
