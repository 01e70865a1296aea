/// A single row through a cell whose panels are one vector of units with four sums, and whose state has room for whole
/// vectors. By `Tile` it would wait for its own sums, so it is run against several panels at once, as many as there
/// are sums under way when the multiply-add units are full. Each sum is the chain that `Tile` makes of it.
enum CellRow<K: CellKernel> {
  typealias M = K.M
  typealias V = M.V
  typealias S = M.S
  typealias Panel = CellPanel<K>
  typealias Step = UnsafePointer<ForwardStep<S>>

  /// First all sums, then the cell for all units, whose chains of operations overlap then. At odd steps the panels are
  /// walked from the last to the first: what was read last is still in the cache.
  static func forward(_ step: Step, _ input: UnsafePointer<S>) {
    let shape = step.pointee.shape
    let all = Panel.count(shape)
    let isForward = step.pointee.step & 1 == 0
    var done = 0
    while done < all {
      let rest = all &- done
      let count = rest == 4 ? 2 : min(rest, 3)
      multiply(step, input, Panel(isForward ? done : rest &- count, shape), count)
      done &+= count
    }
    finish(step)
  }

  /// Of a single vector of units at one go, of more in two rounds.
  @inline(__always)
  static func finish(_ step: Step) {
    let (size, width, numbers) = (step.pointee.shape.size, V.scalarCount, step.pointee.numbers)
    let sums = step.pointee.scratch
    if size <= width {
      return K.end(
        K.begin(0, width, sums, numbers, step.pointee), 0, width, sums, numbers, step.pointee)
    }
    for j in stride(from: 0, to: size, by: width) {
      let own = sums + j &* K.sumCount
      Tile<M>.store(K.begin(j, width, own, numbers, step.pointee), own, 0)
    }
    for j in stride(from: 0, to: size, by: width) {
      let own = UnsafePointer(sums + j &* K.sumCount)
      K.end(Tile<M>.load(own, 0), j, width, own, numbers, step.pointee)
    }
  }

  /// Three panels at once, but two and two rather than three and one.
  @inline(__always)
  private static func multiply(_ step: Step, _ input: UnsafePointer<S>, _ panel: Panel, _ count: Int) {
    switch count {
    case 1: RowBlock<1, K>.run(step, input, panel)
    case 2: RowBlock<2, K>.run(step, input, panel)
    default: RowBlock<3, K>.run(step, input, panel)
    }
  }
}

/// Some panels, whose sums live in registers.
struct RowBlock<let panels: Int, K: CellKernel> {
  typealias M = K.M
  typealias V = M.V
  typealias S = M.S
  private typealias Sums = InlineArray<4, V>
  private var sums = InlineArray<panels, Sums>(repeating: Sums(repeating: V(repeating: 0)))

  /// b, then + W_ih x, then + W_hh h, to scratch.
  @inline(__always)
  static func run(_ step: CellRow<K>.Step, _ input: UnsafePointer<S>, _ panel: CellPanel<K>) {
    let stride = CellPanel<K>.stride(step.pointee.shape)
    let weights = step.pointee.weights
    var block = RowBlock()
    for p in 0..<panels {
      for c in 0..<4 {
        block.sums[unchecked: p][unchecked: c] = Tile<M>.load(weights + (panel.biases &+ p &* stride), c)
      }
    }
    block.add(input, step.pointee.shape.inputSize, weights + panel.inputWeights, stride, from: 0)
    block.add(
      step.pointee.numbers.previousOutput, step.pointee.shape.size, weights + panel.hiddenWeights, stride,
      from: K.firstHiddenSum)
    let target = step.pointee.scratch + panel.firstUnit &* K.sumCount
    for p in 0..<panels {
      for c in 0..<4 {
        Tile<M>.store(block.sums[unchecked: p][unchecked: c], target, p &* 4 &+ c)
      }
    }
  }

  /// + W a, to the sums from `first` on that W has a part in.
  @inline(__always)
  private mutating func add(
    _ a: UnsafePointer<S>, _ depth: Int, _ weights: UnsafePointer<S>, _ stride: Int, from first: Int
  ) {
    let width = 4 &- K.firstHiddenSum
    var (panel, k) = (weights, 0)
    while k < depth {
      let x = V(repeating: a[k])
      for p in 0..<panels {
        for c in 0..<width {
          sums[unchecked: p][unchecked: first &+ c] = M.multiplyAdd(
            sums[unchecked: p][unchecked: first &+ c], x, Tile<M>.load(panel + p &* stride, c))
        }
      }
      panel += width &* V.scalarCount
      k &+= 1
    }
  }
}
