/// Weights of the model's own type.
enum OwnStages<M: Machine>: StageRunner {
  typealias S = M.S

  @inline(__always)
  static func forward(
    _ kind: CellKind, _ step: UnsafePointer<ForwardStep<S>>, _ input: UnsafePointer<S>
  ) {
    if !hasRows || step.pointee.rows > 1 || kind == .elman { return forwardRows(kind, step, input) }
    if kind == .gru { return CellRow<GRUKernel<M>>.forward(step, input) }
    CellRow<LSTMKernel<M>>.forward(step, input)
  }

  @inline(__always)
  static func forward(
    _ call: UnsafeMutablePointer<StreamCall<S>>, _ stage: UnsafeMutablePointer<StreamStage<S>>,
    _ cell: any CellCode<S>, _ input: UnsafePointer<S>
  ) -> UnsafePointer<S> {
    PhasedStage<M>.forward(call, stage, cell, input)
  }

  /// Whether a row alone has code of its own: for what people stream, on machines of today.
  @inline(__always)
  private static var hasRows: Bool { M.isFused && !S.isDouble }

  @inline(never)
  private static func forwardRows(
    _ kind: CellKind, _ step: UnsafePointer<ForwardStep<S>>, _ input: UnsafePointer<S>
  ) {
    var step = step.pointee
    step.input = input
    switch kind {
    case .elman: CellForward<ElmanKernel<M>>.forward(step)
    case .gru: CellForward<GRUKernel<M>>.forward(step)
    case .lstm: CellForward<LSTMKernel<M>>.forward(step)
    }
  }

  @inline(__always)
  static func multiply(
    _ step: UnsafePointer<ForwardStep<S>>, rows: Int, packed: Int, _ input: UnsafePointer<S>,
    to output: UnsafeMutablePointer<S>
  ) {
    let (depth, weights) = (step.pointee.shape.inputSize, step.pointee.weights)
    if !hasRows || rows > 1 || !ProductRow<M>.takes(depth: depth) {
      return multiplyRows(step, rows: rows, packed: packed, input, to: output)
    }
    ProductRow<M>.multiply(
      depth: depth, columns: step.pointee.shape.size, weights, weights + packed, input, to: output,
      scratch: step.pointee.scratch)
  }

  @inline(never)
  private static func multiplyRows(
    _ step: UnsafePointer<ForwardStep<S>>, rows: Int, packed: Int, _ input: UnsafePointer<S>,
    to output: UnsafeMutablePointer<S>
  ) {
    let (shape, weights) = (step.pointee.shape, step.pointee.weights)
    Product<M>.multiply(
      ProductCall(
        rows: rows, columns: shape.size, depth: shape.inputSize, a: input, aRowStride: shape.inputStride,
        aDepthStride: 1, b: PackedColumns(weights, columns: shape.size, from: 0), c: output,
        cRowStride: shape.size, start: weights + packed, startRowStride: 0, scratch: step.pointee.scratch))
  }
}

/// Weights of a small format.
enum SmallStages<F: SmallFormat>: StageRunner {
  typealias M = F.M

  @inline(never)
  static func forward(
    _ kind: CellKind, _ step: UnsafePointer<ForwardStep<Float>>, _ input: UnsafePointer<Float>
  ) {
    switch kind {
    case .elman: SmallCell<ElmanKernel<Plain<M>>, F>.forward(step, input)
    case .gru: SmallCell<GRUKernel<Plain<M>>, F>.forward(step, input)
    case .lstm: SmallCell<LSTMKernel<Plain<M>>, F>.forward(step, input)
    }
  }

  /// Cells that are computed in phases have no small weights.
  static func forward(
    _ call: UnsafeMutablePointer<StreamCall<Float>>, _ stage: UnsafeMutablePointer<StreamStage<Float>>,
    _ cell: any CellCode<Float>, _ input: UnsafePointer<Float>
  ) -> UnsafePointer<Float> { input }

  @inline(never)
  static func multiply(
    _ step: UnsafePointer<ForwardStep<Float>>, rows: Int, packed: Int, _ input: UnsafePointer<Float>,
    to output: UnsafeMutablePointer<Float>
  ) {
    SmallProduct<F>.multiply(step.pointee, rows: rows, input, to: output)
  }
}
