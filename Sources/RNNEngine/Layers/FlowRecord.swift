import RNNKernels

/// What is seen of one stacked recurrent layer on the way back through time, for somebody who looks.
final class FlowRecord<S: Scalar> {
  /// Among all of the stack.
  let index: Int
  /// Place of the layer in the stack, and of this one in the layer.
  let layer: Int
  let k: Int
  let form: LevelForm
  var size: Int { form.size }
  let steps: Int
  let rows: Int
  /// Norms, [T, B], of the valid steps: of ∂L/∂h_t; of the part of it that came from step t + 1; and, of an
  /// LSTM, the same of ∂L/∂c_t.
  let output: View<Double>
  let laterOutput: View<Double>
  let cellState: View<Double>
  let laterCell: View<Double>
  /// For each step: Σ h, Σ h², max |h|, then of each gate how many activations are saturated low and high.
  let activations: View<Double>
  /// [H]: the largest |h| of each unit.
  let maxima: View<S>

  private let memory: Buffer<Double>
  private let unitMemory: Buffer<S>

  init(index: Int, layer: Int, k: Int, _ form: LevelForm, steps: Int, rows: Int) throws(RNNError) {
    (self.index, self.layer, self.k) = (index, layer, k)
    self.form = form
    (self.steps, self.rows) = (steps, rows)
    let (height, cells) = (try Size.product(steps, rows), form.hasCellState ? 1 : 0)
    let statistics = try Size.product(steps, Self.statisticCount(form))
    let memory = try Buffer<Double>(count: Size.sum(Size.product(2 + 2 * cells, height), statistics))
    (self.memory, unitMemory) = (memory, try Buffer(count: form.size))
    var carved = 0
    func take(_ count: Int) -> View<Double> {
      defer { carved += count }
      return memory.values.part(carved, count)
    }
    (output, laterOutput) = (take(height), take(height))
    (cellState, laterCell) = (take(cells * height), take(cells * height))
    (activations, maxima) = (take(statistics), unitMemory.values)
  }

  /// Gates of an Elman network: its h stands for them.
  static func statisticCount(_ form: LevelForm) -> Int { 3 + 2 * form.gateCount }

  /// The statistics of one step.
  func statistics(_ step: Int) -> View<Double> {
    let count = Self.statisticCount(form)
    return activations.part(step * count, count)
  }

  func clear() {
    memory.values.clear()
    unitMemory.values.clear()
  }
}

/// The records of the stacked levels of one layer, for one pass over a part of the sequence.
struct LayerFlow<S: Scalar> {
  /// One for each level.
  let records: ArraySlice<FlowRecord<S>>
  /// Where in the sequence the pass begins.
  let firstStep: Int
  /// Whether activations are looked at as well.
  let recordsActivations: Bool
  /// Room for the gradients of a block of steps: four times [block, B, H].
  let observed: View<S>

  func record(_ k: Int) -> FlowRecord<S> { records[records.startIndex + k] }

  /// Elements of `observed` for a layer.
  static func observedCount(size: Int, rows: Int) throws(RNNError) -> Int {
    try Size.product(4, blockSteps(rows: rows), rows, size)
  }

  /// The flow of one level by itself.
  func level(_ k: Int) -> LayerFlow {
    let place = records.startIndex + k
    return LayerFlow(
      records: records[place...place], firstStep: firstStep, recordsActivations: recordsActivations,
      observed: observed)
  }

  /// Where the kernels of a layer with or without c leave the gradients that lie `offset` elements into the block, those
  /// of c `cellOffset`.
  func rows(_ offset: Int, hasCell: Bool, cellOffset: Int? = nil) -> FlowRows<S> {
    let width = observed.count / 4
    var rows = FlowRows<S>()
    rows.output = observed.start + offset
    rows.laterOutput = observed.start + width + offset
    guard hasCell else { return rows }
    rows.cell = observed.start + 2 * width + (cellOffset ?? offset)
    rows.laterCell = observed.start + 3 * width + (cellOffset ?? offset)
    return rows
  }
}
