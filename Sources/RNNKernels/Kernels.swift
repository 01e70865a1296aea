/// The cells that have kernels.
public enum CellKind: BitwiseCopyable, Sendable {
  case elman
  case gru
  case lstm
}

/// The kernels of one machine for numbers of one type. No kernel allocates, and each may run on any thread.
///
/// Single numbers are passed as Double or within structs: through an existential, Embedded Swift 6.3 passes a
/// parameter of an associated type in one way and expects it in another.
public protocol Kernels<S>: AnyObject, Sendable {
  associatedtype S: Real
  typealias Values = UnsafeMutablePointer<S>
  typealias Constants = UnsafePointer<S>

  // MARK: Products

  /// C = start + A · B. `Product` says in which order it is summed.
  func multiply(_ call: ProductCall<S>)
  /// Elements that a packed B takes.
  func packedProductCount(depth: Int, columns: Int) -> Int
  /// Packs the steps `part` of the depth of a B [depth, columns] for all products with it.
  func packProduct(
    _ b: Constants, depth: Int, columns: Int, depthStride: Int, columnStride: Int, part: Range<Int>,
    to packed: Values)

  // MARK: Recurrence. `CellPacking`, `CellForward`, `CellBackward`

  /// Elements that packed weights take, in either direction.
  func packedCount(_ cell: CellKind, _ shape: CellShape) -> Int
  /// Panels of hidden units, forward and backward: what a step can be shared by.
  func forwardPanels(_ cell: CellKind, _ shape: CellShape) -> Int
  func backwardPanels(_ shape: CellShape) -> Int
  /// Packs some panels of the weights for `project` and `forward`, or of W_hh [GH, H] for `backward`.
  func packForward(
    _ cell: CellKind, _ shape: CellShape, _ weights: CellWeights<S>, panels: Range<Int>, to packed: Values)
  func packBackward(
    _ cell: CellKind, _ shape: CellShape, _ hiddenWeight: Constants, panels: Range<Int>, to packed: Values)
  func project(_ cell: CellKind, _ step: ForwardStep<S>)
  func forward(_ cell: CellKind, _ step: ForwardStep<S>)
  func backward(_ cell: CellKind, _ step: BackwardStep<S>)

  // MARK: Cells of any kind. `PhasedForward`, `PhasedBackward`

  /// `CellList`.
  var cells: [any CellCode<S>] { get }
  func forward(_ step: UnsafePointer<PhasedStep<S>>, _ cell: any CellCode<S>)
  /// Its last part alone, once more: of a cell that is scanned, h_t from its activations and h_{t-1}.
  func end(_ step: UnsafePointer<PhasedStep<S>>, _ cell: any CellCode<S>)
  /// First what h_t hears, then, if the caller has looked at it, back through the cell.
  func gather(_ step: UnsafePointer<PhasedStep<S>>, _ later: LaterStep<S>)
  func backward(_ step: UnsafePointer<PhasedStep<S>>, _ gradients: CellGradients<S>, _ cell: any CellCode<S>)
  /// Its two parts: of a cell that is scanned, first what goes to h_{t-1}, then the gradients of sums.
  func backwardEnd(
    _ step: UnsafePointer<PhasedStep<S>>, _ gradients: CellGradients<S>, _ cell: any CellCode<S>)
  func backwardBegin(
    _ step: UnsafePointer<PhasedStep<S>>, _ gradients: CellGradients<S>, _ cell: any CellCode<S>)

  /// y = φ(x), where x may be y; and dx = φ'∘dy from y, where dy may be dx.
  func apply(_ function: UnsafePointer<CellFunction<S>>, _ x: Constants, to y: Values, count: Int)
  func multiplySlope(
    _ function: UnsafePointer<CellFunction<S>>, _ y: Constants, _ dy: Constants, to dx: Values, count: Int)

  // MARK: Streams. `StreamKernel`

  /// Some time steps through all layers.
  func stream(_ call: UnsafeMutablePointer<StreamCall<S>>)

  // MARK: Losses of one row of outputs. Each returns the loss and, if asked, its gradient times `weight`

  /// Softmax cross-entropy, log Σ_k exp(x_k) - x_label, shifted by the maximum;
  /// its gradient is softmax(x) - onehot(label).
  func crossEntropy(size: Int, logits: Constants, label: Int, weight: Double, gradient: Values?) -> Double
  /// Squared errors Σ_o (y_o - t_o)²; 2(y - t).
  func meanSquared(size: Int, outputs: Constants, targets: Constants, weight: Double, gradient: Values?)
    -> Double
  /// Binary cross-entropy of logits, Σ_o max(y, 0) - y t + log(1 + exp(-|y|)); σ(y) - t.
  func binaryCrossEntropy(
    size: Int, logits: Constants, targets: Constants, weight: Double, gradient: Values?
  ) -> Double

  // MARK: Sums and scans

  /// Σ min(|x|, limit)², in double.
  func sumOfSquares(_ x: Constants, count: Int, limit: Double) -> Double
  /// The place of the first NaN, or nil.
  func firstNaN(_ x: Constants, count: Int) -> Int?
  /// sums[j] += Σ_rows x[row, j].
  func addColumnSums(_ x: Constants, rows: Int, columns: Int, stride: Int, to sums: Values)
  /// sums[j] += Σ_rows weights[row · weightStride] x[row, j].
  func addWeightedRows(
    _ x: Constants, rows: Int, columns: Int, stride: Int, weights: Constants, weightStride: Int,
    to sums: Values)
  /// y += x.
  func add(_ x: Constants, to y: Values, count: Int)

  // MARK: Statistics of x [rows, columns], rows `stride` apart. `Statistics`

  /// Σ x, Σ x² and max |x|.
  func moments(_ x: Constants, rows: Int, columns: Int, stride: Int) -> Moments
  /// How many are below `low`, and how many above `high`.
  func countBeyond(_ x: Constants, rows: Int, columns: Int, stride: Int, low: Double, high: Double)
    -> (below: Double, above: Double)
  /// maxima[j] ← max(maxima[j], |x[row, j]|) over the rows.
  func raiseMaxima(_ x: Constants, rows: Int, columns: Int, stride: Int, _ maxima: Values)
  /// sums[row] = Σ_j x[row, j]².
  func rowSumsOfSquares(
    _ x: Constants, rows: Int, columns: Int, stride: Int, to sums: UnsafeMutablePointer<Double>)
  /// Σ (x - y)².
  func squaredDistance(_ x: Constants, _ y: Constants, count: Int) -> Double

  // MARK: Random numbers

  /// Words of `Philox`, of `count` blocks from `index` on, where `count` is a multiple of 8.
  func random(_ random: Philox, from index: UInt64, count: Int, to words: UnsafeMutablePointer<UInt32>)

  // MARK: Optimisers. `UpdateKernels`

  func sgd(_ range: UpdateRange<S>, _ constants: SGDConstants<S>)
  func rmsprop(_ range: UpdateRange<S>, _ constants: RMSpropConstants<S>)
  func adam(_ range: UpdateRange<S>, _ constants: AdamConstants<S>)
}
