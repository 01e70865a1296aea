/// A stage of a stream that is computed in phases.
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
}
