/// A recurrent layer with small weights: row by row, first all sums, then the cell.
enum SmallCell<K: CellKernel, F: SmallFormat> where K.M == Plain<F.M> {
  static func forward(_ step: UnsafePointer<ForwardStep<Float>>, _ input: UnsafePointer<Float>) {
    let (shape, sums) = (step.pointee.shape, SmallSums<F>(gates: K.gateCount, sums: K.sumCount))
    var row = step.pointee
    for r in 0..<step.pointee.rows {
      row.numbers = step.pointee.numbers.row(r, shape)
      withUnsafePointer(to: row) { row in
        sums.run(row, input + r &* shape.inputStride)
        finish(row)
      }
    }
  }

  /// One piece of code for all formats.
  @inline(never)
  private static func finish(_ step: CellRow<K>.Step) { CellRow<K>.finish(step) }
}

/// All sums of a row, whatever the cell. W_ih x adds to the first of them, W_hh h to the last.
struct SmallSums<F: SmallFormat> {
  typealias M = F.M
  let gates: Int
  let sums: Int

  /// To scratch; behind them stand the activations.
  @inline(never)
  func run(_ step: UnsafePointer<ForwardStep<Float>>, _ input: UnsafePointer<Float>) {
    let (shape, scratch) = (step.pointee.shape, step.pointee.scratch)
    let x = UnsafeMutableRawPointer(scratch + 4 &* shape.stateStride)
    let h = x + (4 &* shape.inputSize &+ 64)
    let inputScale = F.store(input, shape.inputSize, to: x)
    let hiddenScale = F.store(step.pointee.numbers.previousOutput, shape.size, to: h)
    let biasBytes = 4 &* sums &* F.lanes
    let inputBytes = F.layout.groupBytes(shape.inputSize, gates)
    let unitBytes = biasBytes &+ inputBytes &+ F.layout.groupBytes(shape.size, gates)
    let all = Packing<M>.vectors(shape.size)
    let weights = UnsafeRawPointer(step.pointee.weights)
    for vector in 0..<all {
      let biases = (weights + vector &* unitBytes).assumingMemoryBound(to: Float.self)
      let own = scratch + vector &* sums &* F.lanes
      for sum in 0..<sums { Tile<M>.store(Tile<M>.load(biases, sum), own, sum) }
    }
    let input = groups(weights + biasBytes, all, unitBytes, step.pointee.step)
    F.add(input, shape.inputSize, x, inputScale, to: scratch, columns: gates)
    let hidden = groups(weights + (biasBytes &+ inputBytes), all, unitBytes, step.pointee.step)
    F.add(
      hidden, shape.size, h, hiddenScale, to: scratch + (sums &- gates) &* F.lanes, columns: gates)
  }

  @inline(__always)
  private func groups(_ start: UnsafeRawPointer, _ count: Int, _ stride: Int, _ time: Int) -> SmallGroups {
    SmallGroups(
      start: start, count: count, stride: stride, sumStride: sums &* F.lanes, isBackwards: time & 1 == 1)
  }
}

/// y = W x + b with small weights.
enum SmallProduct<F: SmallFormat> {
  typealias M = F.M
  private static var lanes: Int { F.lanes }

  /// Sums stand at the beginning of scratch, the activations behind them.
  static func multiply(
    _ step: ForwardStep<Float>, rows: Int, _ input: UnsafePointer<Float>,
    to output: UnsafeMutablePointer<Float>
  ) {
    let (depth, columns) = (step.shape.inputSize, step.shape.size)
    let a = UnsafeMutableRawPointer(step.scratch + Blocking.tile)
    for r in 0..<rows {
      let scale = F.store(input + r &* step.shape.inputStride, depth, to: a)
      var weights = UnsafeRawPointer(step.weights)
      Packing<M>.forEachPanel(columns) { first, count, vectors in
        let biases = weights.assumingMemoryBound(to: Float.self)
        for v in 0..<vectors { Tile<M>.store(Tile<M>.load(biases, v), step.scratch, v) }
        let group = SmallGroups(start: weights + 4 &* lanes &* vectors, count: 1, stride: 0, sumStride: 0)
        F.add(group, depth, a, scale, to: step.scratch, columns: vectors)
        Lanes<M>.forEach(count) { j, some in
          let sums = Lanes<M>.load(step.scratch, j, lanes)
          Lanes<M>.store(sums, output + (r &* columns &+ first), j, some)
        }
        weights += F.layout.bytes(depth: depth, columns: count)
      }
    }
  }
}
