import CPlatform

/// What weights of one format do in a step of a stream.
protocol StageRunner<M> {
  associatedtype M: Machine
  static func forward(
    _ kind: CellKind, _ step: UnsafePointer<ForwardStep<M.S>>, _ input: UnsafePointer<M.S>)
  /// y = W x + b. W takes `packed` elements.
  static func multiply(
    _ step: UnsafePointer<ForwardStep<M.S>>, rows: Int, packed: Int, _ input: UnsafePointer<M.S>,
    to output: UnsafeMutablePointer<M.S>)
}

/// Time steps of a stream, all layers of a step before the next.
enum StreamKernel<R: StageRunner> {
  typealias M = R.M
  typealias S = M.S
  typealias Call = UnsafeMutablePointer<StreamCall<S>>
  typealias Stage = UnsafeMutablePointer<StreamStage<S>>

  /// Leaves `input` and `output` behind the last step.
  static func run(_ call: Call) {
    for _ in 0..<call.pointee.steps {
      step(call)
      call.pointee.input += call.pointee.lanes &* call.pointee.inputBytes
      call.pointee.output += call.pointee.lanes &* call.pointee.outputSize
      call.pointee.time &+= 1
    }
  }

  @inline(__always)
  private static func step(_ call: Call) {
    var input = input(call)
    let last = call.pointee.stageCount &- 1
    var (stage, index) = (call.pointee.stages, 0)
    while true {
      switch stage.pointee.work {
      case .lookup: input = lookUp(call, stage)
      case .cell(let kind): input = forward(call, stage, kind, input)
      case .product(let packed):
        let isDirect = index == last && call.pointee.laneOfRow == nil
        let output = index < last ? stage.pointee.step.numbers.output : call.pointee.made
        let target = isDirect ? call.pointee.output : output
        let step = UnsafePointer(stage.pointer(to: \.step).unsafelyUnwrapped)
        R.multiply(step, rows: call.pointee.rows, packed: packed, input, to: target)
        input = UnsafePointer(target)
      }
      if index == last { break }
      stage += 1
      index &+= 1
    }
    if input != UnsafePointer(call.pointee.output) {
      scatter(call, input, stride: stage.pointee.step.shape.stateStride)
    }
  }

  // MARK: Layers. Each returns what it has made

  @inline(never)
  private static func lookUp(_ call: Call, _ stage: Stage) -> UnsafePointer<S> {
    let (size, stride) = (stage.pointee.step.shape.size, stage.pointee.step.shape.stateStride)
    let (table, output) = (stage.pointee.step.weights, stage.pointee.step.numbers.output)
    for row in 0..<call.pointee.rows {
      let place = call.pointee.input + lane(call, row) &* call.pointee.inputBytes
      let isWide = call.pointee.inputBytes == 8
      let token = isWide ? Int(place.load(as: Int64.self)) : Int(place.load(as: Int32.self))
      copy(table + token &* size, to: output + row &* stride, size)
    }
    return UnsafePointer(output)
  }

  @inline(__always)
  private static func forward(
    _ call: Call, _ stage: Stage, _ kind: CellKind, _ input: UnsafePointer<S>
  ) -> UnsafePointer<S> {
    let (output, previous) = (stage.pointee.step.numbers.previousOutput, stage.pointee.step.numbers.output)
    (stage.pointee.step.numbers.output, stage.pointee.step.numbers.previousOutput) = (output, previous)
    (stage.pointee.step.input, stage.pointee.step.rows) = (input, call.pointee.rows)
    stage.pointee.step.step = call.pointee.time
    R.forward(kind, UnsafePointer(stage.pointer(to: \.step).unsafelyUnwrapped), input)
    return UnsafePointer(output)
  }

  // MARK: The caller's rows

  @inline(__always)
  private static func lane(_ call: Call, _ row: Int) -> Int { call.pointee.laneOfRow.map { $0[row] } ?? row }

  /// x of the rows that go on. Tokens are looked up where they stand.
  @inline(__always)
  private static func input(_ call: Call) -> UnsafePointer<S> {
    let x = call.pointee.input.assumingMemoryBound(to: S.self)
    guard let laneOfRow = call.pointee.laneOfRow, !call.pointee.takesTokens else { return x }
    return gather(call, x, laneOfRow)
  }

  @inline(never)
  private static func gather(
    _ call: Call, _ x: UnsafePointer<S>, _ laneOfRow: UnsafePointer<Int>
  ) -> UnsafePointer<S> {
    for row in 0..<call.pointee.rows {
      copy(
        x + laneOfRow[row] &* call.pointee.inputSize,
        to: call.pointee.gathered + row &* call.pointee.inputSize, call.pointee.inputSize)
    }
    return UnsafePointer(call.pointee.gathered)
  }

  /// y to where the caller has it.
  @inline(never)
  private static func scatter(_ call: Call, _ rows: UnsafePointer<S>, stride: Int) {
    for row in 0..<call.pointee.rows {
      copy(
        rows + row &* stride, to: call.pointee.output + lane(call, row) &* call.pointee.outputSize,
        call.pointee.outputSize)
    }
  }

  @inline(__always)
  private static func copy(_ source: UnsafePointer<S>, to target: UnsafeMutablePointer<S>, _ count: Int) {
    memcpy(target, source, count &* MemoryLayout<S>.stride)
  }
}
