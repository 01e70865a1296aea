import CPlatform
import RNNKernels

/// All memory of a stream, planned when it is created: the numbers of active lanes, row by row.
final class StreamMemory<S: Scalar> {
  private let memory: Buffer<S>
  let stages: Buffer<StreamStage<S>>
  private let phased: Buffer<PhasedStep<S>>
  private let places: Buffer<StatePlaces>
  /// What the kernel is called with.
  let call: Buffer<StreamCall<S>>

  init(_ model: Model<S>, rows: Int, rowBytes: Int) throws(RNNError) {
    let plans = Self.plan(model)
    var plan = Carver<S>()
    _ = try Parts(&plan, model, plans, rows: rows)
    memory = try Buffer(count: plan.used)
    var carver = Carver(memory.values)
    let parts = try Parts(&carver, model, plans, rows: rows)
    (stages, places) = (try Buffer(count: plans.count), try Buffer(count: plans.count))
    phased = try Buffer(count: plans.count)
    call = try Buffer(count: 1)
    for (index, plan) in plans.enumerated() {
      places.values[index] = StatePlaces(plan)
      stages.values[index] = StreamStage(plan.work, parts.step(index, plan))
      guard let layer = plan.layer else { continue }
      phased.values[index] = layer.streamStep(stages.values[index].step, parts.extras[index], rows: rows)
      stages.values[index].phased = phased.values.start + index
    }
    call.values[0] = StreamCall(
      stages: stages.values.start, stageCount: plans.count, lanes: rows, inputSize: model.inputSize,
      outputSize: model.outputSize, inputBytes: rowBytes, takesTokens: model.takesTokens,
      gathered: parts.gathered.start, made: parts.made.start)
  }

  /// The stages of the whole stack, with places in the state of the whole stack.
  private static func plan(_ model: Model<S>) -> [StagePlan<S>] {
    var (plans, stride) = ([StagePlan<S>](), model.inputSize)
    for (index, layer) in model.layers.enumerated() {
      for var plan in layer.stages(model.format, inputStride: stride) {
        plan.output = plan.output.map { $0 + model.stateStart[index] }
        plan.cell = plan.cell.map { $0 + model.stateStart[index] }
        plans.append(plan)
        stride = plan.shape.stateStride
      }
    }
    return plans
  }

  /// Reads other weights from now on.
  func use(_ weights: View<UnsafePointer<S>>) {
    for index in stages.values.indices {
      let way = weights[index] - stages.values[index].step.weights
      stages.values[index].step.weights = weights[index]
      guard let step = stages.values[index].phased else { continue }
      step.pointee.parameters = step.pointee.parameters.moved(by: way)
    }
  }

  /// Touches every page, so that none is missing later.
  func touch() { platform_touch(memory.values.start, memory.values.count * MemoryLayout<S>.stride) }

  // MARK: States

  /// Calls `body(numbers, their place in the state of one row, how many)` for each part of a row's state.
  @inline(__always)
  func forEachPart<E: Error>(
    _ row: Int, _ body: (UnsafeMutablePointer<S>, Int, Int) throws(E) -> Void
  ) throws(E) {
    for index in stages.values.indices {
      let (step, place) = (stages.values[index].step, places.values[index])
      if place.output >= 0 {
        try body(step.numbers.output + row &* step.shape.stateStride, place.output, step.shape.size)
      }
      if place.cell >= 0 {
        try body(step.numbers.cell + row &* place.cellStride, place.cell, place.cellSize)
      }
    }
  }

  /// To the beginning: zeros, or what was learned.
  func begin(row: Int) {
    for index in stages.values.indices {
      let (step, place) = (stages.values[index].step, places.values[index])
      let learned = step.weights + place.initialState
      func begin(_ values: UnsafeMutablePointer<S>, _ count: Int, _ source: UnsafePointer<S>) {
        let own = View(start: values, count: count)
        if place.initialState < 0 { return own.clear() }
        for j in own.indices { own[j] = source[j] }
      }
      if place.output >= 0 {
        begin(step.numbers.output + row &* step.shape.stateStride, step.shape.size, learned)
      }
      if place.cell >= 0 {
        begin(step.numbers.cell + row &* place.cellStride, place.cellSize, learned + step.shape.size)
      }
    }
  }

  /// The state of one row, out and in.
  func copyState(ofRow row: Int, to state: UnsafeMutablePointer<S>) {
    forEachPart(row) { own, offset, width in View(start: state + offset, count: width).copy(from: own) }
  }

  func setState(ofRow row: Int, from state: UnsafeMutablePointer<S>) {
    forEachPart(row) { own, offset, width in View(start: own, count: width).copy(from: state + offset) }
  }

  /// h and c of a row, to a row of a memory of the same stages.
  func copyRow(_ row: Int, to other: StreamMemory, _ otherRow: Int) {
    for index in stages.values.indices {
      let (step, target) = (stages.values[index].step, other.stages.values[index].step)
      let (place, stride) = (places.values[index], step.shape.stateStride)
      if place.output >= 0 {
        View(start: target.numbers.output + otherRow &* stride, count: step.shape.size).copy(
          from: step.numbers.output + row &* stride)
      }
      if place.cell >= 0 {
        View(start: target.numbers.cell + otherRow &* place.cellStride, count: place.cellSize).copy(
          from: step.numbers.cell + row &* place.cellStride)
      }
    }
  }

  // MARK: Planning

  /// Views into the memory; planned with none.
  private struct Parts {
    var outputs: [View<S>] = []
    var previousOutputs: [View<S>] = []
    var cells: [View<S>] = []
    /// What else a stage needs that is computed in phases.
    var extras: [View<S>] = []
    var gathered: View<S>
    var made: View<S>
    var scratch: View<S>

    init(_ carver: inout Carver<S>, _ model: Model<S>, _ plans: [StagePlan<S>], rows: Int) throws(RNNError) {
      for plan in plans {
        let count = try Size.product(rows, plan.shape.stateStride)
        outputs.append(try carver.take(count))
        previousOutputs.append(try carver.take(plan.output == nil ? 0 : count))
        cells.append(try carver.take(plan.cell == nil ? 0 : Size.product(rows, plan.cellStride)))
        extras.append(try carver.take(plan.layer?.streamCount(rows: rows) ?? 0))
      }
      gathered = try carver.take(model.takesTokens ? 0 : Size.product(rows, model.inputSize))
      made = try carver.take(Size.product(rows, model.outputSize))
      // Sums of a row, and behind them small activations.
      var count = 0
      for plan in plans {
        let sums = max(Blocking.tile, try Size.product(4, plan.shape.stateStride))
        count = max(count, try Size.sum(sums, plan.shape.inputSize, plan.shape.size, 64))
      }
      scratch = try carver.take(count)
    }

    func step(_ index: Int, _ plan: StagePlan<S>) -> ForwardStep<S> {
      let output = outputs[index].start
      let numbers = CellRows(
        gates: output, previousOutput: plan.output == nil ? output : previousOutputs[index].start,
        output: output, previousCell: cells[index].start, cell: cells[index].start, candidate: output)
      return ForwardStep(
        shape: plan.shape, step: 0, rows: 0, panels: 0..<plan.panels, lengths: nil,
        weights: UnsafePointer(output), input: nil, numbers: numbers, keepsActivations: false,
        scratch: scratch.start)
    }
  }
}

/// Where h and c of a stage stand in the state of one row; -1: it has none. Where they begin behind its weights, if
/// that is learned; -1: it is not.
private struct StatePlaces: BitwiseCopyable {
  let output: Int
  let cell: Int
  let cellSize: Int
  let cellStride: Int
  let initialState: Int

  init<S: Scalar>(_ plan: StagePlan<S>) {
    (output, cell, initialState) = (plan.output ?? -1, plan.cell ?? -1, plan.initialState ?? -1)
    (cellSize, cellStride) = (plan.cellSize, plan.cellStride)
  }
}
