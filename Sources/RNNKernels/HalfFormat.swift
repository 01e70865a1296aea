/// Weights as bfloat16 and activations as bfloat16, summed as floats, of each pair the second first.
enum HalfFormat<M: SmallMachine>: SmallFormat {
  static var format: WeightFormat { .bfloat16 }

  /// Behind a tail its vector stores zeros.
  @inline(never)
  static func store(_ x: UnsafePointer<Float>, _ depth: Int, to target: UnsafeMutableRawPointer) -> Float {
    Lanes<M>.forEach(depth) { j, count in M.storeHalves(Lanes<M>.load(x, j, count), target + 2 &* j) }
    return 1
  }

  @inline(__always)
  static func add<let columns: Int, let groups: Int>(
    _ start: UnsafeRawPointer, _ place: SmallGroups, _ a: Activations,
    to sums: UnsafeMutablePointer<Float>, _: Groups<columns, groups>.Type
  ) {
    let (bytes, steps) = (4 &* lanes, (a.depth &+ 1) / 2)
    var dots = InlineArray<groups, InlineArray<columns, V>>(
      repeating: InlineArray(repeating: V(repeating: 0)))
    for g in 0..<groups {
      for c in 0..<columns {
        dots[unchecked: g][unchecked: c] = Tile<M>.load(sums + g &* place.sumStride, c)
      }
    }
    var (weights, k) = (start, 0)
    while k < steps {
      let x = a.start.load(fromByteOffset: 4 &* k, as: UInt32.self)
      for g in 0..<groups {
        for c in 0..<columns {
          let own = weights + (g &* place.stride &+ c &* bytes)
          dots[unchecked: g][unchecked: c] = M.dotHalves(dots[unchecked: g][unchecked: c], x, own)
        }
      }
      weights += columns &* bytes
      k &+= 1
    }
    for g in 0..<groups {
      for c in 0..<columns {
        Tile<M>.store(dots[unchecked: g][unchecked: c], sums + g &* place.sumStride, c)
      }
    }
  }
}
