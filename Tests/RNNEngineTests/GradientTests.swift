import Testing

@testable import RNNEngine

/// Every layer, loss, reduction, lengths and truncation setting against central differences in float64.
@Suite struct GradientTests {
  static let bound = 1e-7

  struct Case: CustomTestStringConvertible, Sendable {
    var layers: [LayerDescription]
    var loss = Loss.Kind.crossEntropy
    var reduction = Loss.Reduction.mean
    var hasLengths = false
    var hasWeights = false
    var hasState = true
    var bptt: Int?

    var testDescription: String {
      let names = layers.map { "\($0.kind.name)x\($0.layerCount) \($0.nonlinearity.name)" }
      return names.joined(separator: "-") + " \(loss) \(reduction) lengths=\(hasLengths) "
        + "weights=\(hasWeights) bptt=\(bptt ?? 0)\(layers.last!.lastStep ? " last" : "")"
    }
  }

  static let stacks: [[LayerDescription]] = [
    [layer(.elman, 3, 4), layer(.linear, 4, 3)],
    [layer(.elman, 3, 5, layers: 2, nonlinearity: .relu), layer(.linear, 5, 2)],
    [layer(.elman, 2, 7, nonlinearity: .identity), layer(.linear, 7, 2)],
    [layer(.gru, 2, 9), layer(.linear, 9, 3)],
    [layer(.gru, 3, 4, layers: 2), layer(.linear, 4, 2, last: true)],
    [layer(.lstm, 2, 9), layer(.linear, 9, 3)],
    [layer(.lstm, 3, 4, layers: 3), layer(.linear, 4, 3, last: true)],
    [layer(.embedding, 6, 3), layer(.lstm, 3, 4), layer(.gru, 4, 5), layer(.linear, 5, 4)],
    [layer(.linear, 3, 4), layer(.elman, 4, 3)],
    [layer(.lstm, 2, 3)],
  ]

  static let cases: [Case] = stacks.flatMap { stack in
    [
      Case(layers: stack),
      Case(layers: stack, loss: .meanSquared, reduction: .sum, hasLengths: true),
      Case(layers: stack, loss: .binaryCrossEntropy, hasWeights: true, hasState: false),
      Case(layers: stack, reduction: .sum, hasLengths: true, hasWeights: true, bptt: 2),
      Case(layers: stack, loss: .meanSquared, hasLengths: true, bptt: 3),
      Case(layers: stack, loss: .binaryCrossEntropy, reduction: .sum, bptt: 1),
    ]
  }

  @Test(arguments: cases) func agreesWithCentralDifferences(_ test: Case) throws {
    let model = try Model<Double>(test.layers)
    try model.initialize(seed: 7)
    let example = makeExample(test, model)
    var options = TrainerOptions()
    (options.loss.kind, options.loss.reduction, options.bptt) = (test.loss, test.reduction, test.bptt)
    let trainer = try Trainer(model, options)
    let gradient = try trainer.gradients(example)
    let pieces = try cut(example, test, trainer)
    let differences = try centralDifferences(model) {
      try pieces.reduce(0) { $0 + (try $1.weight * trainer.loss($1.example)) }
    }
    #expect(gradient.contains { $0 != 0 })
    #expect(relativeError(gradient, differences) <= Self.bound)
  }

  private func makeExample(_ test: Case, _ model: Model<Double>) -> Example {
    let (steps, rows, outputs) = (5, 3, model.outputSize)
    var example = Example(steps: steps, rows: rows)
    if model.takesTokens {
      example.tokens = integers(steps * rows, below: model.inputSize, seed: 1)
    } else {
      example.features = numbers(steps * rows * model.inputSize, seed: 2)
    }
    let places = model.isLastStep ? rows : steps * rows
    if test.loss == .crossEntropy {
      example.labels = integers(places, below: outputs, seed: 3)
      // One label that counts for nothing.
      example.labels[places - 1] = -100
    } else {
      example.values = numbers(places * outputs, seed: 4).map { ($0 + 1) / 2 }
    }
    if test.hasLengths { example.lengths = [5, 1, 4] }
    if test.hasWeights { example.weights = numbers(places, seed: 5).map { $0 + 1.5 } }
    if test.hasState { example.state = numbers(rows * model.stateCountPerRow, seed: 6, scale: 0.5) }
    return example
  }

  /// With truncation, the pieces of which the loss is the sum, each beginning with a state that is constant.
  private func cut(
    _ example: Example, _ test: Case, _ trainer: Trainer<Double>
  ) throws -> [(example: Example, weight: Double)] {
    guard let bptt = test.bptt else { return [(example, 1)] }
    let stateCount = example.rows * trainer.model.stateCountPerRow
    let whole = Weighing(example, trainer)
    var (pieces, state) = ([(example: Example, weight: Double)](), example.state)
    for start in stride(from: 0, to: example.steps, by: bptt) {
      var piece = whole.piece(start..<min(start + bptt, example.steps))
      piece.example.state = state
      state = try piece.example.withBatch(stateCount) { _ = try trainer.evaluate($0) }
      if stateCount == 0 { state = [] }
      if piece.weight != 0 { pieces.append((piece.example, piece.weight)) }
    }
    return pieces
  }
}

/// The parts of a batch that truncation leaves, as batches of their own whose losses are sums.
private struct Weighing {
  let example: Example
  let trainer: Trainer<Double>

  init(_ example: Example, _ trainer: Trainer<Double>) {
    (self.example, self.trainer) = (example, trainer)
  }

  /// A stretch as a batch of its own; its loss times `weight` is its part of the whole.
  func piece(_ range: Range<Int>) -> (example: Example, weight: Double) {
    let (rows, model) = (example.rows, trainer.model)
    var part = Example(steps: range.count, rows: rows)
    func cut<T>(_ values: [T], width: Int) -> [T] {
      values.isEmpty ? [] : Array(values[range.lowerBound * rows * width..<range.upperBound * rows * width])
    }
    part.tokens = cut(example.tokens, width: 1)
    part.features = cut(example.features, width: model.inputSize)
    let ends = (0..<rows).map { row in example.lengths.isEmpty ? example.steps : Int(example.lengths[row]) }
    part.lengths = ends.map { Int64(min(max($0 - range.lowerBound, 0), range.count)) }
    var weights = [Double](repeating: 0, count: model.isLastStep ? rows : range.count * rows)
    for place in weights.indices {
      let row = place % rows
      let step = model.isLastStep ? ends[row] - 1 : range.lowerBound + place / rows
      guard range.contains(step), step < ends[row] else { continue }
      let whole = model.isLastStep ? row : step * rows + row
      weights[place] = example.weights.isEmpty ? 1 : example.weights[whole]
    }
    part.weights = weights
    part.labels = model.isLastStep ? example.labels : cut(example.labels, width: 1)
    part.values = model.isLastStep ? example.values : cut(example.values, width: model.outputSize)
    let counted = zip(weights.indices, weights).reduce(0.0) { sum, entry in
      !part.labels.isEmpty && part.labels[entry.0] == -100 ? sum : sum + entry.1
    }
    if model.isLastStep { part.lengths = part.lengths.map { max($0, 1) } }
    return (part, counted == 0 ? 0 : share(counted))
  }

  /// A part that is a mean over `counted` is that share of the whole mean; a sum is itself.
  private func share(_ counted: Double) -> Double {
    guard trainer.options.loss.reduction == .mean else { return 1 }
    var total = 0.0
    let places = trainer.model.isLastStep ? example.rows : example.steps * example.rows
    for place in 0..<places {
      let (step, row) = (place / example.rows, place % example.rows)
      let isPadding = !trainer.model.isLastStep && !example.lengths.isEmpty && step >= example.lengths[row]
      let isIgnored = !example.labels.isEmpty && example.labels[place] == -100
      if !isPadding && !isIgnored { total += example.weights.isEmpty ? 1 : example.weights[place] }
    }
    return counted / total
  }
}
