/// The kernels compiled for machine `M`: every module of an instruction set makes its own.
public final class KernelSet<M: Machine>: Kernels {
  public typealias S = M.S

  public init() {}

  public func multiply(_ call: ProductCall<S>) { Product<M>.multiply(call) }

  // MARK: Recurrence

  public func packedCount(_ cell: CellKind, size: Int) -> Int {
    let gates = cell == .elman ? 1 : cell == .gru ? 3 : 4
    return Packing<M>.vectors(size) &* M.V.scalarCount &* gates &* size
  }

  public func packForward(_ cell: CellKind, size: Int, _ weight: Constants, to packed: Values) {
    switch cell {
    case .elman: CellLoop<ElmanKernel<M>>.packForward(size: size, weight, to: packed)
    case .gru: CellLoop<GRUKernel<M>>.packForward(size: size, weight, to: packed)
    case .lstm: CellLoop<LSTMKernel<M>>.packForward(size: size, weight, to: packed)
    }
  }

  public func packBackward(_ cell: CellKind, size: Int, _ weight: Constants, to packed: Values) {
    switch cell {
    case .elman: CellLoop<ElmanKernel<M>>.packBackward(size: size, weight, to: packed)
    case .gru: CellLoop<GRUKernel<M>>.packBackward(size: size, weight, to: packed)
    case .lstm: CellLoop<LSTMKernel<M>>.packBackward(size: size, weight, to: packed)
    }
  }

  public func forward(_ cell: CellKind, _ step: ForwardStep<S>) {
    switch cell {
    case .elman: CellLoop<ElmanKernel<M>>.forward(step)
    case .gru: CellLoop<GRUKernel<M>>.forward(step)
    case .lstm: CellLoop<LSTMKernel<M>>.forward(step)
    }
  }

  public func backward(_ cell: CellKind, _ step: BackwardStep<S>) {
    switch cell {
    case .elman: CellLoop<ElmanKernel<M>>.backward(step)
    case .gru: CellLoop<GRUKernel<M>>.backward(step)
    case .lstm: CellLoop<LSTMKernel<M>>.backward(step)
    }
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

  public func add(_ x: Constants, to y: Values, count: Int) { Reductions<M>.add(x, to: y, count: count) }

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
