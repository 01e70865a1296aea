/// Weights as bytes, a scale for each row of W; activations as bytes, a scale for each step. Sums of their products are
/// exact.
enum ByteFormat<M: SmallMachine>: SmallFormat {
  static var format: WeightFormat { .int8 }

  /// Bytes of one form of the activations: whole vectors.
  @inline(__always)
  private static func form(_ depth: Int) -> Int { (depth &+ lanes &- 1) / lanes &* lanes }

  /// The largest magnitude becomes 127. Behind the three forms stands the sum of the magnitudes of those that are
  /// negative.
  @inline(never)
  static func store(_ x: UnsafePointer<Float>, _ depth: Int, to target: UnsafeMutableRawPointer) -> Float {
    var largest = M.Ints(repeating: 0)
    forEach(x, depth) { _, x in largest = M.largerMagnitude(largest, x) }
    let (most, form) = (M.largest(largest), form(depth))
    let inverse = V(repeating: most > 0 ? 127 / most : 0)
    var negatives = M.Ints(repeating: 0)
    forEach(x, depth) { j, x in negatives &+= M.storeBytes(x * inverse, target + j, form) }
    target.storeBytes(of: negatives.wrappedSum(), toByteOffset: 3 &* form, as: Int32.self)
    return most * (1 / 127)
  }

  /// All vectors of a row, zeros behind the last number.
  @inline(__always)
  private static func forEach(_ x: UnsafePointer<Float>, _ count: Int, _ body: (Int, V) -> Void) {
    Lanes<M>.forEach(count) { j, some in
      body(j, some == lanes ? Lanes<M>.load(x, j, lanes) : M.load(x + j, some))
    }
  }

  @inline(__always)
  static func add<let columns: Int, let groups: Int>(
    _ start: UnsafeRawPointer, _ place: SmallGroups, _ a: Activations,
    to sums: UnsafeMutablePointer<Float>, _: Groups<columns, groups>.Type
  ) {
    let (bytes, form, depth) = (4 &* lanes, form(a.depth), (a.depth &+ 3) & ~3)
    let own = start + depth &* columns &* lanes
    let negatives = a.start.load(fromByteOffset: 3 &* form, as: Int32.self)
    var dots = InlineArray<groups, InlineArray<columns, M.Ints>>(
      repeating: InlineArray(repeating: M.Ints(repeating: 0)))
    for g in 0..<groups {
      for c in 0..<columns {
        let offsets = own + (g &* place.stride &+ (2 &* c &+ 1) &* bytes)
        dots[unchecked: g][unchecked: c] = M.firstDots(offsets, negatives)
      }
    }
    var (weights, k) = (start, 0)
    while k < depth {
      let x = Bytes(a.start + k, stride: form)
      for g in 0..<groups {
        for c in 0..<columns {
          let own = weights + (g &* place.stride &+ c &* bytes)
          dots[unchecked: g][unchecked: c] = M.dotBytes(dots[unchecked: g][unchecked: c], x, own)
        }
      }
      weights += columns &* bytes
      k &+= 4
    }
    for g in 0..<groups {
      let target = sums + g &* place.sumStride
      for c in 0..<columns {
        let scales = (own + (g &* place.stride &+ 2 &* c &* bytes)).loadUnaligned(as: V.self) * a.scale
        Tile<M>.store(
          Tile<M>.load(target, c) + M.float(dots[unchecked: g][unchecked: c]) * scales, target, c)
      }
    }
  }
}
