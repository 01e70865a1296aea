import RNNKernels

/// Derivatives of a function of a trajectory's states and of m tangents that went along with them, on the way back
/// through time. Row 0 of [1 + m, n] belongs to the state, the others to the tangents.
final class Cotangents {
  private let values: Buffer<Double>
  private let model: Model<Double>
  private let stages: Stages
  private let tangents: Tangents
  /// State and tangents before a step.
  private let before: Buffer<Double>
  /// Derivatives by both sums of a level.
  private let hidden: Buffer<Double>
  private let inner: Buffer<Double>
  /// What a layer reads, [1 + m, I], and derivatives by it, twice: for one after the other.
  private let input: Buffer<Double>
  private let below: Buffer<Double>
  private let scratch: Buffer<Double>

  var ofTangents: View<Double> {
    values.values.part(tangents.size, values.values.count - tangents.size)
  }
  private var rows: Int { 1 + tangents.count }

  /// The tangents must keep their sums.
  init(_ trajectory: Trajectory, _ tangents: Tangents) throws(RNNError) {
    (model, stages, self.tangents) = (trajectory.model, trajectory.stages, tangents)
    let rows = 1 + tangents.count
    let side = max(stages.widest, stages.mostSums, rows)
    values = try Buffer(count: Size.product(rows, tangents.size))
    before = try Buffer(count: Size.product(rows, tangents.size))
    hidden = try Buffer(count: Size.product(rows, stages.mostSums))
    inner = try Buffer(count: Size.product(rows, stages.mostSums))
    input = try Buffer(count: Size.product(rows, stages.widest))
    below = try Buffer(count: Size.product(2, rows, stages.widest))
    scratch = try Buffer(count: matmulScratch(columns: side, depth: side))
  }

  /// Back through step t, which takes `bases` [m, n] to what the tangents are now. Adds to the parameters' gradient.
  func pull(
    through t: Int, _ trajectory: Trajectory, from bases: View<Double>, to gradient: View<Double>
  ) {
    before.values.part(tangents.size, bases.count).copy(from: bases.start)
    var signal: Matrix<Double>?
    for index in stages.all.indices.reversed() {
      let (pass, step) = trajectory.pass(index, through: t)
      let part = model.layerPart(index, of: gradient)
      switch stages.all[index] {
      case .recurrent(let layer, let places):
        guard let context = Recurrent<Double>.Context(layer, pass) else { return }
        for k in (0..<layer.depth).reversed() {
          let input = input(of: index, level: k, context.input(k), step)
          let below = index + k == 0 ? nil : other(than: signal, rows: input.rows, columns: input.columns)
          let level = level(layer, places[k], input, below)
          if let given = signal { level.output.add(given) }
          let numbers = numbers(level, k, context, step)
          layer.pull(level, numbers, k, context, to: part)
          signal = below
        }
      case .linear:
        if let given = signal { signal = pullLinear(given, index, pass, step, to: part) }
      case .embedding:
        if let given = signal { pullEmbedding(given, pass, step, to: part) }
      }
    }
  }

  private func level(
    _ layer: Recurrent<Double>, _ place: LevelPlace, _ input: Matrix<Double>, _ below: Matrix<Double>?
  ) -> LevelCotangents {
    let states = Matrix(before.values, rows: rows, columns: tangents.size)
    let derivatives = Matrix(values.values, rows: rows, columns: tangents.size)
    let (hasCell, sums) = (layer.cell.hasCellState, tangents.level(layer, place, input: nil))
    func gates(_ buffer: Buffer<Double>) -> Matrix<Double> {
      Matrix(buffer.values.part(0, rows * layer.gateWidth), rows: rows, columns: layer.gateWidth)
    }
    return LevelCotangents(
      previousOutput: place.part(0, of: states), previousCell: hasCell ? place.part(1, of: states) : nil,
      input: input, hiddenSums: sums.hiddenSums, inputSums: sums.inputSums,
      output: place.part(0, of: derivatives), cell: hasCell ? place.part(1, of: derivatives) : nil,
      hidden: gates(hidden), inner: gates(layer.cell.hasCandidate ? inner : hidden), below: below,
      scratch: scratch.values)
  }

  /// The activations of a step; the state before it becomes row 0.
  private func numbers(
    _ level: LevelCotangents, _ k: Int, _ context: Recurrent<Double>.Context, _ step: Int
  ) -> CellRows<Double> {
    if step == 0 { context.loadInitialState(k) }
    let (numbers, size) = (context.numbers(context.level(k), step, from: 0), level.output.columns)
    level.previousOutput.values.part(0, size).copy(from: numbers.previousOutput)
    level.previousCell?.values.part(0, size).copy(from: numbers.previousCell)
    return numbers
  }

  /// y = W x + b: dW += dyᵀ x, db += dy, dx = dy W.
  private func pullLinear(
    _ signal: Matrix<Double>, _ index: Int, _ pass: LayerPass<Double>, _ step: Int, to gradient: View<Double>
  ) -> Matrix<Double>? {
    guard case .features(let features) = pass.input else { return nil }
    let (rows, columns) = (model.descriptions[index].outputSize, model.descriptions[index].inputSize)
    let x = input(of: index, level: 0, features, step)
    let weight = Matrix(gradient.part(0, rows * columns), rows: rows, columns: columns)
    matmul(signal.transposed, x, into: weight, from: .current, scratch: scratch.values)
    for j in 0..<rows { gradient[rows * columns + j] += signal.values[j] }
    if index == 0 { return nil }
    let below = other(than: signal, rows: x.rows, columns: columns)
    let values = model.layerPart(index, of: model.parameters.values)
    matmul(
      signal, Matrix(values.part(0, rows * columns), rows: rows, columns: columns), into: below,
      scratch: scratch.values)
    return below
  }

  private func pullEmbedding(
    _ signal: Matrix<Double>, _ pass: LayerPass<Double>, _ step: Int, to gradient: View<Double>
  ) {
    guard case .tokens(let tokens) = pass.input else { return }
    let row = gradient.part(tokens[step] * signal.columns, signal.columns)
    for j in row.indices { row[j] += signal.values[j] }
  }

  // MARK: Places

  private func other(than signal: Matrix<Double>?, rows: Int, columns: Int) -> Matrix<Double> {
    let half = signal?.values.start == below.values.start ? below.values.count / 2 : 0
    return Matrix(below.values.part(half, rows * columns), rows: rows, columns: columns)
  }

  /// What a level or a linear layer reads at a step, with its tangents if it changes.
  private func input(of index: Int, level k: Int, _ values: View<Double>, _ step: Int) -> Matrix<Double> {
    let changed = k > 0 ? outputTangents(index, k - 1) : outputTangents(index - 1)
    let width = k > 0 ? model.descriptions[index].outputSize : model.descriptions[index].inputSize
    let rows = changed == nil ? 1 : rows
    let result = Matrix(input.values.part(0, rows * width), rows: rows, columns: width)
    result.values.part(0, width).copy(from: values.start + step * width)
    guard let changed else { return result }
    for row in 0..<changed.rows {
      result.values.part((1 + row) * width, width).copy(from: changed.values.start + row * changed.stride)
    }
    return result
  }

  /// Tangents [m, O] of what a layer returned; nil: it does not change.
  private func outputTangents(_ index: Int) -> Matrix<Double>? {
    if index < 0 { return nil }
    switch stages.all[index] {
    case .embedding: return nil
    case .linear: return outputTangents(index - 1).map { tangents.multiply($0, model, layer: index) }
    case .recurrent(let layer, _): return outputTangents(index, layer.depth - 1)
    }
  }

  private func outputTangents(_ index: Int, _ k: Int) -> Matrix<Double>? {
    guard case .recurrent(let layer, let places) = stages.all[index] else { return nil }
    return tangents.level(layer, places[k], input: nil).output
  }
}
