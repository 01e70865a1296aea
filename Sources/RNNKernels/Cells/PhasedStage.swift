/// Stages of a stream that are computed in phases.
enum PhasedStage<M: Machine> {
  typealias S = M.S
  typealias Call = UnsafeMutablePointer<StreamCall<S>>
  typealias Stage = UnsafeMutablePointer<StreamStage<S>>

  /// `output` and `previousOutput` change places, as those of fused cells do.
  @inline(never)
  static func forward(
    _ call: Call, _ stage: Stage, _ cell: any CellCode<S>, _ input: UnsafePointer<S>
  ) -> UnsafePointer<S> {
    let (output, previous) = (stage.pointee.step.numbers.previousOutput, stage.pointee.step.numbers.output)
    (stage.pointee.step.numbers.output, stage.pointee.step.numbers.previousOutput) = (output, previous)
    guard let step = stage.pointee.phased else { return UnsafePointer(output) }
    (step.pointee.rows, step.pointee.step, step.pointee.input) = (call.pointee.rows, call.pointee.time, input)
    (step.pointee.numbers.operand, step.pointee.numbers.previousOutput) = (
      UnsafePointer(previous), UnsafePointer(previous)
    )
    step.pointee.numbers.output = output
    if step.pointee.parameters.projection == nil { step.pointee.numbers.made = output }
    PhasedForward<M>.run(step, cell)
    return UnsafePointer(output)
  }

  /// y = h + x, row by row.
  @inline(never)
  static func add(
    _ call: Call, _ stage: Stage, _ h: UnsafePointer<S>, _ x: UnsafePointer<S>, stride: Int
  ) -> UnsafePointer<S> {
    let (shape, output) = (stage.pointee.step.shape, stage.pointee.step.numbers.output)
    for row in 0..<call.pointee.rows {
      let (own, read) = (h + row &* shape.inputStride, x + row &* stride)
      let target = output + row &* shape.stateStride
      Lanes<M>.forEach(shape.size) { j, lanes in
        Lanes<M>.store(Lanes<M>.load(own, j, lanes) + Lanes<M>.load(read, j, lanes), target, j, lanes)
      }
    }
    return UnsafePointer(output)
  }
}
