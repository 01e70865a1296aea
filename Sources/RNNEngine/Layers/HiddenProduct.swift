import RNNKernels

/// The product of W_hh with the state of one step, forward and backward, for a range of the batch's rows.
///
/// Over many steps the weights are packed once and multiplied by our own kernel, in which rows are independent:
/// threads can then share the batch for the whole pass. Over few steps, or where the machine has no fused
/// multiply-add, it is BLAS, for all rows at once.
struct HiddenProduct<C: Cell> {
  typealias S = C.S
  /// Packing reads and writes all weights once; a step reads them once. Measured to pay from a few steps on.
  static var fewestSteps: Int { 4 }

  private let context: Recurrent<C>.Context
  private let level: Int
  private let isPacked: Bool

  private var layer: Recurrent<C> { context.layer }
  private var packed: View<S> { context.scratch.packed }

  private init(_ context: Recurrent<C>.Context, level: Int) {
    (self.context, self.level) = (context, level)
    isPacked = S.hasFastPackedProduct && context.pass.steps >= Self.fewestSteps
  }

  /// Elements of scratch that either direction packs into.
  static func scratch(gateWidth: Int, size: Int) throws(RNNError) -> Int {
    let margin = Packing<S>.panelColumns
    return max(
      try Size.product(Size.sum(gateWidth, margin), size), try Size.product(Size.sum(size, margin), gateWidth)
    )
  }

  /// Whether rows may be computed apart from one another.
  var isSplittable: Bool { isPacked }

  // MARK: hidden = W_hh h_{t-1}

  static func forward(_ context: Recurrent<C>.Context, level: Int) -> HiddenProduct {
    let product = HiddenProduct(context, level: level)
    let (size, weight) = (product.layer.size, context.hiddenWeight(level).values)
    if product.isPacked {
      Packing<S>.pack(
        depth: size, columns: product.layer.gateWidth, weight.start, depthStride: 1, columnStride: size,
        to: product.packed.start)
    }
    return product
  }

  func multiplyForward(step: Int, rows: Range<Int>) {
    let (size, width) = (layer.size, layer.gateWidth)
    let (h, hidden) = (context.previousOutput(level, step), context.scratch.hidden)
    guard isPacked else {
      return matmul(
        context.stepMatrix(h, size), context.hiddenWeight(level).transposed,
        into: context.stepMatrix(hidden, width))
    }
    S.multiplyPacked(
      rows: rows.count, depth: size, columns: width, h.start + rows.lowerBound * size, aStride: size,
      packed: packed.start, panelStride: size * Packing<S>.panelColumns,
      hidden.start + rows.lowerBound * width, cStride: width, adding: false)
  }

  // MARK: ∂L/∂h_{t-1} += W_hhᵀ dgates_t

  static func backward(_ context: Recurrent<C>.Context, level: Int) -> HiddenProduct {
    let product = HiddenProduct(context, level: level)
    let (size, weight) = (product.layer.size, context.hiddenWeight(level).values)
    if product.isPacked {
      Packing<S>.pack(
        depth: product.layer.gateWidth, columns: size, weight.start, depthStride: size, columnStride: 1,
        to: product.packed.start)
    }
    return product
  }

  func multiplyBackward(step: Int, rows: Range<Int>) {
    let (size, gradOutput) = (layer.size, context.scratch.gradOutput)
    for block in layer.cell.hiddenBlocks {
      let gradient = context.hiddenGradient(level, block, steps: step..<step + 1)
      guard isPacked else {
        matmul(
          gradient, context.hiddenWeight(level, block), into: context.stepMatrix(gradOutput, size),
          adding: true)
        continue
      }
      S.multiplyPacked(
        rows: rows.count, depth: gradient.columns, columns: size,
        gradient.values.start + rows.lowerBound * gradient.stride, aStride: gradient.stride,
        packed: packed.start + block.firstGate * size * Packing<S>.panelColumns,
        panelStride: layer.gateWidth * Packing<S>.panelColumns, gradOutput.start + rows.lowerBound * size,
        cStride: size, adding: true)
    }
  }
}
