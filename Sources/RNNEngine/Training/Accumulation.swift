import RNNKernels

/// The mean of the gradients of several steps, for one update by all of them.
final class Accumulation<S: Scalar> {
  let mean: Buffer<S>
  /// Gradients in the mean so far.
  var count = 0
  /// So many make an update.
  private let size: Int

  /// Throws where there is no memory.
  convenience init(size: Int, parameterCount: Int) throws(RNNError) {
    self.init(size, try Buffer(count: parameterCount))
  }

  private init(_ size: Int, _ mean: Buffer<S>) { (self.size, self.mean) = (size, mean) }

  /// Takes a gradient in. The last one, with true, becomes the mean of all; the next will be the first of others.
  func add(_ gradient: View<S>) -> Bool {
    count += 1
    if count == 1 {
      copy(gradient, to: mean.values)
    } else {
      move(mean.values, towards: gradient, by: 1 / Double(count))
    }
    guard count == size else { return false }
    copy(mean.values, to: gradient)
    count = 0
    return true
  }
}

/// x ← x + part (y - x), by the kernel of SGD: g = -y + 1 x, and x ← x - part g.
func move<S: Scalar>(_ x: View<S>, towards y: View<S>, by part: Double) {
  let negated = GradientTransform<S>(limit: .infinity, prescale: 1, scale: -1)
  let constants = SGDConstants<S>(rate: S(part), momentum: 0, nesterov: false, decay: 1, isFirstStep: false)
  forEachPart(of: x.count, work: 24) { part in
    let range = UpdateRange(
      count: part.count, parameters: x.start + part.lowerBound, gradient: y.start + part.lowerBound,
      transform: negated, first: nil, second: nil)
    S.kernels.sgd(range, constants)
  }
}
