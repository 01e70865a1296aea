import CPlatform

/// Rows of numbers as vectors.
enum Lanes<M: Machine> {
  typealias V = M.V
  typealias S = M.S

  /// Calls `body(offset, lanes)` for every vector of a row of `count` elements: full vectors first, then the
  /// tail. Inlined twice, so that full vectors carry no test for the tail.
  @inline(__always)
  static func forEach(_ count: Int, _ body: (_ offset: Int, _ lanes: Int) -> Void) {
    let width = V.scalarCount
    var offset = 0
    while offset &+ width <= count {
      body(offset, width)
      offset &+= width
    }
    if offset < count { body(offset, count &- offset) }
  }

  /// `lanes` elements from `offset` on; the lanes beyond hold `fill`.
  @inline(__always)
  static func load(_ row: UnsafePointer<S>, _ offset: Int, _ lanes: Int, fill: S = 0) -> V {
    let start = row + offset
    if lanes == V.scalarCount { return UnsafeRawPointer(start).loadUnaligned(as: V.self) }
    var vector = V(repeating: fill)
    memcpy(&vector, start, lanes &* MemoryLayout<S>.stride)
    return vector
  }

  /// The first `lanes` lanes, to `offset` on.
  @inline(__always)
  static func store(_ vector: V, _ row: UnsafeMutablePointer<S>, _ offset: Int, _ lanes: Int) {
    let start = row + offset
    if lanes == V.scalarCount {
      UnsafeMutableRawPointer(start).storeBytes(of: vector, as: V.self)
    } else {
      withUnsafeBytes(of: vector) { _ = memcpy(start, $0.baseAddress!, lanes &* MemoryLayout<S>.stride) }
    }
  }

  /// A short row, number by number where it is no whole vector.
  @inline(__always)
  static func copy(_ source: UnsafePointer<S>, to target: UnsafeMutablePointer<S>, _ count: Int) {
    var j = 0
    while j &+ V.scalarCount <= count {
      store(load(source, j, V.scalarCount), target, j, V.scalarCount)
      j &+= V.scalarCount
    }
    while j < count {
      target[j] = source[j]
      j &+= 1
    }
  }
}
