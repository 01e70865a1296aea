import RNNKernels

/// A batch after its checks: typed views, every token, length and size in range.
struct Sequence<S: Scalar> {
  let steps: Int
  let rows: Int
  let isLastStep: Bool
  let input: LayerInput<S>
  /// Valid steps of each row; nil: all.
  let lengths: Integers?
  let state: View<S>?
  let stateOut: View<S>?
  let output: View<S>?

  /// Places at which there is an output: [T, B], or [B] with a last-step head.
  var outputPlaces: Int { isLastStep ? rows : steps * rows }

  func length(_ row: Int) -> Int { lengths.map { $0[row] } ?? steps }

  func isValid(outputPlace place: Int) -> Bool {
    guard let lengths, !isLastStep else { return true }
    return place / rows < lengths[place % rows]
  }

  init(_ batch: Batch, for model: Model<S>) throws(RNNError) {
    (steps, rows, isLastStep) = (batch.steps, batch.rows, model.isLastStep)
    try Size.checkBatch(steps: batch.steps, rows: batch.rows)
    lengths = try Self.lengths(batch, minimum: model.isLastStep ? 1 : 0)
    input = try Self.input(batch, model, lengths)
    let stateShape = Shape(batch.rows, model.stateCountPerRow)
    state = batch.state.isGiven ? try batch.state.view("state", stateShape, as: S.self) : nil
    stateOut = batch.stateOut.isGiven ? try batch.stateOut.view("state_out", stateShape, as: S.self) : nil
    if let state { try Check.noNaN(state, "state", stateShape) }
    output =
      batch.output.isGiven
      ? try batch.output.view("output", model.outputShape(steps: steps, rows: rows), as: S.self) : nil
  }

  private static func lengths(_ batch: Batch, minimum: Int) throws(RNNError) -> Integers? {
    try Check.lengths(batch.lengths, "lengths", rows: batch.rows, minimum, batch.steps)
  }

  private static func input(
    _ batch: Batch, _ model: Model<S>, _ lengths: Integers?
  ) throws(RNNError) -> LayerInput<S> {
    if model.takesTokens {
      let tokens = try batch.input.integers("input", batch.tokenType, Shape(batch.steps, batch.rows))
      try Check.range(tokens, "input", limit: model.inputSize, ignoring: nil) { place in
        lengths.map { place / batch.rows < $0[place % batch.rows] } ?? true
      }
      return .tokens(tokens)
    }
    let shape = Shape(batch.steps, batch.rows, model.inputSize)
    let features = try batch.input.view("input", shape, as: S.self)
    try Check.noNaN(features, "input", shape, lengths: lengths)
    return .features(features)
  }
}

/// Checks of contents, shared by inputs and targets.
enum Check {
  @inline(never)
  static func integer(_ value: Int, _ name: String, _ lowest: Int, _ highest: Int) throws(RNNError) {
    if value >= lowest && value <= highest { return }
    throw RNNError(.argument, "\(name): expected \(lowest) to \(highest), got \(value)")
  }

  /// Lengths of sequences [B] in a range; nil if they are not given.
  static func lengths(
    _ buffer: RawBuffer, _ name: String, rows: Int, _ lowest: Int, _ highest: Int
  ) throws(RNNError) -> Integers? {
    guard buffer.isGiven else { return nil }
    let lengths = try buffer.integers(name, .int64, Shape(rows))
    for row in 0..<rows where lengths[row] < lowest || lengths[row] > highest {
      try integer(lengths[row], text("\(name)[\(row)]"), lowest, highest)
    }
    return lengths
  }

  /// Integers in 0 ..< limit, or `ignoring`, wherever `isUsed`.
  static func range(
    _ values: Integers, _ name: String, limit: Int, ignoring: Int?, isUsed: (Int) -> Bool
  ) throws(RNNError) {
    for place in 0..<values.count {
      let value = values[place]
      if value >= 0 && value < limit || value == ignoring || !isUsed(place) { continue }
      throw RNNError(
        .argument, "\(name): expected values from 0 to \(limit - 1), got \(value) at position \(place)")
    }
  }

  /// No NaN in an array of this shape; padding is not looked at.
  static func noNaN<S: Scalar>(
    _ values: View<S>, _ name: String, _ shape: Shape, lengths: Integers? = nil
  ) throws(RNNError) {
    guard containsNaN(values) else { return }
    for place in values.indices where values[place].isNaN {
      let (step, row) = (place / shape.width / shape.rows, place / shape.width % shape.rows)
      if let lengths, step >= lengths[row] { continue }
      throw RNNError(.nan, "\(name): expected numbers, got NaN at position \(place) of \(shapeText(shape))")
    }
  }
}
