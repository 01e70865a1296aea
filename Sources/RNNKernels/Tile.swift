/// The micro-kernel of every matrix product of the library: a few rows against one panel of a packed matrix, all
/// sums in registers.
///
/// A panel is `columns` vectors wide and holds, for each step k of the depth, those vectors one after another.
/// Every sum is one chain of multiply-adds over k, in order: a row's bits depend neither on the rows beside it
/// nor on how many rows are taken at a time.
enum Tile<M: Machine> {
  typealias V = M.V
  typealias S = M.S

  static var maximumRows: Int { 6 }
  static var maximumColumns: Int { 4 }
  /// Vector `index` of a panel, or of the sums of a tile: `columns` vectors for each row. They need not be aligned.
  @inline(__always)
  static func load(_ vectors: UnsafePointer<S>, _ index: Int) -> V {
    Lanes<M>.load(vectors, index &* V.scalarCount, V.scalarCount)
  }

  @inline(__always)
  static func store(_ vector: V, _ vectors: UnsafeMutablePointer<S>, _ index: Int) {
    Lanes<M>.store(vector, vectors, index &* V.scalarCount, V.scalarCount)
  }

  /// Rows that fill the registers: three quarters hold sums, the rest what they are made from.
  @inline(__always)
  static func height(columns: Int) -> Int { min(maximumRows, M.registers &* 3 / 4 / columns) }

  /// Cuts `rows` into tiles of nearly equal height.
  @inline(__always)
  static func forEach(rows: Int, columns: Int, _ body: (_ first: Int, _ count: Int) -> Void) {
    let height = height(columns: columns)
    let tiles = (rows &+ height &- 1) / height
    let (least, larger) = (rows / tiles, rows % tiles)
    var first = 0
    for tile in 0..<tiles {
      let count = tile < larger ? least &+ 1 : least
      body(first, count)
      first &+= count
    }
  }

  /// Whole vectors of sums for some rows, `columns` for each.
  @inline(never)
  static func multiply(rows: Int, columns: Int, _ product: TileProduct<M>) {
    switch columns {
    case 1: product.dispatch(rows, Width<1, M>.self)
    case 2: product.dispatch(rows, Width<2, M>.self)
    case 3: product.dispatch(rows, Width<3, M>.self)
    default: product.dispatch(rows, Width<4, M>.self)
    }
  }
}

/// The number of columns of a tile, as a type.
enum Width<let columns: Int, M: Machine> {}

/// target ← start + A · panel.
struct TileProduct<M: Machine> {
  typealias V = M.V
  typealias S = M.S
  let depth: Int
  /// A's element (row, k) stands at a[row · rowStride + k · depthStride].
  let a: UnsafePointer<S>
  let rowStride: Int
  let depthStride: Int
  let panel: UnsafePointer<S>
  /// Where sums begin: nil for zero.
  let start: UnsafePointer<S>?
  let startStride: Int
  let target: UnsafeMutablePointer<S>
  let targetStride: Int

  /// The loop for each height is code of its own. Heights that the registers cannot hold have none.
  @inline(__always)
  func dispatch<let columns: Int>(_ rows: Int, _: Width<columns, M>.Type) {
    let height = Tile<M>.height(columns: columns)
    switch rows {
    case 1: Block<1, columns, M>.run(self)
    case 2: Block<2, columns, M>.run(self)
    case 3: Block<3, columns, M>.run(self)
    case 4: if height >= 4 { Block<4, columns, M>.run(self) }
    case 5: if height >= 5 { Block<5, columns, M>.run(self) }
    default: if height >= 6 { Block<6, columns, M>.run(self) }
    }
  }
}

/// A tile of a fixed size: loops over rows and columns are unrolled, and `sums` lives in registers.
struct Block<let rows: Int, let columns: Int, M: Machine> {
  typealias V = M.V
  typealias S = M.S
  private typealias Row = InlineArray<columns, V>
  private typealias Column = InlineArray<rows, V>
  private var sums = InlineArray<rows, Row>(repeating: Row(repeating: V(repeating: 0)))

  @inline(__always)
  static func run(_ product: TileProduct<M>) {
    var block = Block()
    if let start = product.start { block.load(start, product.startStride) }
    var (a, panel, k) = (product.a, product.panel, 0)
    while k < product.depth {
      // Whichever of A's column and the panel's row is shorter waits in registers while the other passes by.
      if rows < columns {
        block.addHoldingColumn(a, product.rowStride, panel)
      } else {
        block.addHoldingRow(a, product.rowStride, panel)
      }
      a += product.depthStride
      panel += columns &* V.scalarCount
      k &+= 1
    }
    block.store(product.target, product.targetStride)
  }

  /// sums += a b, an outer product.
  @inline(__always)
  private mutating func addHoldingRow(_ a: UnsafePointer<S>, _ rowStride: Int, _ panel: UnsafePointer<S>) {
    var b = Row(repeating: V(repeating: 0))
    for c in 0..<columns { b[unchecked: c] = Tile<M>.load(panel, c) }
    for r in 0..<rows {
      let x = V(repeating: a[r &* rowStride])
      for c in 0..<columns { add(r, c, x, b[unchecked: c]) }
    }
  }

  @inline(__always)
  private mutating func addHoldingColumn(
    _ a: UnsafePointer<S>, _ rowStride: Int, _ panel: UnsafePointer<S>
  ) {
    var x = Column(repeating: V(repeating: 0))
    for r in 0..<rows { x[unchecked: r] = V(repeating: a[r &* rowStride]) }
    for c in 0..<columns {
      let b = Tile<M>.load(panel, c)
      for r in 0..<rows { add(r, c, x[unchecked: r], b) }
    }
  }

  @inline(__always)
  private mutating func add(_ r: Int, _ c: Int, _ x: V, _ b: V) {
    sums[unchecked: r][unchecked: c] = M.multiplyAdd(sums[unchecked: r][unchecked: c], x, b)
  }

  @inline(__always)
  private mutating func load(_ source: UnsafePointer<S>, _ stride: Int) {
    for r in 0..<rows {
      for c in 0..<columns { sums[unchecked: r][unchecked: c] = Tile<M>.load(source + r &* stride, c) }
    }
  }

  @inline(__always)
  private func store(_ target: UnsafeMutablePointer<S>, _ stride: Int) {
    for r in 0..<rows {
      for c in 0..<columns { Tile<M>.store(sums[unchecked: r][unchecked: c], target + r &* stride, c) }
    }
  }
}
