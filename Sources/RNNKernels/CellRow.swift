/// A single row through a cell whose panels are one vector of units with four sums, and whose state has room for whole
/// vectors. By `Tile` it would wait for its own sums, so it is run against several panels at once, as many as there
/// are sums under way when the multiply-add units are full. Each sum is the chain that `Tile` makes of it.
enum CellRow<K: CellKernel> {
  typealias M = K.M
  typealias V = M.V
  typealias S = M.S
  typealias Panel = CellPanel<K>
  typealias Step = UnsafePointer<ForwardStep<S>>

  @inline(__always)
  static func forward(_ step: Step, _ input: UnsafePointer<S>) {
    switch step.pointee.panels.upperBound {
    case 1: RowBlock<1, K>.forward(step, input)
    case 2: RowBlock<2, K>.forward(step, input)
    default: forwardPanels(step, input)
    }
  }

  /// First all sums, then the cell for all units, whose chains of operations overlap then. At odd steps the panels are
  /// walked from the last to the first: what was read last is still in the cache.
  @inline(never)
  private static func forwardPanels(_ step: Step, _ input: UnsafePointer<S>) {
    let shape = step.pointee.shape
    let all = step.pointee.panels.upperBound
    let isForward = step.pointee.step & 1 == 0
    var done = 0
    while done < all {
      let rest = all &- done
      let count = count(of: rest, all)
      multiply(step, input, Panel(isForward ? done : rest &- count, shape), count)
      done &+= count
    }
    finish(step)
  }

  /// In two rounds.
  @inline(__always)
  static func finish(_ step: Step) {
    let (step, width) = (withoutActivations(step), V.scalarCount)
    for j in stride(from: 0, to: step.shape.size, by: width) {
      let own = step.scratch + j &* K.sumCount
      Tile<M>.store(K.begin(j, width, own, step.numbers, step), own, 0)
    }
    for j in stride(from: 0, to: step.shape.size, by: width) {
      let own = UnsafePointer(step.scratch + j &* K.sumCount)
      K.end(Tile<M>.load(own, 0), j, width, own, step.numbers, step)
    }
  }

  /// A step of which nothing is kept, so that nobody has to ask.
  @inline(__always)
  static func withoutActivations(_ step: Step) -> ForwardStep<S> {
    var step = step.pointee
    step.keepsActivations = false
    return step
  }

  /// How many panels are next: three at once, but for the last four. A GRU's four have as few sums that W_hh adds to as
  /// an LSTM's three; of an LSTM two and two are better than three and one. Where all weights come from the second
  /// cache, two are 1 to 3 % faster.
  @inline(__always)
  private static func count(of rest: Int, _ all: Int) -> Int {
    if 9...16 ~= all { return min(rest, 2) }
    if rest == 4 { return K.firstHiddenSum > 0 ? 4 : 2 }
    return min(rest, 3)
  }

  @inline(__always)
  private static func multiply(_ step: Step, _ input: UnsafePointer<S>, _ panel: Panel, _ count: Int) {
    let sums = step.pointee.scratch + panel.firstUnit &* K.sumCount
    switch count {
    case 1: RowBlock<1, K>(step, input, panel).store(to: sums)
    case 2: RowBlock<2, K>(step, input, panel).store(to: sums)
    case 4: if K.firstHiddenSum > 0 { RowBlock<4, K>(step, input, panel).store(to: sums) }
    default: RowBlock<3, K>(step, input, panel).store(to: sums)
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

  /// b, then + W_ih x, then + W_hh h.
  @inline(__always)
  init(_ step: CellRow<K>.Step, _ input: UnsafePointer<S>, _ panel: CellPanel<K>) {
    let stride = CellPanel<K>.stride(step.pointee.shape)
    let weights = step.pointee.weights
    for p in 0..<panels {
      for c in 0..<4 {
        sums[unchecked: p][unchecked: c] = Tile<M>.load(weights + (panel.biases &+ p &* stride), c)
      }
    }
    add(input, step.pointee.shape.inputSize, weights + panel.inputWeights, stride, from: 0)
    add(
      step.pointee.numbers.previousOutput, step.pointee.shape.size, weights + panel.hiddenWeights, stride,
      from: K.firstHiddenSum)
  }

  @inline(__always)
  func store(to target: UnsafeMutablePointer<S>) {
    for p in 0..<panels {
      for c in 0..<4 { Tile<M>.store(sums[unchecked: p][unchecked: c], target, p &* 4 &+ c) }
    }
  }

  /// A row of these panels and no others: its sums stay in registers until the cell has them.
  @inline(never)
  static func forward(_ step: CellRow<K>.Step, _ input: UnsafePointer<S>) {
    var block = RowBlock(step, input, CellPanel(0, step.pointee.shape))
    let step = CellRow<K>.withoutActivations(step)
    var begun = InlineArray<panels, V>(repeating: V(repeating: 0))
    for p in 0..<panels { begun[unchecked: p] = begin(p, &block.sums[unchecked: p], step) }
    for p in 0..<panels { end(begun[unchecked: p], p, &block.sums[unchecked: p], step) }
  }

  @inline(__always)
  private static func begin(_ p: Int, _ sums: UnsafeRawPointer, _ step: ForwardStep<S>) -> V {
    let width = V.scalarCount
    return K.begin(p &* width, width, sums.assumingMemoryBound(to: S.self), step.numbers, step)
  }

  @inline(__always)
  private static func end(_ begun: V, _ p: Int, _ sums: UnsafeRawPointer, _ step: ForwardStep<S>) {
    let width = V.scalarCount
    K.end(begun, p &* width, width, sums.assumingMemoryBound(to: S.self), step.numbers, step)
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
