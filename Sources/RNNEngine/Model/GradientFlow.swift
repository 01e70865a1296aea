import RNNKernels

/// What one observed step saw of every stacked recurrent layer, from the first on.
final class GradientFlow<S: Scalar> {
  let records: [FlowRecord<S>]
  let steps: Int
  let rows: Int
  /// Steps between cuts of the gradient.
  private(set) var stretch = 1
  /// Valid steps of each row.
  let lengths: Buffer<Int>
  private let observed: Buffer<S>

  init(_ model: Model<S>, steps: Int, rows: Int) throws(RNNError) {
    (self.steps, self.rows) = (steps, rows)
    var (records, width) = ([FlowRecord<S>](), 0)
    for (index, layer) in model.layers.enumerated() {
      for (k, form) in layer.levels.enumerated() {
        width = max(width, try LayerFlow<S>.observedCount(size: form.widest, rows: rows))
        records.append(
          try FlowRecord(index: records.count, layer: index, k: k, form, steps: steps, rows: rows))
      }
    }
    self.records = records
    lengths = try Buffer(count: rows)
    observed = try Buffer(count: width)
  }

  /// Before a step over a sequence whose gradient is cut every `stretch` steps.
  func begin(_ sequence: Sequence<S>, stretch: Int) {
    self.stretch = stretch
    for row in 0..<rows { lengths.values[row] = sequence.length(row) }
    for record in records { record.clear() }
  }

  /// The part of one layer of the stack, for a pass that begins at a step; nil: it is not recurrent.
  func part(_ layer: Int, firstStep: Int, activations: Bool) -> LayerFlow<S>? {
    guard let first = records.firstIndex(where: { $0.layer == layer }) else { return nil }
    let end = records.lastIndex { $0.layer == layer }.map { $0 + 1 } ?? first
    return LayerFlow(
      records: records[first..<end], firstStep: firstStep, recordsActivations: activations,
      observed: observed.values)
  }
}
