import CPlatform

/// A counter-based generator: the same (seed, stream, index) gives the same bits, in any order, on any
/// thread. Philox4x32-10 of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3",
/// SC 2011.
public struct Philox: Sendable {
  public let seed: UInt64
  public let stream: UInt64

  public init(seed: UInt64, stream: UInt64) {
    self.seed = seed
    self.stream = stream
  }

  /// Four random words.
  @inline(__always)
  public func block(_ index: UInt64) -> SIMD4<UInt32> {
    var (x0, x1) = (UInt32(truncatingIfNeeded: index), UInt32(truncatingIfNeeded: index >> 32))
    var (x2, x3) = (UInt32(truncatingIfNeeded: stream), UInt32(truncatingIfNeeded: stream >> 32))
    var (k0, k1) = (UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
    for _ in 0..<10 {
      let p0 = x0.multipliedFullWidth(by: 0xD251_1F53)
      let p1 = x2.multipliedFullWidth(by: 0xCD9E_8D57)
      (x0, x1, x2, x3) = (p1.high ^ x1 ^ k0, p1.low, p0.high ^ x3 ^ k1, p0.low)
      k0 &+= 0x9E37_79B9
      k1 &+= 0xBB67_AE85
    }
    return SIMD4(x0, x1, x2, x3)
  }

  /// Number `index` of a sequence uniform in [0, 1), with 53 random bits.
  public func uniform(_ index: Int) -> Double {
    let words = block(UInt64(truncatingIfNeeded: index / 2))
    let (high, low) = index % 2 == 0 ? (words[0], words[1]) : (words[2], words[3])
    return Double((UInt64(high) << 32 | UInt64(low)) >> 11) * 0x1p-53
  }
}

/// The same for blocks side by side.
enum PhiloxKernel<M: Machine> {
  /// The words of `count` blocks from `index` on, where `count` is a multiple of 8.
  @inline(never)
  static func fill(
    _ random: Philox, from index: UInt64, count: Int, to words: UnsafeMutablePointer<UInt32>
  ) {
    for block in stride(from: 0, to: count, by: 8) {
      platform_philox8(
        random.seed, random.stream, index &+ UInt64(truncatingIfNeeded: block), words + 4 &* block)
    }
  }
}
