import RNNKernels

/// What is seen of one stacked recurrent layer on the way back through time, for somebody who looks.
final class FlowRecord<S: Scalar> {
  /// Among all of the stack.
  let index: Int
  /// Place of the layer in the stack, and of this one in the layer.
  let layer: Int
  let k: Int
  let cell: Cell
  let size: Int
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

  init(index: Int, layer: Int, k: Int, _ recurrent: Recurrent<S>, steps: Int, rows: Int) throws(RNNError) {
    (self.index, self.layer, self.k) = (index, layer, k)
    (cell, size) = (recurrent.cell, recurrent.size)
    (self.steps, self.rows) = (steps, rows)
    let (height, cells) = (try Size.product(steps, rows), recurrent.cell.hasCellState ? 1 : 0)
    let statistics = try Size.product(steps, Self.statisticCount(recurrent.cell))
    let memory = try Buffer<Double>(count: Size.sum(Size.product(2 + 2 * cells, height), statistics))
    (self.memory, unitMemory) = (memory, try Buffer(count: recurrent.size))
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
  static func statisticCount(_ cell: Cell) -> Int { 3 + 2 * cell.gateCount }

  /// The statistics of one step.
  func statistics(_ step: Int) -> View<Double> {
    let count = Self.statisticCount(cell)
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
  static func observedCount(_ layer: Recurrent<S>, rows: Int) throws(RNNError) -> Int {
    try Size.product(4, blockSteps(rows: rows), rows, layer.size)
  }

  /// Where the kernels of a layer with or without c leave the gradients that lie `offset` elements into the block.
  func rows(_ offset: Int, hasCell: Bool) -> FlowRows<S> {
    let width = observed.count / 4
    var rows = FlowRows<S>()
    rows.output = observed.start + offset
    rows.laterOutput = observed.start + width + offset
    guard hasCell else { return rows }
    rows.cell = observed.start + 2 * width + offset
    rows.laterCell = observed.start + 3 * width + offset
    return rows
  }
}
