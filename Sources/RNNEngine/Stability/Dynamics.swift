import RNNKernels

/// The dynamics of a model on a caller's data. Everything is computed in double precision, whatever the model's type.
extension Model {
  /// Of one gate's recurrent matrix in a tensor weight_hh_l{k}.
  public func spectrum(_ tensor: NamedTensor, gate: Int) throws(RNNError) -> Spectrum {
    guard let first = recurrentMatrices.first(where: { tensors[$0.tensor].name.isSame(as: tensor.name) })
    else {
      throw RNNError(.argument, "name: expected a tensor weight_hh_l{k}, got \(tensor.name)")
    }
    let gates = tensor.shape[0] / first.size
    guard gate >= 0 && gate < gates else {
      throw RNNError(.argument, "gate: expected less than \(gates), got \(gate)")
    }
    let matrix = try Buffer<Double>(count: first.size * first.size)
    let source = parameters.values.part(first.start + gate * first.size * first.size, first.size * first.size)
    for j in source.indices { matrix.values[j] = Double(source[j]) }
    guard matrix.values.allSatisfy({ $0.isFinite }) else {
      throw RNNError(.nonFinite, "\(tensor.name): expected finite numbers, got others")
    }
    guard let spectrum = try Spectrum(matrix.values, size: first.size) else {
      throw RNNError(.nonFinite, "\(tensor.name): expected eigenvalues to be found, got no convergence")
    }
    return spectrum
  }

  /// ∂s_last/∂s_first of each row, [B, n, n], of the states s after two steps; first = -1 is the initial state.
  public func jacobian(
    _ batch: Batch, from first: Int, to last: Int, into target: RawBuffer
  ) throws(RNNError) {
    let sequence = try dynamicSequence(batch)
    guard first >= -1, last >= first, last < sequence.steps else {
      throw RNNError(
        .argument, "from, to: expected -1 <= from <= to < \(sequence.steps), got \(first), \(last)")
    }
    for row in 0..<sequence.rows where last >= sequence.length(row) {
      throw RNNError(
        .argument, "to: expected less than lengths[\(row)] = \(sequence.length(row)), got \(last)")
    }
    let (size, copy) = (stateCountPerRow, try doubled())
    let result = try target.view("jacobian", Shape(sequence.rows, size, size), as: Double.self)
    for row in 0..<sequence.rows {
      let input = try RowInput(sequence, row: row, of: self)
      try Trajectory(copy, input).jacobian(
        from: first, to: last, result.part(row * size * size, size * size))
    }
  }

  /// Of each row.
  public func lyapunov(_ batch: Batch, _ options: LyapunovOptions) throws(RNNError) {
    try forEachRow(batch, options) { copy, input, output throws(RNNError) in
      try LyapunovMeasurement(copy, input, options).run(output)
    }
  }

  /// The mean of `Flossing` over the rows, and its gradient.
  func floss(
    _ batch: Batch, _ options: LyapunovOptions, to gradient: View<S>
  ) throws(RNNError) -> Double {
    let sum = try Buffer<Double>(count: gradient.count)
    let weight = 1 / Double(batch.rows)
    var loss = 0.0
    try forEachRow(batch, options) { copy, input, output throws(RNNError) in
      loss += weight * (try Flossing(copy, input, options).run(output, scale: weight, addingTo: sum.values))
    }
    for j in gradient.indices { gradient[j] = S(sum.values[j]) }
    return loss
  }

  private func forEachRow(
    _ batch: Batch, _ options: LyapunovOptions,
    _ body: (Model<Double>, RowInput, LyapunovOutput) throws(RNNError) -> Void
  ) throws(RNNError) {
    let sequence = try dynamicSequence(batch)
    let count = options.count ?? stateCountPerRow
    guard count >= 1 && count <= stateCountPerRow else {
      throw RNNError(.argument, "count: expected 1 to \(stateCountPerRow), got \(count)")
    }
    guard options.interval >= 1 else {
      throw RNNError(.argument, "interval: expected at least 1, got \(options.interval)")
    }
    for row in 0..<sequence.rows where options.warmUp < 0 || options.warmUp >= sequence.length(row) {
      throw RNNError(
        .argument, "warm_up: expected 0 to \(sequence.length(row) - 1), got \(options.warmUp)")
    }
    let outputs = try (0..<sequence.rows).map { row throws(RNNError) in
      try options.output(row, of: sequence.rows, count: count)
    }
    let copy = try doubled()
    for (row, output) in outputs.enumerated() {
      let input = try RowInput(sequence, row: row, of: self)
      do throws(RNNError) { try body(copy, input, output) } catch {
        if error.code == .nonFinite { for lost in outputs[row...] { lost.exponents.update(repeating: .nan) } }
        throw error
      }
    }
  }

  private func dynamicSequence(_ batch: Batch) throws(RNNError) -> Sequence<S> {
    guard stateCountPerRow > 0 else {
      throw RNNError(.model, "model: expected a recurrent layer, got none")
    }
    let sequence = try Sequence(batch, for: self)
    for row in 0..<sequence.rows where sequence.length(row) < 1 {
      throw RNNError(.argument, "lengths[\(row)]: expected at least 1, got \(sequence.length(row))")
    }
    return sequence
  }
}

extension LyapunovOptions {
  /// The part of one row of the checked buffers.
  fileprivate func output(_ row: Int, of rows: Int, count: Int) throws(RNNError) -> LyapunovOutput {
    func optional(_ buffer: RawBuffer, _ name: String, _ shape: Shape) throws(RNNError) -> View<Double>? {
      buffer.isGiven ? try buffer.view(name, shape, as: Double.self) : nil
    }
    let all = try exponents.view("exponents", Shape(rows, count), as: Double.self)
    return LyapunovOutput(
      exponents: all.part(row * count, count),
      errors: try optional(errors, "errors", Shape(rows, count))?.part(row * count, count),
      dimension: try optional(dimension, "dimension", Shape(rows)).map { $0.start + row },
      entropy: try optional(entropy, "entropy", Shape(rows)).map { $0.start + row })
  }
}
