import CPlatform

/// Rows of a caller's arrays, to and from where the kernels have them.
enum StreamRows<M: Machine> {
  typealias S = M.S
  typealias Call = UnsafeMutablePointer<StreamCall<S>>
  typealias Stage = UnsafeMutablePointer<StreamStage<S>>

  @inline(never)
  static func lookUp(_ call: Call, _ stage: Stage) -> UnsafePointer<S> {
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
  private static func lane(_ call: Call, _ row: Int) -> Int { call.pointee.laneOfRow.map { $0[row] } ?? row }

  /// x of the rows that go on. Tokens are looked up where they stand.
  @inline(__always)
  static func input(_ call: Call) -> UnsafePointer<S> {
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
  @inline(__always)
  static func output(_ call: Call, _ rows: UnsafePointer<S>, stride: Int) {
    if call.pointee.rows > 1 || call.pointee.laneOfRow != nil { return scatter(call, rows, stride: stride) }
    Lanes<M>.copy(rows, to: call.pointee.output, call.pointee.outputSize)
  }

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

  /// y = φ(x), row by row.
  @inline(never)
  static func apply(_ call: Call, _ stage: Stage, _ x: UnsafePointer<S>) -> UnsafePointer<S> {
    let (shape, output) = (stage.pointee.step.shape, stage.pointee.step.numbers.output)
    let function = UnsafePointer(stage.pointer(to: \.function).unsafelyUnwrapped)
    for row in 0..<call.pointee.rows {
      CellFunctions<M>.apply(
        function, x + row &* shape.inputStride, to: output + row &* shape.stateStride, count: shape.size)
    }
    return UnsafePointer(output)
  }
}
