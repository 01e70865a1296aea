/// Where small weights lie, and how they come there. A matrix is packed in groups of some vectors of rows of W beside
/// one another: for each step of the depth those vectors, then what belongs to the rows. None of it is worth
/// compiling for every machine: all it needs to know is the lanes of a vector.
public struct SmallLayout: Sendable {
  let format: WeightFormat
  let lanes: Int

  /// Numbers of the depth that a lane takes at a time: 32 bits of them.
  private var step: Int { format == .int8 ? 4 : 2 }
  /// Behind the weights of a vector of rows: of bytes the scales, then 128 times the sums of the weights.
  private var ownBytes: Int { format == .int8 ? 8 * lanes : 0 }

  private func vectors(_ rows: Int) -> Int { (rows + lanes - 1) / lanes }
  private func steps(_ depth: Int) -> Int { (depth + step - 1) / step }

  @inline(never)
  func groupBytes(_ depth: Int, _ columns: Int) -> Int { columns * (steps(depth) * lanes * 4 + ownBytes) }

  // MARK: Layers

  /// Bytes that a recurrent layer takes.
  @export(interface) @inline(never)
  public func bytes(_ cell: CellKind, _ shape: CellShape) -> Int {
    let places = SmallPlaces(self, shape, SumTable(cell))
    return places.hidden + vectors(shape.size) * places.hiddenBytes
  }

  /// Bytes that a matrix [columns, depth] and its biases take.
  @export(interface) @inline(never)
  public func bytes(depth: Int, columns: Int) -> Int {
    vectors(columns) * 4 * lanes + groupBytes(depth, vectors(columns))
  }

  /// Packs a recurrent layer, to memory that is zero.
  @export(interface) @inline(never)
  public func pack(
    _ cell: CellKind, _ shape: CellShape, _ weights: CellWeights<Float>, to packed: UnsafeMutableRawPointer
  ) {
    let table = SumTable(cell)
    let places = SmallPlaces(self, shape, table)
    for vector in 0..<vectors(shape.size) {
      let (first, biases) = (vector * lanes, packed + vector * places.startBytes)
      let count = min(lanes, shape.size - first)
      packBiases(table, shape, weights, first, count, to: biases.assumingMemoryBound(to: Float.self))
      for column in 0..<table.gates {
        let inputRow = table.inputGate[column] * shape.size + first
        let hiddenRow = table.hiddenGate[table.firstHidden + column] * shape.size + first
        let input = weights.input + inputRow * shape.inputSize
        if format.keepsInput(shape.inputSize) {
          let target = biases + 4 * (table.sums + column) * lanes
          keep(input, rows: count, shape.inputSize, stride: table.gates * lanes, to: target)
        } else {
          pack(
            input, rows: count, shape.inputSize, column, of: table.gates,
            to: packed + (places.input + vector * places.inputBytes))
        }
        pack(
          weights.hidden + hiddenRow * shape.size, rows: count, shape.size, column, of: table.gates,
          to: packed + (places.hidden + vector * places.hiddenBytes))
      }
    }
  }

  /// Packs y = W x + b: groups of up to four vectors, of each the biases, then W.
  @export(interface) @inline(never)
  public func pack(
    _ weight: UnsafePointer<Float>, _ bias: UnsafePointer<Float>, depth: Int, columns: Int,
    to packed: UnsafeMutableRawPointer
  ) {
    var target = packed
    for first in stride(from: 0, to: columns, by: 4 * lanes) {
      let count = min(4 * lanes, columns - first)
      target.copyMemory(from: bias + first, byteCount: 4 * count)
      target += 4 * lanes * vectors(count)
      for vector in 0..<vectors(count) {
        let row = vector * lanes
        pack(
          weight + (first + row) * depth, rows: min(lanes, count - row), depth, vector, of: vectors(count),
          to: target)
      }
      target += groupBytes(depth, vectors(count))
    }
  }

  // MARK: Cells: the biases of all sums, vector by vector of hidden units, then W_ih, then W_hh

  /// b_ih + b_hh, or the one that a sum has.
  private func packBiases(
    _ table: SumTable, _ shape: CellShape, _ weights: CellWeights<Float>, _ first: Int, _ count: Int,
    to target: UnsafeMutablePointer<Float>
  ) {
    for sum in 0..<table.sums {
      for lane in 0..<count {
        var bias: Float = 0
        if sum < table.gates { bias = weights.inputBias[table.inputGate[sum] * shape.size + first + lane] }
        if sum >= table.firstHidden {
          bias += weights.hiddenBias[table.hiddenGate[sum] * shape.size + first + lane]
        }
        target[sum * lanes + lane] = bias
      }
    }
  }

  /// A few columns of W_ih as they are, behind the biases.
  private func keep(
    _ weights: UnsafePointer<Float>, rows: Int, _ depth: Int, stride: Int, to target: UnsafeMutableRawPointer
  ) {
    let target = target.assumingMemoryBound(to: Float.self)
    for lane in 0..<rows {
      for k in 0..<depth { target[k * stride + lane] = weights[lane * depth + k] }
    }
  }

  // MARK: A vector of rows

  /// Some neighbouring rows of W as one of the vectors of a group.
  private func pack(
    _ weights: UnsafePointer<Float>, rows: Int, _ depth: Int, _ column: Int, of columns: Int,
    to group: UnsafeMutableRawPointer
  ) {
    let stride = columns * lanes * 4
    for lane in 0..<rows {
      let row = weights + lane * depth
      let target = group + (column * lanes + lane) * 4
      if format == .bfloat16 {
        for k in 0..<depth {
          target.storeBytes(
            of: SmallNumbers.half(row[k]), toByteOffset: k / 2 * stride + k % 2 * 2, as: UInt16.self)
        }
      } else {
        let own = group + steps(depth) * stride + column * ownBytes + lane * 4
        packBytes(row, depth, to: target, stride: stride, own)
      }
    }
  }

  private func packBytes(
    _ row: UnsafePointer<Float>, _ depth: Int, to target: UnsafeMutableRawPointer, stride: Int,
    _ own: UnsafeMutableRawPointer
  ) {
    let scale = SmallNumbers.scale(row, depth)
    var sum: Int32 = 0
    for k in 0..<depth {
      let weight = SmallNumbers.byte(row[k], scale)
      sum += Int32(weight)
      target.storeBytes(of: weight, toByteOffset: k / 4 * stride + k % 4, as: Int8.self)
    }
    own.storeBytes(of: scale, as: Float.self)
    own.storeBytes(of: sum &* 128, toByteOffset: 4 * lanes, as: Int32.self)
  }
}

/// Where the parts of a recurrent layer begin, and the bytes of each for one vector of hidden units.
struct SmallPlaces {
  let startBytes: Int
  let inputBytes: Int
  let hiddenBytes: Int
  let input: Int
  let hidden: Int

  @inline(__always)
  init(_ layout: SmallLayout, _ shape: CellShape, gates: Int, sums: Int) {
    let isKept = layout.format.keepsInput(shape.inputSize)
    startBytes = 4 &* layout.lanes &* (sums &+ (isKept ? gates &* shape.inputSize : 0))
    inputBytes = isKept ? 0 : layout.groupBytes(shape.inputSize, gates)
    hiddenBytes = layout.groupBytes(shape.size, gates)
    let vectors = (shape.size &+ layout.lanes &- 1) / layout.lanes
    input = vectors &* startBytes
    hidden = input &+ vectors &* inputBytes
  }

  fileprivate init(_ layout: SmallLayout, _ shape: CellShape, _ table: SumTable) {
    self.init(layout, shape, gates: table.gates, sums: table.sums)
  }
}

/// What a `CellKernel` says of its sums, as numbers.
private struct SumTable {
  let gates: Int
  let sums: Int
  /// The first sum that W_hh h adds to.
  let firstHidden: Int
  private(set) var inputGate = InlineArray<4, Int>(repeating: 0)
  private(set) var hiddenGate = InlineArray<4, Int>(repeating: 0)

  init(_ cell: CellKind) {
    switch cell {
    case .elman: self.init(ElmanKernel<BaselineFloat>.self)
    case .gru: self.init(GRUKernel<BaselineFloat>.self)
    case .lstm: self.init(LSTMKernel<BaselineFloat>.self)
    }
  }

  private init<K: CellKernel>(_: K.Type) {
    (gates, sums, firstHidden) = (K.gateCount, K.sumCount, K.firstHiddenSum)
    for sum in 0..<sums {
      if sum < gates { inputGate[sum] = K.inputGate(sum) }
      if sum >= firstHidden { hiddenGate[sum] = K.hiddenGate(sum) }
    }
  }
}
