import CPlatform

/// Copies a matrix into panels, in the order in which `Tile` reads them.
enum Packing<M: Machine> {
  typealias V = M.V
  typealias S = M.S

  /// Vectors that `columns` elements fill.
  @inline(__always)
  static func vectors(_ columns: Int) -> Int { (columns &+ V.scalarCount &- 1) / V.scalarCount }

  /// Columns of a full panel.
  @inline(__always)
  static var panelColumns: Int { Tile<M>.maximumColumns &* V.scalarCount }

  /// Packs some steps of the matrix [depth, columns] whose element (k, n) is source[k · depthStride + n · columnStride],
  /// panel after panel. All are `Tile.maximumColumns` vectors wide but for the last, which is as wide as it must be.
  static func pack(
    depth: Int, columns: Int, _ source: UnsafePointer<S>, depthStride: Int, columnStride: Int,
    part: Range<Int>, to target: UnsafeMutablePointer<S>
  ) {
    forEachPanel(columns) { first, count, vectors in
      let width = vectors &* V.scalarCount
      packColumns(
        depth: part.count, columns: count, width: width,
        source + (part.lowerBound &* depthStride &+ first &* columnStride), depthStride: depthStride,
        columnStride: columnStride, to: target + (first &* depth &+ part.lowerBound &* width), stride: width)
    }
  }

  /// Calls `body(first column, columns, vectors)` for each panel.
  @inline(__always)
  static func forEachPanel(_ columns: Int, _ body: (_ first: Int, _ count: Int, _ vectors: Int) -> Void) {
    var first = 0
    while first < columns {
      let count = min(panelColumns, columns &- first)
      body(first, count, vectors(count))
      first &+= panelColumns
    }
  }

  /// One piece of code for all who pack: `columns` columns, and zeros up to `width`, to rows of the target that lie `stride` elements apart.
  @inline(never)
  static func packColumns(
    depth: Int, columns: Int, width: Int, _ source: UnsafePointer<S>, depthStride: Int, columnStride: Int,
    to target: UnsafeMutablePointer<S>, stride: Int
  ) {
    if columnStride == 1 {
      for k in 0..<depth { copy(source + k &* depthStride, to: target + k &* stride, columns) }
    } else {
      transpose(
        depth: depth, columns: columns, source, depthStride: depthStride, columnStride: columnStride,
        to: target, stride: stride)
    }
    if columns == width { return }
    for k in 0..<depth {
      for n in columns..<width { target[k &* stride &+ n] = 0 }
    }
  }

  @inline(__always)
  private static func copy(_ source: UnsafePointer<S>, to target: UnsafeMutablePointer<S>, _ count: Int) {
    Lanes<M>.forEach(count) { j, lanes in
      Lanes<M>.store(Lanes<M>.load(source, j, lanes), target, j, lanes)
    }
  }

  /// Block by block, so that what is read and what is written stays in the cache; 4 by 4 in registers where the
  /// depth is contiguous.
  private static func transpose(
    depth: Int, columns: Int, _ source: UnsafePointer<S>, depthStride: Int, columnStride: Int,
    to target: UnsafeMutablePointer<S>, stride: Int
  ) {
    let side = 16
    var firstK = 0
    while firstK < depth {
      let lastK = min(firstK &+ side, depth)
      let isFull = depthStride == 1 && lastK &- firstK == side
      let quads = isFull ? columns &- columns % 4 : 0
      var n = 0
      while n < quads {
        for quad in 0..<side / 4 {
          let k = firstK &+ 4 &* quad
          S.transpose4(
            source + (n &* columnStride &+ k), stride: columnStride, to: target + (k &* stride &+ n),
            targetStride: stride)
        }
        n &+= 4
      }
      while n < columns {
        let column = source + n &* columnStride
        for k in firstK..<lastK { target[k &* stride &+ n] = column[k &* depthStride] }
        n &+= 1
      }
      firstK = lastK
    }
  }
}
