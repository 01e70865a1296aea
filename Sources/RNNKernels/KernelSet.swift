/// The kernels compiled for machine `M`: every module of an instruction set makes its own.
public final class KernelSet<M: Machine>: Kernels {
  public typealias S = M.S

  public let cells: [any CellCode<S>]

  /// Cells may be those of another machine: what they do is little beside the products.
  public init(cells: [any CellCode<S>]) { self.cells = cells }

  public func multiply(_ call: ProductCall<S>) { Product<M>.multiply(call) }

  public func packedProductCount(depth: Int, columns: Int) -> Int {
    depth &* Product<M>.packedColumns(columns)
  }

  public func packProduct(
    _ b: Constants, depth: Int, columns: Int, depthStride: Int, columnStride: Int, part: Range<Int>,
    to packed: Values
  ) {
    Product<M>.pack(
      b, depth: depth, columns: columns, depthStride: depthStride, columnStride: columnStride, part: part,
      to: packed)
  }

  // MARK: Recurrence

  public func packedCount(_ cell: CellKind, _ shape: CellShape) -> Int {
    switch cell {
    case .elman: CellPacking<ElmanKernel<M>>.count(shape)
    case .gru: CellPacking<GRUKernel<M>>.count(shape)
    case .lstm: CellPacking<LSTMKernel<M>>.count(shape)
    }
  }

  public func forwardPanels(_ cell: CellKind, _ shape: CellShape) -> Int {
    switch cell {
    case .elman: CellPanel<ElmanKernel<M>>.count(shape)
    case .gru: CellPanel<GRUKernel<M>>.count(shape)
    case .lstm: CellPanel<LSTMKernel<M>>.count(shape)
    }
  }

  public func backwardPanels(_ shape: CellShape) -> Int {
    (shape.size &+ Packing<M>.panelColumns &- 1) / Packing<M>.panelColumns
  }

  public func packForward(
    _ cell: CellKind, _ shape: CellShape, _ weights: CellWeights<S>, panels: Range<Int>, to packed: Values
  ) {
    switch cell {
    case .elman: CellPacking<ElmanKernel<M>>.packForward(shape, weights, panels: panels, to: packed)
    case .gru: CellPacking<GRUKernel<M>>.packForward(shape, weights, panels: panels, to: packed)
    case .lstm: CellPacking<LSTMKernel<M>>.packForward(shape, weights, panels: panels, to: packed)
    }
  }

  public func packBackward(
    _ cell: CellKind, _ shape: CellShape, _ hiddenWeight: Constants, panels: Range<Int>, to packed: Values
  ) {
    switch cell {
    case .elman: CellPacking<ElmanKernel<M>>.packBackward(shape, hiddenWeight, panels: panels, to: packed)
    case .gru: CellPacking<GRUKernel<M>>.packBackward(shape, hiddenWeight, panels: panels, to: packed)
    case .lstm: CellPacking<LSTMKernel<M>>.packBackward(shape, hiddenWeight, panels: panels, to: packed)
    }
  }

  public func project(_ cell: CellKind, _ step: ForwardStep<S>) {
    switch cell {
    case .elman: CellForward<ElmanKernel<M>>.project(step)
    case .gru: CellForward<GRUKernel<M>>.project(step)
    case .lstm: CellForward<LSTMKernel<M>>.project(step)
    }
  }

  public func forward(_ cell: CellKind, _ step: ForwardStep<S>) {
    switch cell {
    case .elman: CellForward<ElmanKernel<M>>.forward(step)
    case .gru: CellForward<GRUKernel<M>>.forward(step)
    case .lstm: CellForward<LSTMKernel<M>>.forward(step)
    }
  }

  public func backward(_ cell: CellKind, _ step: BackwardStep<S>) {
    switch cell {
    case .elman: CellBackward<ElmanKernel<M>>.backward(step)
    case .gru: CellBackward<GRUKernel<M>>.backward(step)
    case .lstm: CellBackward<LSTMKernel<M>>.backward(step)
    }
  }

  public func forward(_ step: UnsafePointer<PhasedStep<S>>, _ cell: any CellCode<S>) {
    PhasedForward<M>.run(step, cell)
  }

  public func end(_ step: UnsafePointer<PhasedStep<S>>, _ cell: any CellCode<S>) {
    PhasedForward<M>.end(step, cell)
  }

  public func gather(_ step: UnsafePointer<PhasedStep<S>>, _ later: LaterStep<S>) {
    PhasedBackward<M>.gather(step, later)
  }

  public func backward(
    _ step: UnsafePointer<PhasedStep<S>>, _ gradients: CellGradients<S>, _ cell: any CellCode<S>
  ) {
    PhasedBackward<M>.run(step, gradients, cell)
  }

  public func backwardEnd(
    _ step: UnsafePointer<PhasedStep<S>>, _ gradients: CellGradients<S>, _ cell: any CellCode<S>
  ) {
    PhasedBackward<M>.end(step, gradients, cell)
  }

  public func backwardBegin(
    _ step: UnsafePointer<PhasedStep<S>>, _ gradients: CellGradients<S>, _ cell: any CellCode<S>
  ) {
    PhasedBackward<M>.begin(step, gradients, cell)
  }

  public func apply(_ function: UnsafePointer<CellFunction<S>>, _ x: Constants, to y: Values, count: Int) {
    CellFunctions<M>.apply(function, x, to: y, count: count)
  }

  public func multiplySlope(
    _ function: UnsafePointer<CellFunction<S>>, _ y: Constants, _ dy: Constants, to dx: Values, count: Int
  ) {
    CellFunctions<M>.multiplySlope(function, y, dy, to: dx, count: count)
  }

  public func stream(_ call: UnsafeMutablePointer<StreamCall<S>>) {
    StreamKernel<OwnStages<M>>.run(call, cells)
  }

  // MARK: Losses

  public func crossEntropy(
    size: Int, logits: Constants, label: Int, weight: Double, gradient: Values?
  ) -> Double {
    LossKernels<M>.crossEntropy(
      size: size, logits: logits, label: label, weight: S(weight), gradient: gradient)
  }

  public func meanSquared(
    size: Int, outputs: Constants, targets: Constants, weight: Double, gradient: Values?
  ) -> Double {
    LossKernels<M>.meanSquared(
      size: size, outputs: outputs, targets: targets, weight: S(weight), gradient: gradient)
  }

  public func binaryCrossEntropy(
    size: Int, logits: Constants, targets: Constants, weight: Double, gradient: Values?
  ) -> Double {
    LossKernels<M>.binaryCrossEntropy(
      size: size, logits: logits, targets: targets, weight: S(weight), gradient: gradient)
  }

  // MARK: Sums and scans

  public func sumOfSquares(_ x: Constants, count: Int, limit: Double) -> Double {
    Reductions<M>.sumOfSquares(x, count: count, limit: S(limit))
  }

  public func firstNaN(_ x: Constants, count: Int) -> Int? { Reductions<M>.firstNaN(x, count: count) }

  public func addColumnSums(_ x: Constants, rows: Int, columns: Int, stride: Int, to sums: Values) {
    Reductions<M>.addColumnSums(x, rows: rows, columns: columns, stride: stride, to: sums)
  }

  public func addWeightedRows(
    _ x: Constants, rows: Int, columns: Int, stride: Int, weights: Constants, weightStride: Int,
    to sums: Values
  ) {
    Reductions<M>.addWeightedRows(
      x, rows: rows, columns: columns, stride: stride, weights: weights, weightStride: weightStride, to: sums)
  }

  public func add(_ x: Constants, to y: Values, count: Int) { Reductions<M>.add(x, to: y, count: count) }

  // MARK: Statistics

  public func moments(_ x: Constants, rows: Int, columns: Int, stride: Int) -> Moments {
    Statistics<M>.moments(x, rows: rows, columns: columns, stride: stride)
  }

  public func countBeyond(
    _ x: Constants, rows: Int, columns: Int, stride: Int, low: Double, high: Double
  ) -> (below: Double, above: Double) {
    Statistics<M>.countBeyond(x, rows: rows, columns: columns, stride: stride, low: S(low), high: S(high))
  }

  public func raiseMaxima(_ x: Constants, rows: Int, columns: Int, stride: Int, _ maxima: Values) {
    Statistics<M>.raiseMaxima(x, rows: rows, columns: columns, stride: stride, maxima)
  }

  public func rowSumsOfSquares(
    _ x: Constants, rows: Int, columns: Int, stride: Int, to sums: UnsafeMutablePointer<Double>
  ) {
    Statistics<M>.rowSumsOfSquares(x, rows: rows, columns: columns, stride: stride, to: sums)
  }

  public func squaredDistance(_ x: Constants, _ y: Constants, count: Int) -> Double {
    Statistics<M>.squaredDistance(x, y, count: count)
  }

  // MARK: Random numbers

  public func random(
    _ random: Philox, from index: UInt64, count: Int, to words: UnsafeMutablePointer<UInt32>
  ) {
    PhiloxKernel<M>.fill(random, from: index, count: count, to: words)
  }

  // MARK: Optimisers

  public func sgd(_ range: UpdateRange<S>, _ constants: SGDConstants<S>) {
    UpdateKernels<M>.sgd(range, constants)
  }

  public func rmsprop(_ range: UpdateRange<S>, _ constants: RMSpropConstants<S>) {
    UpdateKernels<M>.rmsprop(range, constants)
  }

  public func adam(_ range: UpdateRange<S>, _ constants: AdamConstants<S>) {
    UpdateKernels<M>.adam(range, constants)
  }
}
