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
    forEachNumber(x.count, from: first, probability: probability, site: site) { index, isHit in
      y[index] = isHit ? 0 : x[index] * scale
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
    forEachNumber(values.count, from: first, probability: probability, site: site) { index, isHit in
      values[index] = isHit ? hit : miss
    }
  }

  /// Calls `body(index, whether the number at its place is hit)`, from several threads.
  private func forEachNumber(
    _ count: Int, from first: UInt64, probability: Double, site: Int, _ body: (Int, Bool) -> Void
  ) {
    let random = Philox(seed: generator.seed, stream: generator.stream &+ UInt64(truncatingIfNeeded: site))
    let threshold = UInt32(probability * 0x1p32)
    forEachPart(of: count, work: 16) { part in
      var index = part.lowerBound
      while index < part.upperBound {
        let place = first &+ UInt64(truncatingIfNeeded: index)
        let words = random.block(place / 4)
        for lane in Int(place % 4)..<4 where index < part.upperBound {
          body(index, words[lane] < threshold)
          index += 1
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
