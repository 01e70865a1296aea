import RNNKernels

// A level that is computed in phases, in a stream: one stage, which multiplies x itself.

extension PhasedLayer {
  func stages(_ format: WeightFormat, inputStride: Int) -> [StagePlan<S>] {
    let shape = CellShape(
      inputSize: sizes.input, size: outputSize, gateStride: 0, inputStride: inputStride,
      stateStride: outputSize)
    return [
      StagePlan(
        work: .phased(description.cellIndex), shape: shape, output: 0, cell: hasCell ? outputSize : nil,
        layer: self)
    ]
  }

  func streamedCount(_ format: WeightFormat) throws(RNNError) -> Int { try weightCount(goesBack: false) }

  func copyForStream(_ format: WeightFormat, _ parameters: View<S>, to memory: View<S>) {
    weights(in: memory, goesBack: false)?.pack(parameters)
  }

  /// Small weights are for plain cells.
  func round(_ parameters: View<S>, _ format: WeightFormat) {}

  /// What a step needs besides the state.
  private struct Extra {
    let inner: View<S>
    let hidden: View<S>
    let fresh: View<S>
    let made: View<S>
    let reset: View<S>

    init(_ carver: inout Carver<S>, _ layer: PhasedLayer<S>, rows: Int) throws(RNNError) {
      let (gates, size) = (
        try Size.product(rows, layer.sizes.gateStride), try Size.product(rows, layer.size)
      )
      inner = try carver.take(gates)
      hidden = try carver.take(gates)
      fresh = try carver.take(layer.options.cellZoneout > 0 ? size : 0)
      made = try carver.take(size)
      reset = try carver.take(size)
    }
  }

  func streamCount(rows: Int) throws(RNNError) -> Int {
    var carver = Carver<S>()
    _ = try Extra(&carver, self, rows: rows)
    return carver.used
  }

  /// The step of a stage, whose weights are taken to begin where those of `stage` do.
  func streamStep(_ stage: ForwardStep<S>, _ memory: View<S>, rows: Int) -> PhasedStep<S> {
    var carver = Carver(memory)
    let base = View(
      start: UnsafeMutablePointer(mutating: stage.weights), count: (try? weightCount(goesBack: false)) ?? 0)
    let parameters = weights(in: base, goesBack: false)?.forward(multipliesInput: true) ?? CellParameters()
    let (output, cell) = (stage.numbers.output, stage.numbers.cell)
    var numbers = CellNumbers(
      inner: output, hidden: output, operand: UnsafePointer(output), previousOutput: UnsafePointer(output),
      output: output, previousCell: cell, fresh: cell, cell: cell, made: output, reset: output)
    if let extra = try? Extra(&carver, self, rows: rows) {
      (numbers.inner, numbers.hidden) = (extra.inner.start, extra.hidden.start)
      (numbers.made, numbers.reset) = (extra.made.start, extra.reset.start)
      if !extra.fresh.isEmpty { numbers.fresh = extra.fresh.start }
    }
    var step = PhasedStep(
      sizes: sizes, step: 0, rows: 0, lengths: nil, functions: functions, parameters: parameters,
      numbers: numbers, scratch: stage.scratch)
    step.inputStride = stage.shape.inputStride
    (step.outputZone, step.cellZone) = (S(options.zoneout), S(options.cellZoneout))
    step.peepholeCount = peepholeCount
    return step
  }
}
