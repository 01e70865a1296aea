/// Weights in the order in which the kernels of a time step read them.
///
/// Forward, a panel is some vectors of hidden units, as many as fit beside one another with all their sums, and
/// everything that leads to them: the biases of the sums, then W_ih [I, vectors, G, units], then W_hh [H, …].
struct CellPanel<K: CellKernel> {
  typealias M = K.M
  typealias V = M.V
  typealias S = M.S

  let firstUnit: Int
  let units: Int
  let vectors: Int
  private let start: Int
  private let inputSize: Int

  @inline(__always)
  static var unitVectors: Int { Tile<M>.maximumColumns / K.sumCount }

  /// Units of a full panel.
  @inline(__always)
  static var units: Int { unitVectors &* V.scalarCount }

  @inline(__always)
  static func count(_ shape: CellShape) -> Int { (shape.size &+ units &- 1) / units }

  @inline(__always)
  init(_ index: Int, _ shape: CellShape) { self.init(firstUnit: index &* Self.units, shape) }

  /// The panel so many places after another.
  @inline(__always)
  init(_ other: CellPanel, after places: Int, _ shape: CellShape) {
    self.init(firstUnit: other.firstUnit &+ places &* Self.units, shape)
  }

  @inline(__always)
  private init(firstUnit: Int, _ shape: CellShape) {
    self.firstUnit = firstUnit
    units = min(Self.units, shape.size &- firstUnit)
    vectors = Self.unitVectors == 1 ? 1 : Packing<M>.vectors(units)
    inputSize = shape.inputSize
    start = firstUnit &* Self.elementsPerUnit(shape)
  }

  /// Elements from one panel to the next.
  @inline(__always)
  static func stride(_ shape: CellShape) -> Int { units &* elementsPerUnit(shape) }

  @inline(__always)
  static func elementsPerUnit(_ shape: CellShape) -> Int {
    K.sumCount &+ K.gateCount &* (shape.inputSize &+ shape.size)
  }

  /// Vectors beside one another: of sums, and of each row of the weights.
  @inline(__always)
  var sums: Int { vectors &* K.sumCount }
  @inline(__always)
  var columns: Int { vectors &* K.gateCount }

  // Where the parts begin in packed weights.
  @inline(__always)
  var biases: Int { start }
  @inline(__always)
  var inputWeights: Int { start &+ sums &* V.scalarCount }
  @inline(__always)
  var hiddenWeights: Int { inputWeights &+ inputSize &* columns &* V.scalarCount }
}

enum CellPacking<K: CellKernel> {
  typealias M = K.M
  typealias V = M.V
  typealias S = M.S
  typealias L = Lanes<M>

  /// Elements that hold the weights packed for either direction.
  static func count(_ shape: CellShape) -> Int {
    Packing<M>.vectors(shape.size) &* V.scalarCount &* CellPanel<K>.elementsPerUnit(shape)
  }

  static func packForward(
    _ shape: CellShape, _ weights: CellWeights<S>, panels: Range<Int>, to packed: UnsafeMutablePointer<S>
  ) {
    for index in panels {
      let panel = CellPanel<K>(index, shape)
      L.forEach(panel.units) { offset, lanes in
        let j = panel.firstUnit &+ offset
        packBiases(shape, weights, j, lanes, to: packed + (panel.biases &+ offset &* K.sumCount))
        for column in 0..<K.gateCount {
          let place = offset &* K.gateCount &+ column &* V.scalarCount
          pack(
            weights.input, depth: shape.inputSize, row: K.inputGate(column) &* shape.size &+ j, lanes,
            to: packed + (panel.inputWeights &+ place), panel)
          let gate = K.hiddenGate(K.firstHiddenSum &+ column)
          pack(
            weights.hidden, depth: shape.size, row: gate &* shape.size &+ j, lanes,
            to: packed + (panel.hiddenWeights &+ place), panel)
        }
      }
    }
  }

  /// Some rows of a weight matrix [GH, depth], as columns of a panel.
  @inline(never)
  private static func pack(
    _ weight: UnsafePointer<S>, depth: Int, row: Int, _ lanes: Int, to target: UnsafeMutablePointer<S>,
    _ panel: CellPanel<K>
  ) {
    Packing<M>.packColumns(
      depth: depth, columns: lanes, width: V.scalarCount, weight + row &* depth, depthStride: 1,
      columnStride: depth, to: target, stride: panel.columns &* V.scalarCount)
  }

  /// b_ih + b_hh, or the one that a sum has.
  @inline(never)
  static func packBiases(
    _ shape: CellShape, _ weights: CellWeights<S>, _ j: Int, _ lanes: Int, to target: UnsafeMutablePointer<S>
  ) {
    for sum in 0..<K.sumCount {
      var bias = V(repeating: 0)
      if sum < K.gateCount { bias = L.load(weights.inputBias, K.inputGate(sum) &* shape.size &+ j, lanes) }
      if sum >= K.firstHiddenSum {
        bias = bias + L.load(weights.hiddenBias, K.hiddenGate(sum) &* shape.size &+ j, lanes)
      }
      Tile<M>.store(bias, target, sum)
    }
  }

  /// Backward W_hh is a matrix [GH, H] in the panels of any product.
  static func packBackward(
    _ shape: CellShape, _ weight: UnsafePointer<S>, panels: Range<Int>, to packed: UnsafeMutablePointer<S>
  ) {
    let (depth, units) = (K.gateCount &* shape.size, Packing<M>.panelColumns)
    let first = panels.lowerBound &* units
    Packing<M>.pack(
      depth: depth, columns: min(panels.upperBound &* units, shape.size) &- first, weight + first,
      depthStride: shape.size, columnStride: 1, part: 0..<depth, to: packed + first &* depth)
  }
}
