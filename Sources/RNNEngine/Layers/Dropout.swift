import RNNKernels

/// Inverted dropout by counter: whether an element is dropped is computed from its place and forgotten,
/// so that backward finds the mask of forward without storing it. Srivastava et al. 2014.
public struct Dropout: Sendable {
  let generator: Philox
  /// Steps that lie before the first of this pass: a sequence cut into passes keeps its masks.
  let firstStep: Int

  /// y = x / (1 - p) with probability 1 - p, else 0. `site` tells the places of a network apart.
  func apply<S: Scalar>(
    _ x: View<S>, to y: View<S>, rows: Int, width: Int, probability: Double, site: Int
  ) {
    let scale = S(1 / (1 - probability))
    let first = UInt64(truncatingIfNeeded: firstStep &* rows &* width)
    forEachStretch(of: x, from: first, probability: probability, site: site) { index, words, threshold in
      let (x, y) = (x.start + index, y.start + index)
      for i in words.indices { y[i] = words[i] < threshold ? 0 : x[i] * scale }
    }
  }

  /// One mask [B, width] for all steps: 0 with the probability, else 1 / (1 - p). Gal and Ghahramani 2016.
  func fillMask<S: Scalar>(_ mask: View<S>, probability: Double, site: Int) {
    let scale = S(1 / (1 - probability))
    draw(mask, from: 0, probability: probability, site: site, hit: 0, miss: scale)
  }

  /// Masks of zoneout [T, B, width]: 1 with the probability, else 0.
  func fillZones<S: Scalar>(_ zones: View<S>, rows: Int, width: Int, probability: Double, site: Int) {
    let first = UInt64(truncatingIfNeeded: firstStep &* rows &* width)
    draw(zones, from: first, probability: probability, site: site, hit: 1, miss: 0)
  }

  /// The masks of one level of a layer, apart from those of others.
  func forLevel(_ level: Int) -> Dropout {
    let stream = generator.stream &+ UInt64(truncatingIfNeeded: level * MaskSite.count)
    return Dropout(generator: Philox(seed: generator.seed, stream: stream), firstStep: firstStep)
  }

  private func draw<S: Scalar>(
    _ values: View<S>, from first: UInt64, probability: Double, site: Int, hit: S, miss: S
  ) {
    forEachStretch(of: values, from: first, probability: probability, site: site) { index, words, threshold in
      let values = values.start + index
      for i in words.indices { values[i] = words[i] < threshold ? hit : miss }
    }
  }

  /// Calls `body(index, words, threshold)`, from several threads: of the numbers from `index` on those are hit whose word
  /// is below the threshold.
  private func forEachStretch<S: Scalar>(
    of values: View<S>, from first: UInt64, probability: Double, site: Int,
    _ body: (Int, View<UInt32>, UInt32) -> Void
  ) {
    let random = Philox(seed: generator.seed, stream: generator.stream &+ UInt64(truncatingIfNeeded: site))
    let threshold = UInt32(probability * 0x1p32)
    forEachPart(of: values.count, work: 16) { part in
      // Words of 64 blocks; a stretch may begin within the first.
      withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 256) { words in
        var index = part.lowerBound
        while index < part.upperBound {
          let place = first &+ UInt64(truncatingIfNeeded: index)
          let skipped = Int(place % 4)
          let count = min(words.count - skipped, part.upperBound - index)
          let blocks = (skipped + count + 31) / 32 * 8
          S.kernels.random(random, from: place / 4, count: blocks, to: words.start)
          body(index, words.part(skipped, count), threshold)
          index += count
        }
      }
    }
  }
}

/// The places of a level at which masks are drawn.
enum MaskSite {
  static let zone = 0
  static let cellZone = 1
  static let recurrent = 2
  static let input = 3
  static let weight = 4
  static let between = 5
  static let count = 8
}
