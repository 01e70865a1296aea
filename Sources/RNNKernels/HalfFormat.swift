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
  static func add<let columns: Int>(
    _ group: UnsafeRawPointer, _ depth: Int, _ a: UnsafeRawPointer, _ scale: Float,
    to sums: UnsafeMutablePointer<Float>, _: Columns<columns>.Type
  ) {
    let (bytes, all) = (4 &* lanes, (depth &+ 1) / 2)
    var dots = InlineArray<columns, V>(repeating: V(repeating: 0))
    for c in 0..<columns { dots[unchecked: c] = Tile<M>.load(sums, c) }
    var (weights, k) = (group, 0)
    while k < all {
      let x = a.load(fromByteOffset: 4 &* k, as: UInt32.self)
      for c in 0..<columns { dots[unchecked: c] = M.dotHalves(dots[unchecked: c], x, weights + c &* bytes) }
      weights += columns &* bytes
      k &+= 1
    }
    for c in 0..<columns { Tile<M>.store(dots[unchecked: c], sums, c) }
  }
}
