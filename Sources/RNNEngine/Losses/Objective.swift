import RNNKernels

/// The loss of one batch, L = Σ_t L^(t): which places count, with which weight, divided by what.
struct Objective<S: Scalar> {
  /// The trainer keeps it.
  unowned(unsafe) let criterion: Criterion
  private let loss: Loss
  /// Weights of the classes; empty: 1 each.
  private let classes: View<Double>
  let sequence: Sequence<S>
  let targets: Targets<S>
  /// [T, B], or [B] with a last-step head; nil: 1 each.
  let weights: View<S>?
  /// O.
  let width: Int
  /// What the sum of weighted losses is divided by: 1 for a sum; 0 when nothing counts.
  private(set) var divisor = 1.0

  @inline(never)
  init(
    _ criterion: Criterion, _ sequence: Sequence<S>, _ targets: Targets<S>, weights: View<S>?, width: Int
  ) {
    self.criterion = criterion
    (loss, classes) = (criterion.loss, criterion.classWeights)
    self.sequence = sequence
    self.targets = targets
    self.weights = weights
    self.width = width
    if loss.reduction == .mean { divisor = total() }
  }

  /// The sum of the weights of what counts.
  private func total() -> Double {
    if case .sequences = targets { return Double(sequence.rows) }
    var total = 0.0
    for place in 0..<sequence.outputPlaces {
      let weight = weight(place)
      if weight == 0 { continue }
      if case .labels(let labels) = targets {
        total += weight * (classes.isEmpty ? 1 : classes[labels[place]])
      } else {
        total += weight * Double(width)
      }
    }
    return total
  }

  /// Padding and ignored labels weigh nothing.
  private func weight(_ place: Int) -> Double {
    guard sequence.isValid(outputPlace: place) else { return 0 }
    if case .labels(let labels) = targets, labels[place] == loss.ignoreIndex { return 0 }
    return weights.map { Double($0[place]) } ?? 1
  }

  /// `sum` and the part of the loss that falls on a stretch of steps, and its gradient by the outputs.
  /// `outputs` and `gradient` hold the stretch, [steps, B, O], or [B, O] with a last-step head, of which the
  /// rows that end in the stretch count. `rowLosses` has room for one number a row.
  @inline(never)
  func evaluate(
    _ stretch: Range<Int>, outputs: View<S>, gradient: View<S>?, rowLosses: View<Double>, adding sum: Double
  ) -> Double {
    let count = outputs.count / width
    if case .sequences = targets {
      CTC(self, Numbers(outputs), gradient.map { Numbers($0) }).evaluate(rowLosses.part(0, count))
    } else {
      ThreadPool.split(count, work: 64 + 2 * width) { rows in
        for row in rows { rowLosses[row] = evaluate(stretch, row: row, outputs, gradient) }
      }
    }
    var sum = sum
    for row in 0..<count { sum += rowLosses[row] }
    return sum
  }

  @inline(never)
  private func evaluate(_ stretch: Range<Int>, row: Int, _ outputs: View<S>, _ gradient: View<S>?) -> Double {
    let place = row + (sequence.isLastStep ? 0 : stretch.lowerBound * sequence.rows)
    let rowGradient = gradient?.part(row * width, width)
    let weight = divisor == 0 ? 0 : weight(place, in: stretch) / divisor
    if weight == 0 {
      rowGradient?.clear()
      return 0
    }
    let output = outputs.part(row * width, width)
    return weight
      * loss.evaluate(
        output, targets, classes: classes, place: place, weight: weight, gradient: rowGradient)
  }

  private func weight(_ place: Int, in stretch: Range<Int>) -> Double {
    if sequence.isLastStep && !stretch.contains(sequence.length(place) - 1) { return 0 }
    return weight(place)
  }
}
