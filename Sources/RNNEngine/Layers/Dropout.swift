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
    let random = Philox(seed: generator.seed, stream: generator.stream &+ UInt64(truncatingIfNeeded: site))
    let threshold = UInt32(probability * 0x1p32)
    let scale = S(1 / (1 - probability))
    let first = UInt64(truncatingIfNeeded: firstStep &* rows &* width)
    var index = 0
    while index < x.count {
      let place = first &+ UInt64(truncatingIfNeeded: index)
      let words = random.block(place / 4)
      for lane in Int(place % 4)..<4 where index < x.count {
        y[index] = words[lane] < threshold ? 0 : x[index] * scale
        index += 1
      }
    }
  }
}
