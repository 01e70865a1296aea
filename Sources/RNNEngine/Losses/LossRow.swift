import RNNKernels

extension Loss {
  /// The loss of one row of outputs, Σ over its elements, in double. Its gradient, times `weight`, goes to
  /// `gradient` [O].
  func evaluate<S: Scalar>(
    _ outputs: View<S>, _ targets: Targets<S>, classes: View<Double>, place: Int, weight: Double,
    gradient: View<S>?
  ) -> Double {
    let size = outputs.count
    switch targets {
    case .labels(let labels):
      if labelSmoothing > 0 || !classes.isEmpty {
        return byClass(outputs, label: labels[place], classes, weight: weight, gradient: gradient)
      }
      return S.kernels.crossEntropy(
        size: size, logits: outputs.start, label: labels[place], weight: weight, gradient: gradient?.start)
    case .values(let values):
      let row = values.part(place * size, size)
      switch kind {
      case .huber: return huber(outputs, row, weight: weight, gradient: gradient)
      case .meanSquared:
        return S.kernels.meanSquared(
          size: size, outputs: outputs.start, targets: row.start, weight: weight, gradient: gradient?.start)
      default:
        return S.kernels.binaryCrossEntropy(
          size: size, logits: outputs.start, targets: row.start, weight: weight, gradient: gradient?.start)
      }
    case .sequences: return 0
    }
  }

  @inline(never)
  private func byClass<S: Scalar>(
    _ logits: View<S>, label: Int, _ classes: View<Double>, weight: Double, gradient: View<S>?
  ) -> Double {
    let terms = ClassTerms(Numbers(logits), label: label, labelSmoothing, classes)
    let plain = S.kernels.crossEntropy(
      size: logits.count, logits: logits.start, label: label, weight: weight * terms.total,
      gradient: gradient?.start)
    if let gradient { terms.correct(Numbers(gradient), weight: weight) }
    return terms.loss(plain)
  }

  /// Huber 1964: d²/2 where |d| <= δ and δ (|d| - δ/2) beyond, d = y - t. Its derivative is d, cut into [-δ, δ].
  @inline(never)
  private func huber<S: Scalar>(
    _ outputs: View<S>, _ targets: View<S>, weight: Double, gradient: View<S>?
  ) -> Double {
    let delta = huberDelta
    var sum = 0.0
    for o in outputs.indices {
      let difference = Double(outputs[o]) - Double(targets[o])
      let cut = difference > delta ? delta : difference < -delta ? -delta : difference
      sum += cut * (difference - cut / 2)
      gradient?[o] = S(weight * cut)
    }
    return sum
  }
}
