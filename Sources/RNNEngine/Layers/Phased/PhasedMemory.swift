import RNNKernels

/// Numbers of every step, [T, B, width], or of one step where only the last is needed.
struct StepArray<S: Scalar> {
  private let values: View<S>
  private let width: Int
  private let keepsAll: Bool
  private let rows: Int

  init(
    _ carver: inout Carver<S>, steps: Int, rows: Int, width: Int, keepsAll: Bool
  ) throws(RNNError) {
    (self.width, self.keepsAll, self.rows) = (width, keepsAll, rows)
    values = try carver.take(Size.product(keepsAll ? steps : 1, rows, width))
  }

  var isEmpty: Bool { width == 0 }
  var all: View<S> { values }

  /// Rows from `row` on at a step.
  func start(_ step: Int, _ row: Int) -> UnsafeMutablePointer<S> {
    values.start + ((keepsAll ? step * rows : 0) + row) * width
  }

  /// The same, nil if there are none.
  func optional(_ step: Int, _ row: Int) -> UnsafeMutablePointer<S>? {
    isEmpty ? nil : start(step, row)
  }

  /// Some steps as a matrix [steps·B, columns], from a column on.
  func matrix(_ steps: Range<Int>, from column: Int = 0, columns: Int? = nil) -> Matrix<S> {
    let (height, columns) = (steps.count * rows, columns ?? width)
    let first = (keepsAll ? steps.lowerBound * rows : 0) * width + column
    return Matrix(
      values.part(first, (height - 1) * width + columns), rows: height, columns: columns, stride: width)
  }
}

/// What a level keeps from forward for backward.
struct PhasedReserve<S: Scalar> {
  /// v, activations, ∂v; of blocks of steps without training. u and ∂u.
  let inner: StepArray<S>
  let hidden: StepArray<S>
  let innerNormal: StepArray<S>
  let hiddenNormal: StepArray<S>
  let cellNormal: StepArray<S>
  let deviations: StepArray<S>
  /// c before zoneout and after; one array where there is none.
  let fresh: StepArray<S>
  let cells: StepArray<S>
  let made: StepArray<S>
  let reset: StepArray<S>
  let projected: StepArray<S>
  /// h_{t-1} as W_hh sees it, of T steps and of the one after; with a mask only.
  let operands: StepArray<S>
  let outputZone: StepArray<S>
  let cellZone: StepArray<S>
  let mask: View<S>

  init(
    _ carver: inout Carver<S>, _ layer: PhasedLayer<S>, steps: Int, rows: Int, isTraining: Bool
  ) throws(RNNError) {
    func array(_ width: Int, if wanted: Bool = true, keeps: Bool = isTraining) throws(RNNError) -> StepArray<
      S
    > {
      try StepArray(&carver, steps: steps, rows: rows, width: wanted ? width : 0, keepsAll: keeps)
    }
    let (options, size, output) = (layer.options, layer.size, layer.outputSize)
    let (gates, isNormal) = (layer.sizes.gateStride, options.isNormalized && isTraining)
    let hasProjection = options.projection > 0
    inner = try StepArray(
      &carver, steps: isTraining ? steps : min(steps, blockSteps(rows: rows)), rows: rows, width: gates,
      keepsAll: true)
    hidden = try array(gates, if: layer.hasHidden, keeps: isTraining && layer.separatesHidden)
    innerNormal = try array(gates, if: isNormal)
    hiddenNormal = try array(gates, if: isNormal && layer.hasHidden)
    cellNormal = try array(size, if: isNormal && layer.hasCell)
    deviations = try array(3, if: isNormal)
    fresh = try array(size, if: layer.hasCell)
    cells = try array(size, if: layer.hasCell && options.cellZoneout > 0)
    made = try array(size, if: hasProjection)
    reset = try array(size, if: layer.form.hidden == .reset)
    projected = try array(output, if: hasProjection && isTraining)
    let isMasked = options.recurrentDropout > 0 && isTraining
    operands = try StepArray(
      &carver, steps: Size.sum(steps, 1), rows: rows, width: isMasked ? output : 0, keepsAll: true)
    outputZone = try array(output, if: options.zoneout > 0 && isTraining)
    cellZone = try array(size, if: options.cellZoneout > 0 && isTraining)
    mask = try carver.take(isMasked ? Size.product(rows, output) : 0)
  }
}

/// Scratch of one pass through a level.
struct PhasedScratch<S: Scalar> {
  /// h_0 and c_0; without training c_t.
  let initialOutput: View<S>
  let initialCell: View<S>
  /// ∂L/∂h and ∂L/∂c of one step; ∂L/∂m, of a block where there is a scan; ∂L/∂s; c as h sees it. [B, …] each.
  let gradOutput: View<S>
  let gradCell: View<S>
  let gradMade: View<S>
  let gradReset: View<S>
  let shown: View<S>
  /// Of a scan: h_t or its gradient as they were, [B, P]; what goes past W_hh at each step of a block.
  let old: View<S>
  let carried: View<S>
  /// Of parameters without a matrix, row by row.
  let sums: View<S>
  /// [GH]
  let gateRow: View<S>
  /// h_{t-1} of the first block.
  let previous: View<S>
  let product: View<S>

  init(
    _ carver: inout Carver<S>, _ layer: PhasedLayer<S>, height: Int, rows: Int, isTraining: Bool
  ) throws(RNNError) {
    let (size, output) = (try Size.product(rows, layer.size), try Size.product(rows, layer.outputSize))
    let block = min(height, blockSteps(rows: rows) * rows)
    func take(_ count: Int, if wanted: Bool = isTraining) throws(RNNError) -> View<S> {
      try carver.take(wanted ? count : 0)
    }
    initialOutput = try take(output, if: true)
    initialCell = try take(size, if: layer.hasCell)
    gradOutput = try take(output)
    gradCell = try take(size)
    gradMade = try take(layer.form.isScanned ? Size.product(block, layer.size) : size)
    gradReset = try take(size)
    shown = try take(size)
    old = try take(output, if: layer.form.isScanned)
    carried = try take(Size.product(block, layer.outputSize), if: isTraining && layer.form.isScanned)
    sums = try take(Size.product(rows, layer.sums.count))
    gateRow = try take(layer.gateWidth)
    previous = try take(Size.product(block, layer.outputSize))
    let widest = max(layer.sizes.input, layer.size, layer.outputSize)
    product = try carver.take(
      max(
        matmulScratch(columns: widest, depth: isTraining ? max(height, layer.gateWidth) : widest),
        Blocking.tile))
  }
}
