import CPlatform
import RNNKernels

/// What a stream looks like from outside.
public struct StreamInfo: Sendable {
  public let lanes: Int
  public let active: Int
  public let stateBytes: Int
  public let weightBytes: Int
  public let swaps: Int
}

/// The running state of some lanes that go on one step at a time, on the calling thread alone. All memory is planned
/// here; what throws a `Refusal` allocates none.
public final class Stream<S: Scalar> {
  private typealias Weights = Unmanaged<StreamWeights<S>>

  let signature: StreamSignature<S>
  var lanes: LaneTable
  let memory: StreamMemory<S>
  private let kernels: any Kernels<S>
  private let handover: Handover<S>
  private var weights: Weights
  private var swaps = 0

  public convenience init(_ model: Model<S>, rows: Int, tokenType: DType, idle: Int) throws(RNNError) {
    try Size.checkBatch(steps: 1, rows: rows)
    guard tokenType == .int32 || tokenType == .int64 else {
      throw RNNError(.dtype, "token_type: expected int32 or int64, got \(tokenType.name)")
    }
    let signature = StreamSignature(model, rows: rows, tokenType: tokenType)
    self.init(
      signature, try LaneTable(count: rows, idle: idle),
      try StreamMemory(model, rows: rows, rowBytes: signature.rowBytes), try Handover(),
      try StreamWeights(model))
  }

  private init(
    _ signature: StreamSignature<S>, _ lanes: LaneTable, _ memory: StreamMemory<S>, _ handover: Handover<S>,
    _ weights: StreamWeights<S>
  ) {
    (self.signature, self.lanes, self.memory, self.handover) = (signature, lanes, memory, handover)
    kernels = S.kernels
    memory.use(weights.starts.values)
    self.weights = Weights.passRetained(weights)
    reset()
  }

  deinit { handover.close(weights) }

  public var info: StreamInfo {
    StreamInfo(
      lanes: lanes.count, active: lanes.active, stateBytes: StateBytes<S>.count(signature),
      weightBytes: weights._withUnsafeGuaranteedRef { $0.bytes }, swaps: swaps)
  }

  /// From any thread.
  public func swap(_ model: Model<S>) throws(RNNError) {
    try signature.checkSame(as: model)
    handover.offer(try StreamWeights(model))
  }

  /// `steps` time steps: input [n, B, I] or tokens [n, B] to output [n, B, O]. nil, or why not. In its caller, for every
  /// register that a call saves may stand in the way of the weights: a load waits for an older store 4096 bytes apart.
  @_optimize(speed)
  @inline(__always)
  public func process(steps: Int, input: RawBuffer, output: RawBuffer) -> Refusal? {
    guard signature.fits(steps, input, output), let x = input.start, let y = output.start else {
      return signature.misfit(steps, input, output)
    }
    if !signature.isSound(x, steps), let refusal = signature.fault(x, steps, lanes) { return refusal }
    adopt()
    let call = memory.call.values.start
    call.pointee.steps = steps
    call.pointee.input = UnsafeRawPointer(x)
    call.pointee.output = y.assumingMemoryBound(to: S.self)
    call.pointee.rows = lanes.active
    // A product alone, in place, would write what it still has to read.
    let isDirect = lanes.isWhole && (x != y || call.pointee.stageCount > 1)
    call.pointee.laneOfRow = isDirect ? nil : UnsafePointer(lanes.laneOfRow)
    if lanes.active > 0 { run(call) }
    return nil
  }

  @inline(__always)
  private func run(_ call: UnsafeMutablePointer<StreamCall<S>>) {
    if signature.format == .own { return kernels.stream(call) }
    // Only Float models have small weights.
    Small.kernels.stream(
      signature.format, UnsafeMutableRawPointer(call).assumingMemoryBound(to: StreamCall<Float>.self))
  }

  /// Newer weights, if there are any.
  @inline(__always)
  private func adopt() {
    if !handover.take(&weights) { return }
    memory.use(weights._withUnsafeGuaranteedRef { $0.starts.values })
    swaps &+= 1
  }

  /// Runs steps whose results are thrown away, of one row and of all, so that all memory and code that a step needs is
  /// there, whichever lanes are active.
  public func prepare() throws(RNNError) {
    memory.touch()
    platform_touch(platform_error_text(), Int(PLATFORM_ERROR_BYTES))
    let rows = lanes.count
    let state = try Buffer<S>(count: rows * signature.stateCount)
    let input = try Buffer<UInt64>(count: (rows * signature.rowBytes + 7) / 8)
    let output = try Buffer<S>(count: rows * signature.outputSize)
    for row in 0..<rows { memory.copyState(ofRow: row, to: state.values.start + row * signature.stateCount) }
    for order in [nil, UnsafePointer(lanes.laneOfRow)] {
      for active in [1, rows] {
        let call = memory.call.values.start
        (call.pointee.steps, call.pointee.rows, call.pointee.laneOfRow) = (1, active, order)
        call.pointee.input = UnsafeRawPointer(input.values.start)
        call.pointee.output = output.values.start
        run(call)
      }
    }
    _ = process(
      steps: 1,
      input: RawBuffer(UnsafeMutableRawPointer(input.values.start), bytes: rows * signature.rowBytes),
      output: RawBuffer(
        UnsafeMutableRawPointer(output.values.start), bytes: output.values.count * MemoryLayout<S>.stride))
    for row in 0..<rows { memory.setState(ofRow: row, from: state.values.start + row * signature.stateCount) }
  }
}
