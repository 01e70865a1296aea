import RNNKernels

extension Objective {
  /// Checks targets and weights of a batch whose input has been checked.
  init(
    _ batch: Batch, _ sequence: Sequence<S>, _ criterion: Criterion, outputSize: Int
  ) throws(RNNError) {
    try criterion.take(batch, classes: outputSize)
    let (steps, rows, isLast) = (sequence.steps, sequence.rows, sequence.isLastStep)
    let places = isLast ? Shape(rows) : Shape(steps, rows)
    let lengths = sequence.isLastStep ? nil : sequence.lengths
    let targets: Targets<S>
    if criterion.loss.kind == .crossEntropy {
      let labels = try batch.target.integers("target", batch.labelType, places)
      try Check.range(labels, "target", limit: outputSize, ignoring: criterion.loss.ignoreIndex) {
        sequence.isValid(outputPlace: $0)
      }
      targets = .labels(labels)
    } else if criterion.loss.kind == .ctc {
      targets = .sequences
    } else {
      let values = try batch.target.view(
        "target", isLast ? Shape(rows, outputSize) : Shape(steps, rows, outputSize), as: S.self)
      try Check.noNaN(values, "target", Shape(isLast ? 1 : steps, rows, outputSize), lengths: lengths)
      targets = .values(values)
    }
    let weights = batch.weights.isGiven ? try batch.weights.view("weights", places, as: S.self) : nil
    if let weights { try Check.noNaN(weights, "weights", Shape(isLast ? 1 : steps, rows), lengths: lengths) }
    self.init(criterion, sequence, targets, weights: weights, width: outputSize)
  }
}
