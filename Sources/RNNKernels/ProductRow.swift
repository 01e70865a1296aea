/// A single row through a matrix of one block of the depth: y = W x + b. Each sum is what `Product` makes of it: a chain
/// that b begins in panels of whole vectors, and that b is added to in others.
enum ProductRow<M: Machine> {
  typealias V = M.V
  typealias S = M.S

  /// W takes `packed` elements, b comes behind it, zeros up to a whole vector.
  @inline(never)
  static func multiply(
    _ step: UnsafePointer<ForwardStep<S>>, packed: Int, _ x: UnsafePointer<S>, to y: UnsafeMutablePointer<S>
  ) {
    let (depth, weights, sums) = (step.pointee.shape.inputSize, step.pointee.weights, step.pointee.scratch)
    Packing<M>.forEachPanel(step.pointee.shape.size) { first, count, vectors in
      let (panel, biases) = (weights + first &* depth, weights + (packed &+ first))
      let isWhole = count == vectors &* V.scalarCount
      switch vectors {
      case 1: PanelRow<1, M>(panel, biases, isWhole, x, depth).store(to: sums)
      case 2: PanelRow<2, M>(panel, biases, isWhole, x, depth).store(to: sums)
      case 3: PanelRow<3, M>(panel, biases, isWhole, x, depth).store(to: sums)
      default: PanelRow<4, M>(panel, biases, isWhole, x, depth).store(to: sums)
      }
      Lanes<M>.copy(sums, to: y + first, count)
    }
  }
}

/// The sums of one panel, which live in registers.
private struct PanelRow<let vectors: Int, M: Machine> {
  private var sums = InlineArray<vectors, M.V>(repeating: M.V(repeating: 0))

  @inline(__always)
  init(
    _ panel: UnsafePointer<M.S>, _ biases: UnsafePointer<M.S>, _ isWhole: Bool, _ x: UnsafePointer<M.S>,
    _ depth: Int
  ) {
    if isWhole { for v in 0..<vectors { sums[unchecked: v] = Tile<M>.load(biases, v) } }
    for k in 0..<depth {
      let x = M.V(repeating: x[k])
      for v in 0..<vectors {
        sums[unchecked: v] = M.multiplyAdd(sums[unchecked: v], x, Tile<M>.load(panel, k &* vectors &+ v))
      }
    }
    if !isWhole { for v in 0..<vectors { sums[unchecked: v] = Tile<M>.load(biases, v) + sums[unchecked: v] } }
  }

  @inline(__always)
  func store(to target: UnsafeMutablePointer<M.S>) {
    for v in 0..<vectors { Tile<M>.store(sums[unchecked: v], target, v) }
  }
}
