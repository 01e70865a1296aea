/// What weights of one format do in a step of a stream.
protocol StageRunner<M> {
  associatedtype M: Machine
  static func forward(
    _ kind: CellKind, _ step: UnsafePointer<ForwardStep<M.S>>, _ input: UnsafePointer<M.S>)
  static func forward(
    _ call: UnsafeMutablePointer<StreamCall<M.S>>, _ stage: UnsafeMutablePointer<StreamStage<M.S>>,
    _ cell: any CellCode<M.S>, _ input: UnsafePointer<M.S>
  ) -> UnsafePointer<M.S>
  /// y = W x + b. W takes `packed` elements.
  static func multiply(
    _ step: UnsafePointer<ForwardStep<M.S>>, rows: Int, packed: Int, _ input: UnsafePointer<M.S>,
    to output: UnsafeMutablePointer<M.S>)
}

/// Time steps of a stream, all layers of a step before the next.
enum StreamKernel<R: StageRunner> {
  typealias M = R.M
  typealias S = M.S
  private typealias Rows = StreamRows<M>
  typealias Call = UnsafeMutablePointer<StreamCall<S>>
  typealias Stage = UnsafeMutablePointer<StreamStage<S>>

  /// Leaves `input` and `output` behind the last step.
  static func run(_ call: Call, _ cells: [any CellCode<S>]) {
    for _ in 0..<call.pointee.steps {
      step(call, cells)
      call.pointee.input += call.pointee.inputStride
      call.pointee.output += call.pointee.outputStride
      call.pointee.time &+= 1
    }
  }

  @inline(__always)
  private static func step(_ call: Call, _ cells: [any CellCode<S>]) {
    let first = Rows.input(call)
    var (input, read) = (first, first)
    let last = call.pointee.stageCount &- 1
    var (stage, index) = (call.pointee.stages, 0)
    while true {
      let own = input
      switch stage.pointee.work {
      case .lookup: input = Rows.lookUp(call, stage)
      case .cell(let kind): input = forward(call, stage, kind, input)
      case .phased(let cell): input = R.forward(call, stage, cells[cell], input)
      case .add(let stride): input = Rows.add(call, stage, input, read, stride: stride)
      case .addInput: input = Rows.add(call, stage, input, first, stride: call.pointee.inputSize)
      case .apply: input = Rows.apply(call, stage, input)
      case .product(let packed):
        let isDirect = index == last && call.pointee.laneOfRow == nil
        let output = index < last ? stage.pointee.step.numbers.output : call.pointee.made
        let target = isDirect ? call.pointee.output : output
        let step = UnsafePointer(stage.pointer(to: \.step).unsafelyUnwrapped)
        R.multiply(step, rows: call.pointee.rows, packed: packed, input, to: target)
        input = UnsafePointer(target)
      }
      if index == last { break }
      read = own
      stage += 1
      index &+= 1
    }
    if input != UnsafePointer(call.pointee.output) {
      Rows.output(call, input, stride: stage.pointee.step.shape.stateStride)
    }
  }

  // MARK: Layers. Each returns what it has made

  @inline(__always)
  private static func forward(
    _ call: Call, _ stage: Stage, _ kind: CellKind, _ input: UnsafePointer<S>
  ) -> UnsafePointer<S> {
    let (output, previous) = (stage.pointee.step.numbers.previousOutput, stage.pointee.step.numbers.output)
    (stage.pointee.step.numbers.output, stage.pointee.step.numbers.previousOutput) = (output, previous)
    (stage.pointee.step.rows, stage.pointee.step.step) = (call.pointee.rows, call.pointee.time)
    R.forward(kind, UnsafePointer(stage.pointer(to: \.step).unsafelyUnwrapped), input)
    return UnsafePointer(output)
  }
}
