import RNNKernels

/// Penalties on the activations of the last recurrent layer, Merity, McCann and Socher 2017:
///
///   α · mean of h_t²  +  β · mean of (h_t - h_{t-1})²
///
/// over the valid steps and the units; the second over the pairs of steps between two cuts of the gradient.
final class ActivationPenalty<S: Scalar> {
  /// Place in the stack.
  let layer: Int
  private let size: Int
  /// α and β.
  private let activation: Double
  private let temporal: Double
  /// Elements that the means are over.
  private var (elements, pairs) = (0.0, 0.0)
  private(set) var value = 0.0

  private init(_ layer: Int, size: Int, activation: Double, temporal: Double) {
    (self.layer, self.size, self.activation, self.temporal) = (layer, size, activation, temporal)
  }

  /// nil if nothing is asked for, or no layer is recurrent. (An initialiser that returns nil leaks in Embedded Swift.)
  static func make(
    _ stack: [LayerDescription], activation: Double, temporal: Double
  ) -> ActivationPenalty? {
    guard activation != 0 || temporal != 0, let last = stack.lastIndex(where: { $0.kind.isRecurrent }) else {
      return nil
    }
    return ActivationPenalty(last, size: stack[last].width, activation: activation, temporal: temporal)
  }

  /// Counts what the means of a batch are over.
  func begin(_ sequence: Sequence<S>, stretch: Int) {
    (elements, pairs, value) = (0, 0, 0)
    for row in 0..<sequence.rows {
      let length = sequence.length(row)
      elements += Double(length * size)
      // A stretch of n steps has n - 1 pairs.
      pairs += Double((length - (length + stretch - 1) / stretch) * size)
    }
  }

  /// Adds the gradient for h [T, B, H] of a pass to ∂L/∂h, and the penalty to `value`.
  func add(_ outputs: View<S>, _ gradient: View<S>, steps: Int, rows: Int, lengths: Lengths) {
    let width = rows * size
    for t in 0..<steps {
      for row in 0..<rows where lengths.isValid(step: t, row: row) {
        let h = outputs.part(t * width + row * size, size)
        let target = gradient.part(t * width + row * size, size)
        addSquares(h, target)
        guard t > 0 else { continue }
        addDifferences(
          outputs.part((t - 1) * width + row * size, size), h,
          gradient.part((t - 1) * width + row * size, size), target)
      }
    }
  }

  private func addSquares(_ h: View<S>, _ gradient: View<S>) {
    guard activation != 0, elements > 0 else { return }
    let weight = activation / elements
    value += weight * S.kernels.sumOfSquares(h.start, count: size, limit: .infinity)
    let factor = S(2 * weight)
    for j in 0..<size { gradient[j] += factor * h[j] }
  }

  private func addDifferences(_ earlier: View<S>, _ h: View<S>, _ below: View<S>, _ above: View<S>) {
    guard temporal != 0, pairs > 0 else { return }
    let weight = temporal / pairs
    value += weight * S.kernels.squaredDistance(h.start, earlier.start, count: size)
    let factor = S(2 * weight)
    for j in 0..<size {
      let difference = factor * (h[j] - earlier[j])
      above[j] += difference
      below[j] -= difference
    }
  }
}
