import RNNKernels

/// One sequence of a batch by itself, in double precision.
struct RowInput {
  let steps: Int
  /// Of the beginning.
  let state: Buffer<Double>
  private let features: Buffer<Double>
  private let tokens: Buffer<Int64>
  private let takesTokens: Bool

  /// Row `row` of a batch whose input has been checked.
  init<S: Scalar>(_ sequence: Sequence<S>, row: Int, of model: Model<S>) throws(RNNError) {
    (steps, takesTokens) = (sequence.length(row), model.takesTokens)
    let (rows, width) = (sequence.rows, model.inputSize)
    features = try Buffer(count: model.takesTokens ? 0 : Size.product(steps, width))
    tokens = try Buffer(count: model.takesTokens ? steps : 0)
    state = try Buffer(count: model.stateCountPerRow)
    for t in 0..<steps {
      switch sequence.input {
      case .tokens(let all): tokens.values[t] = Int64(all[t * rows + row])
      case .features(let all):
        for j in 0..<width { features.values[t * width + j] = Double(all[(t * rows + row) * width + j]) }
      }
    }
    if let given = sequence.state { gather(given, row, rows, model) }
  }

  /// A state of all rows is [L, B, H] after [L, B, H].
  private func gather<S: Scalar>(_ given: View<S>, _ row: Int, _ rows: Int, _ model: Model<S>) {
    var place = 0
    for layer in model.layers {
      for part in layer.stateParts {
        for level in 0..<part.count {
          for j in 0..<part.width {
            state.values[place + level * part.width + j] = Double(
              given[place * rows + (level * rows + row) * part.width + j])
          }
        }
        place += part.count * part.width
      }
    }
  }

  /// Lends its memory: keep it while the batch is used.
  var batch: Batch {
    func raw<T>(_ view: View<T>) -> RawBuffer {
      RawBuffer(UnsafeMutableRawPointer(view.start), bytes: view.count * MemoryLayout<T>.stride)
    }
    let none = RawBuffer(UnsafeRawPointer?.none, bytes: 0)
    return Batch(
      steps: steps, rows: 1, input: takesTokens ? raw(tokens.values) : raw(features.values), lengths: none,
      state: none, stateOut: none, output: none, target: none, weights: none, tokenType: .int64,
      labelType: .int32)
  }
}

extension Model {
  /// The same model in double precision.
  func doubled() throws(RNNError) -> Model<Double> {
    let copy = try Model<Double>(descriptions)
    for j in parameters.values.indices { copy.parameters.values[j] = Double(parameters.values[j]) }
    copy.parametersHaveChanged()
    return copy
  }
}
