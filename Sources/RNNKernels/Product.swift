/// A matrix product C = A · B: element (i, j) of A is a[i · aRowStride + j · aDepthStride], B is packed.
public struct ProductCall<S: Real> {
  public var rows: Int
  public var columns: Int
  public var depth: Int
  public var a: UnsafePointer<S>
  public var aRowStride: Int
  public var aDepthStride: Int
  public var b: PackedColumns<S>
  public var c: UnsafeMutablePointer<S>
  public var cRowStride: Int
  /// What the products are added to: nil for zero, C itself, or one row for all with stride 0.
  public var start: UnsafePointer<S>?
  public var startRowStride: Int
  /// `Blocking.tile` elements.
  public var scratch: UnsafeMutablePointer<S>

  public init(
    rows: Int, columns: Int, depth: Int, a: UnsafePointer<S>, aRowStride: Int, aDepthStride: Int,
    b: PackedColumns<S>, c: UnsafeMutablePointer<S>, cRowStride: Int, start: UnsafePointer<S>?,
    startRowStride: Int, scratch: UnsafeMutablePointer<S>
  ) {
    (self.rows, self.columns, self.depth) = (rows, columns, depth)
    (self.a, self.aRowStride, self.aDepthStride, self.b) = (a, aRowStride, aDepthStride, b)
    (self.c, self.cRowStride) = (c, cRowStride)
    (self.start, self.startRowStride, self.scratch) = (start, startRowStride, scratch)
  }
}

/// A matrix B [depth, columns] as `Kernels.packProduct` leaves it, from a column on that begins a panel.
public struct PackedColumns<S: Real> {
  let values: UnsafePointer<S>
  let columns: Int
  let first: Int

  public init(_ values: UnsafePointer<S>, columns: Int, from first: Int) {
    (self.values, self.columns, self.first) = (values, columns, first)
  }
}

/// How a large product is cut so that what is used again stays in the caches.
public enum Blocking {
  /// Steps of the depth that are packed together: a panel of them fits into a quarter of a usual L2.
  public static var depth: Int { 512 }
  /// Columns that are packed at a time where B is used once.
  public static var columns: Int { 512 }
  /// Rows of A that all panels are run over before the next.
  static var rows: Int { 96 }
  /// Panels are whole vectors wide: at most so many columns more.
  static var margin: Int { 16 }
  /// Columns in whose multiples a product may be shared out without cutting a panel, on any machine.
  public static var unit: Int { 64 }

  /// Elements that hold the sums of a tile: what scratch begins with, and all that a cell's step needs.
  public static var tile: Int { 6 * 4 * 16 }

  /// Elements of scratch for a product with these sides: a tile, and what of B is packed at a time.
  public static func scratch(columns count: Int, depth steps: Int) -> Int {
    tile + (min(count, columns) + margin) * min(steps, depth)
  }
}

/// The blocked product. Goto and van de Geijn, "Anatomy of high-performance matrix multiplication", TOMS 2008,
/// with A read in place: the processor runs far enough ahead to hide its strides.
enum Product<M: Machine> {
  typealias S = M.S

  /// Every element of C is a sum over blocks of the depth that depend on nothing but the depth, in order.
  static func multiply(_ call: ProductCall<S>) {
    var depth = 0
    repeat {
      let count = min(Blocking.depth, call.depth &- depth)
      var column = 0
      while column < call.columns {
        let columns = min(Blocking.columns, call.columns &- column)
        multiply(call, depth: depth, count, column: column, columns)
        column &+= columns
      }
      depth &+= count
    } while depth < call.depth
  }

  /// Block after block of the depth, each as `Packing` lays it out.
  static func pack(
    _ b: UnsafePointer<S>, depth: Int, columns: Int, depthStride: Int, columnStride: Int, part: Range<Int>,
    to packed: UnsafeMutablePointer<S>
  ) {
    var first = 0
    while first < depth {
      let count = min(Blocking.depth, depth &- first)
      let (lower, upper) = (max(first, part.lowerBound), min(first &+ count, part.upperBound))
      if lower < upper {
        Packing<M>.pack(
          depth: count, columns: columns, b + first &* depthStride, depthStride: depthStride,
          columnStride: columnStride, part: lower &- first..<upper &- first,
          to: packed + first &* packedColumns(columns))
      }
      first &+= count
    }
  }

  /// Columns with those that fill the last vector.
  static func packedColumns(_ columns: Int) -> Int { Packing<M>.vectors(columns) &* M.V.scalarCount }

  /// All rows against some columns and steps.
  @inline(__always)
  private static func multiply(
    _ call: ProductCall<S>, depth: Int, _ depthCount: Int, column: Int, _ columnCount: Int
  ) {
    let panels =
      call.b.values + (depth &* packedColumns(call.b.columns) &+ (call.b.first &+ column) &* depthCount)
    var row = 0
    while row < call.rows {
      let rows = min(Blocking.rows, call.rows &- row)
      Packing<M>.forEachPanel(columnCount) { first, count, vectors in
        Tile<M>.forEach(rows: rows, columns: vectors) { tile, height in
          block(
            call, row: row &+ tile, height, column: column &+ first, count, vectors, depth: depth, depthCount,
            panel: panels + first &* depthCount)
        }
      }
      row &+= rows
    }
  }

  @inline(__always)
  private static func block(
    _ call: ProductCall<S>, row: Int, _ rows: Int, column: Int, _ columns: Int, _ vectors: Int, depth: Int,
    _ depthCount: Int, panel: UnsafePointer<S>
  ) {
    let c = call.c + (row &* call.cRowStride &+ column)
    // The first block adds to what the caller named, later ones to what is there.
    let (start, startStride) =
      depth > 0
      ? (UnsafePointer(c), call.cRowStride)
      : (call.start.map { $0 + (row &* call.startRowStride &+ column) }, call.startRowStride)
    let isWhole = columns == vectors &* M.V.scalarCount
    let width = vectors &* M.V.scalarCount
    Tile<M>.multiply(
      rows: rows, columns: vectors,
      TileProduct(
        depth: depthCount, a: call.a + (row &* call.aRowStride &+ depth &* call.aDepthStride),
        rowStride: call.aRowStride, depthStride: call.aDepthStride, panel: panel,
        start: isWhole ? start : nil, startStride: startStride, target: isWhole ? c : call.scratch,
        targetStride: isWhole ? call.cRowStride : width))
    if isWhole { return }
    // A panel with a vector that C has not all of goes through scratch.
    for r in 0..<rows {
      finish(
        call.scratch + r &* width, start.map { $0 + r &* startStride }, c + r &* call.cRowStride, columns)
    }
  }

  @inline(__always)
  private static func finish(
    _ sums: UnsafePointer<S>, _ start: UnsafePointer<S>?, _ c: UnsafeMutablePointer<S>, _ columns: Int
  ) {
    Lanes<M>.forEach(columns) { j, lanes in
      let sum = Lanes<M>.load(sums, j, M.V.scalarCount)
      Lanes<M>.store(start.map { Lanes<M>.load($0, j, lanes) + sum } ?? sum, c, j, lanes)
    }
  }
}
