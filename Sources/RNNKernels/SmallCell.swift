/// A recurrent layer with small weights: row by row, first all sums, then the cell.
enum SmallCell<K: CellKernel, F: SmallFormat> where K.M == Plain<F.M> {
  static func forward(_ step: UnsafePointer<ForwardStep<Float>>, _ input: UnsafePointer<Float>) {
    if step.pointee.rows == 1 { return forwardRow(step, input) }
    let shape = step.pointee.shape
    var row = step.pointee
    for r in 0..<step.pointee.rows {
      row.numbers = step.pointee.numbers.row(r, shape)
      withUnsafePointer(to: row) { forwardRow($0, input + r &* shape.inputStride) }
    }
  }

  @inline(__always)
  private static func forwardRow(_ row: UnsafePointer<ForwardStep<Float>>, _ input: UnsafePointer<Float>) {
    SmallSums<F>(gates: K.gateCount, sums: K.sumCount).run(row, input)
    finish(row)
  }

  /// One piece of code for all formats.
  @inline(never)
  private static func finish(_ step: CellRow<K>.Step) { CellRow<K>.finish(step) }
}

/// All sums of a row, whatever the cell. W_ih x adds to the first of them, W_hh h to the last.
struct SmallSums<F: SmallFormat> {
  private typealias T = Tile<F.M>
  typealias V = F.M.V
  let gates: Int
  let sums: Int

  /// To scratch; behind them stand the activations.
  @inline(never)
  func run(_ step: UnsafePointer<ForwardStep<Float>>, _ input: UnsafePointer<Float>) {
    let (shape, scratch) = (step.pointee.shape, step.pointee.scratch)
    let places = SmallPlaces(F.layout, shape, gates: gates, sums: sums)
    let start = UnsafeRawPointer(step.pointee.weights)
    func groups(_ offset: Int, _ stride: Int) -> SmallGroups {
      SmallGroups(
        start: start + offset, count: Packing<F.M>.vectors(shape.size), stride: stride,
        sumStride: sums &* F.lanes, isBackwards: step.pointee.step & 1 == 1)
    }
    let place = UnsafeMutableRawPointer(scratch + 4 &* shape.stateStride)
    begin(groups(0, places.startBytes), input, shape.inputSize, to: scratch)
    if !F.format.keepsInput(shape.inputSize) {
      let x = Activations(input, shape.inputSize, at: place, F.self)
      F.add(groups(places.input, places.inputBytes), x, to: scratch, columns: gates)
    }
    let h = Activations(
      step.pointee.numbers.previousOutput, shape.size, at: place + (4 &* shape.inputSize &+ 64), F.self)
    F.add(
      groups(places.hidden, places.hiddenBytes), h, to: scratch + (sums &- gates) &* F.lanes,
      columns: gates)
  }

  /// b, and + W_ih x for a few x whose weights are floats.
  @inline(never)
  private func begin(
    _ groups: SmallGroups, _ x: UnsafePointer<Float>, _ inputs: Int, to scratch: UnsafeMutablePointer<Float>
  ) {
    let kept = F.format.keepsInput(inputs) ? inputs : 0
    switch gates {
    case 1: begin(groups, x, kept, to: scratch, gates: Vectors<1>.self, sums: Vectors<1>.self)
    case 3: begin(groups, x, kept, to: scratch, gates: Vectors<3>.self, sums: Vectors<4>.self)
    default: begin(groups, x, kept, to: scratch, gates: Vectors<4>.self, sums: Vectors<4>.self)
    }
  }

  @inline(__always)
  private func begin<let gates: Int, let sums: Int>(
    _ groups: SmallGroups, _ x: UnsafePointer<Float>, _ inputs: Int, to scratch: UnsafeMutablePointer<Float>,
    gates _: Vectors<gates>.Type, sums _: Vectors<sums>.Type
  ) {
    var start = groups.start.assumingMemoryBound(to: Float.self)
    for vector in 0..<groups.count {
      var own = InlineArray<sums, V>(repeating: V(repeating: 0))
      for sum in 0..<sums { own[unchecked: sum] = T.load(start, sum) }
      for k in 0..<inputs {
        let x = V(repeating: x[k])
        for gate in 0..<gates {
          let weights = T.load(start, sums &+ k &* gates &+ gate)
          own[unchecked: gate] = Plain<F.M>.multiplyAdd(own[unchecked: gate], x, weights)
        }
      }
      for sum in 0..<sums { T.store(own[unchecked: sum], scratch, vector &* sums &+ sum) }
      start += groups.stride / 4
    }
  }
}

/// A number of vectors, as a type.
private enum Vectors<let count: Int> {}

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
    for r in 0..<rows {
      let a = Activations(
        input + r &* step.shape.inputStride, depth, at: UnsafeMutableRawPointer(step.scratch + Blocking.tile),
        F.self)
      var weights = UnsafeRawPointer(step.weights)
      Packing<M>.forEachPanel(columns) { first, count, vectors in
        let biases = weights.assumingMemoryBound(to: Float.self)
        for v in 0..<vectors { Tile<M>.store(Tile<M>.load(biases, v), step.scratch, v) }
        let group = SmallGroups(start: weights + 4 &* lanes &* vectors, count: 1, stride: 0, sumStride: 0)
        F.add(group, a, to: step.scratch, columns: vectors)
        Lanes<M>.forEach(count) { j, some in
          let sums = Lanes<M>.load(step.scratch, j, lanes)
          Lanes<M>.store(sums, output + (r &* columns &+ first), j, some)
        }
        weights += F.layout.bytes(depth: depth, columns: count)
      }
    }
  }
}
