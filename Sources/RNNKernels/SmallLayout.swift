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
    switch cell {
    case .elman: bytes(ElmanKernel<BaselineFloat>.self, shape)
    case .gru: bytes(GRUKernel<BaselineFloat>.self, shape)
    case .lstm: bytes(LSTMKernel<BaselineFloat>.self, shape)
    }
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
    switch cell {
    case .elman: pack(ElmanKernel<BaselineFloat>.self, shape, weights, to: packed)
    case .gru: pack(GRUKernel<BaselineFloat>.self, shape, weights, to: packed)
    case .lstm: pack(LSTMKernel<BaselineFloat>.self, shape, weights, to: packed)
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

  // MARK: Cells: for each vector of hidden units the biases of its sums, then W_ih, then W_hh

  private func unitBytes<K: CellKernel>(_: K.Type, _ shape: CellShape) -> Int {
    4 * K.sumCount * lanes + groupBytes(shape.inputSize, K.gateCount) + groupBytes(shape.size, K.gateCount)
  }

  private func bytes<K: CellKernel>(_: K.Type, _ shape: CellShape) -> Int {
    vectors(shape.size) * unitBytes(K.self, shape)
  }

  private func pack<K: CellKernel>(
    _: K.Type, _ shape: CellShape, _ weights: CellWeights<Float>, to packed: UnsafeMutableRawPointer
  ) {
    for vector in 0..<vectors(shape.size) {
      let (first, biases) = (vector * lanes, packed + vector * unitBytes(K.self, shape))
      let count = min(lanes, shape.size - first)
      let input = biases + 4 * K.sumCount * lanes
      let hidden = input + groupBytes(shape.inputSize, K.gateCount)
      packBiases(K.self, shape, weights, first, count, to: biases.assumingMemoryBound(to: Float.self))
      for column in 0..<K.gateCount {
        let inputRow = K.inputGate(column) * shape.size + first
        let hiddenRow = K.hiddenGate(K.firstHiddenSum + column) * shape.size + first
        pack(
          weights.input + inputRow * shape.inputSize, rows: count, shape.inputSize, column, of: K.gateCount,
          to: input)
        pack(
          weights.hidden + hiddenRow * shape.size, rows: count, shape.size, column, of: K.gateCount,
          to: hidden)
      }
    }
  }

  /// b_ih + b_hh, or the one that a sum has.
  private func packBiases<K: CellKernel>(
    _: K.Type, _ shape: CellShape, _ weights: CellWeights<Float>, _ first: Int, _ count: Int,
    to target: UnsafeMutablePointer<Float>
  ) {
    for sum in 0..<K.sumCount {
      for lane in 0..<count {
        var bias: Float = 0
        if sum < K.gateCount { bias = weights.inputBias[K.inputGate(sum) * shape.size + first + lane] }
        if sum >= K.firstHiddenSum {
          bias += weights.hiddenBias[K.hiddenGate(sum) * shape.size + first + lane]
        }
        target[sum * lanes + lane] = bias
      }
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
