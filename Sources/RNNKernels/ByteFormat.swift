/// Weights as bytes, a scale for each row of W; activations as bytes, a scale for each step. Sums of their products are
/// exact.
enum ByteFormat<M: SmallMachine>: SmallFormat {
  static var format: WeightFormat { .int8 }

  /// Bytes of one form of the activations.
  @inline(__always)
  private static func stride(_ depth: Int) -> Int { (depth &+ 3) & ~3 }

  /// The largest magnitude becomes 127. Behind the bytes stand their magnitudes and signs, then the sum of the
  /// magnitudes of those that are negative.
  @inline(never)
  static func store(_ x: UnsafePointer<Float>, _ depth: Int, to target: UnsafeMutableRawPointer) -> Float {
    let most = largestMagnitude(x, depth)
    let inverse = V(repeating: most > 0 ? 127 / most : 0)
    Lanes<M>.forEach(depth) { j, count in M.storeBytes(Lanes<M>.load(x, j, count) * inverse, target + j) }
    let (values, stride) = (target.assumingMemoryBound(to: Int8.self), stride(depth))
    for k in depth..<stride { values[k] = 0 }
    var negatives: Int32 = 0
    for k in 0..<stride {
      let (value, sign) = (values[k], values[k] &>> 7)
      values[stride &+ k] = (value ^ sign) &- sign
      values[2 &* stride &+ k] = sign
      negatives &-= Int32(value & sign)
    }
    target.storeBytes(of: negatives, toByteOffset: 3 &* stride, as: Int32.self)
    return most / 127
  }

  @inline(__always)
  private static func largestMagnitude(_ x: UnsafePointer<Float>, _ count: Int) -> Float {
    var largest = V(repeating: 0)
    Lanes<M>.forEach(count) { j, count in
      let x = Lanes<M>.load(x, j, count)
      largest = M.maximum(largest, M.maximum(x, V(repeating: 0) - x))
    }
    var most: Float = 0
    for lane in 0..<lanes { most = max(most, largest[lane]) }
    return most
  }

  @inline(__always)
  static func add<let columns: Int>(
    _ group: UnsafeRawPointer, _ depth: Int, _ a: UnsafeRawPointer, _ scale: Float,
    to sums: UnsafeMutablePointer<Float>, _: Columns<columns>.Type
  ) {
    let (bytes, stride) = (4 &* lanes, stride(depth))
    let own = group + stride &* columns &* lanes
    let negatives = a.load(fromByteOffset: 3 &* stride, as: Int32.self)
    var dots = InlineArray<columns, M.Ints>(repeating: M.Ints(repeating: 0))
    for c in 0..<columns {
      dots[unchecked: c] = M.firstDots(own + (2 &* c &+ 1) &* bytes, negatives)
    }
    var (weights, k) = (group, 0)
    while k < stride {
      let x = Bytes(a + k, stride: stride)
      for c in 0..<columns { dots[unchecked: c] = M.dotBytes(dots[unchecked: c], x, weights + c &* bytes) }
      weights += columns &* bytes
      k &+= 4
    }
    for c in 0..<columns {
      let scales = (own + 2 &* c &* bytes).loadUnaligned(as: V.self) * scale
      Tile<M>.store(Tile<M>.load(sums, c) + M.float(dots[unchecked: c]) * scales, sums, c)
    }
  }
}
