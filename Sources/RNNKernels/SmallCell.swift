/// A recurrent layer with small weights: row by row, first all sums, then the cell.
enum SmallCell<K: CellKernel, F: SmallFormat> where K.M == Plain<F.M> {
  typealias V = K.V

  @inline(__always)
  private static var lanes: Int { V.scalarCount }

  static func forward(_ step: UnsafePointer<ForwardStep<Float>>, _ input: UnsafePointer<Float>) {
    var row = step.pointee
    for r in 0..<step.pointee.rows {
      row.numbers = step.pointee.numbers.row(r, step.pointee.shape)
      withUnsafePointer(to: row) { forwardRow($0, input + r &* step.pointee.shape.inputStride) }
    }
  }

  /// Behind the sums of a row stand its activations.
  @inline(__always)
  private static func forwardRow(_ step: CellRow<K>.Step, _ input: UnsafePointer<Float>) {
    let shape = step.pointee.shape
    let x = UnsafeMutableRawPointer(step.pointee.scratch + 4 &* shape.stateStride)
    let h = x + (4 &* shape.inputSize &+ 64)
    let inputScale = F.store(input, shape.inputSize, to: x)
    let hiddenScale = F.store(step.pointee.numbers.previousOutput, shape.size, to: h)
    let (inputBytes, hiddenBytes) = (
      F.layout.groupBytes(shape.inputSize, K.gateCount), F.layout.groupBytes(shape.size, K.gateCount)
    )
    let (all, unitBytes) = (
      Packing<K.M>.vectors(shape.size), 4 &* K.sumCount &* lanes &+ inputBytes &+ hiddenBytes
    )
    for index in 0..<all {
      // To and fro: what was read last is still in the cache.
      let vector = step.pointee.step & 1 == 0 ? index : all &- 1 &- index
      var weights = UnsafeRawPointer(step.pointee.weights) + vector &* unitBytes
      let sums = step.pointee.scratch + vector &* K.sumCount &* lanes
      for sum in 0..<K.sumCount {
        Tile<K.M>.store(Tile<K.M>.load(weights.assumingMemoryBound(to: Float.self), sum), sums, sum)
      }
      weights += 4 &* K.sumCount &* lanes
      F.add(weights, shape.inputSize, x, inputScale, to: sums, columns: K.gateCount)
      weights += inputBytes
      F.add(
        weights, shape.size, h, hiddenScale, to: sums + K.firstHiddenSum &* lanes, columns: K.gateCount)
    }
    finish(step)
  }

  /// One piece of code for all formats.
  @inline(never)
  private static func finish(_ step: CellRow<K>.Step) { CellRow<K>.finish(step) }
}

/// y = W x + b with small weights.
enum SmallProduct<F: SmallFormat> {
  typealias M = F.M
  private static var lanes: Int { F.lanes }

  /// Sums stand at the beginning of scratch, the activations behind them.
  static func multiply(
    _ step: ForwardStep<Float>, rows: Int, _ input: UnsafePointer<Float>, to output: UnsafeMutablePointer<Float>
  ) {
    let (depth, columns) = (step.shape.inputSize, step.shape.size)
    let a = UnsafeMutableRawPointer(step.scratch + Blocking.tile)
    for r in 0..<rows {
      let scale = F.store(input + r &* step.shape.inputStride, depth, to: a)
      var weights = UnsafeRawPointer(step.weights)
      Packing<M>.forEachPanel(columns) { first, count, vectors in
        let biases = weights.assumingMemoryBound(to: Float.self)
        for v in 0..<vectors { Tile<M>.store(Tile<M>.load(biases, v), step.scratch, v) }
        F.add(weights + 4 &* lanes &* vectors, depth, a, scale, to: step.scratch, columns: vectors)
        Lanes<M>.forEach(count) { j, some in
          let sums = Lanes<M>.load(step.scratch, j, lanes)
          Lanes<M>.store(sums, output + (r &* columns &+ first), j, some)
        }
        weights += F.layout.bytes(depth: depth, columns: count)
      }
    }
  }
}
