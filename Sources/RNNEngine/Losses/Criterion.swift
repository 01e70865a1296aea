/// A trainer's loss with the memory that it takes.
final class Criterion {
  let loss: Loss
  private let weights: Buffer<Double>
  /// Of the last batch, with CTC.
  private(set) var labels: LabelSequences?
  /// For `CTCLattice`.
  private(set) var memory: Buffer<Double>

  /// With the weights of a caller's, if they are given.
  convenience init(_ loss: Loss, _ given: RawBuffer, classes: Int) throws(RNNError) {
    let weights = try Buffer<Double>(count: given.isGiven ? classes : 0)
    if given.isGiven {
      let start = try given.checked("class_weights", .float64, Shape(classes))
      weights.values.copy(from: start.assumingMemoryBound(to: Double.self))
    }
    try self.init(loss, checked: weights)
  }

  /// With those of a checkpoint, if there are some.
  convenience init(_ loss: Loss, _ json: JSON?, classes: Int) throws(RNNError) {
    guard let elements = (json ?? .array([])).elements, elements.isEmpty || elements.count == classes else {
      throw RNNError(.argument, "class_weights: expected a list of \(classes)")
    }
    let weights = try Buffer<Double>(count: elements.isEmpty ? 0 : classes)
    for label in elements.indices { weights.values[label] = elements[label].double ?? .nan }
    try self.init(loss, checked: weights)
  }

  private convenience init(_ loss: Loss, checked weights: Buffer<Double>) throws(RNNError) {
    for weight in weights.values { try check(weight, "class_weights", .notNegative) }
    self.init(loss, weights, try Buffer(count: 0))
  }

  private init(_ loss: Loss, _ weights: Buffer<Double>, _ memory: Buffer<Double>) {
    (self.loss, self.weights, self.memory) = (loss, weights, memory)
  }

  /// Of the classes, [O]; empty: 1 each.
  var classWeights: View<Double> { weights.values }

  /// Checks what belongs to CTC, or does not.
  @inline(never)
  func take(_ batch: Batch, classes: Int) throws(RNNError) {
    if loss.kind == .ctc ? batch.weights.isGiven : batch.targetLengths.isGiven {
      let name = loss.kind == .ctc ? "weights" : "target_lengths"
      throw RNNError(.argument, "\(name): expected none with this loss, got some")
    }
    if loss.kind != .ctc { return }
    let labels = try LabelSequences(batch, classes: classes, blank: loss.blank)
    let needed = try CTCLattice.count(steps: batch.steps, labels: labels.longest)
    if memory.values.count < needed { memory = try Buffer(count: needed) }
    self.labels = labels
  }
}
