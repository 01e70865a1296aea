/// A single row through a matrix of one block of the depth: y = W x + b. Each sum is what `Product` makes of it: a chain
/// that b begins in panels of whole vectors, and that b is added to in others. Two panels at once fill the multiply-add
/// units.
enum ProductRow<M: Machine> {
  typealias V = M.V
  typealias S = M.S

  /// Whether `Product` has one block for so many steps, and so this can take its place.
  @inline(__always)
  static func takes(depth: Int) -> Bool { depth <= Blocking.depth }

  /// W is packed for `columns`. b: zeros up to a whole vector behind it, or nil. Sums stand in `scratch` first.
  @inline(never)
  static func multiply(
    depth: Int, columns: Int, _ weights: UnsafePointer<S>, _ biases: UnsafePointer<S>?,
    _ x: UnsafePointer<S>, to y: UnsafeMutablePointer<S>, scratch sums: UnsafeMutablePointer<S>
  ) {
    let width = Packing<M>.panelColumns
    var first = 0
    while first < columns {
      let (panel, start) = (weights + first &* depth, biases.map { $0 + first })
      if columns &- first >= 2 &* width {
        PanelRow<2, 4, M>(panel, start, true, x, depth).store(to: y + first)
        first &+= 2 &* width
        continue
      }
      let count = min(width, columns &- first)
      let vectors = Packing<M>.vectors(count)
      let isWhole = count == vectors &* V.scalarCount
      switch vectors {
      case 1: PanelRow<1, 1, M>(panel, start, isWhole, x, depth).store(to: sums)
      case 2: PanelRow<1, 2, M>(panel, start, isWhole, x, depth).store(to: sums)
      case 3: PanelRow<1, 3, M>(panel, start, isWhole, x, depth).store(to: sums)
      default: PanelRow<1, 4, M>(panel, start, isWhole, x, depth).store(to: sums)
      }
      Lanes<M>.copy(sums, to: y + first, count)
      first &+= width
    }
  }
}

/// The sums of one panel, or of two, which live in registers.
private struct PanelRow<let panels: Int, let vectors: Int, M: Machine> {
  private typealias Sums = InlineArray<vectors, M.V>
  private var sums = InlineArray<panels, Sums>(repeating: Sums(repeating: M.V(repeating: 0)))

  @inline(__always)
  init(
    _ panel: UnsafePointer<M.S>, _ biases: UnsafePointer<M.S>?, _ isWhole: Bool, _ x: UnsafePointer<M.S>,
    _ depth: Int
  ) {
    let stride = vectors &* depth
    if isWhole, let biases { forEach { p, v, sum in sum = Tile<M>.load(biases, p &* vectors &+ v) } }
    for k in 0..<depth {
      let x = M.V(repeating: x[k])
      forEach { p, v, sum in
        sum = M.multiplyAdd(sum, x, Tile<M>.load(panel, p &* stride &+ k &* vectors &+ v))
      }
    }
    if !isWhole, let biases { forEach { p, v, sum in sum = Tile<M>.load(biases, p &* vectors &+ v) + sum } }
  }

  @inline(__always)
  private mutating func forEach(_ body: (_ panel: Int, _ vector: Int, inout M.V) -> Void) {
    for p in 0..<panels {
      for v in 0..<vectors { body(p, v, &sums[unchecked: p][unchecked: v]) }
    }
  }

  @inline(__always)
  func store(to target: UnsafeMutablePointer<M.S>) {
    for p in 0..<panels {
      for v in 0..<vectors { Tile<M>.store(sums[unchecked: p][unchecked: v], target, p &* vectors &+ v) }
    }
  }
}
