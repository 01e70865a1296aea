/// A matrix product with a right-hand side that is used many times: packed once into panels of a few columns,
/// in the order in which the inner loop reads them. This is the recurrence's shape, few rows against the same
/// weights at every step.
///
/// Every element of the result is one chain of fused multiply-adds over the depth, in order: a row's bits do
/// not depend on the rows beside it.
public enum PackedProduct<S: Real, I: InstructionSet> {
  typealias V = S.Vector
  typealias L = Lanes<S, I>

  /// Rows that the inner loop works on at a time, and columns: 4 × 2 vectors of sums fit into registers.
  static var blockRows: Int { 4 }

  /// C [rows, columns] = A [rows, depth] · P, or C + A · P when `adding`. `packed` points at the first used row of
  /// the first panel; panels lie `panelStride` elements apart.
  @inline(__always)
  public static func multiply(
    rows: Int, depth: Int, columns: Int, _ a: UnsafePointer<S>, aStride: Int, packed: UnsafePointer<S>,
    panelStride: Int, _ c: UnsafeMutablePointer<S>, cStride: Int, adding: Bool
  ) {
    let width = 2 &* V.scalarCount
    var (column, panel) = (0, packed)
    while column < columns {
      var row = 0
      while row < rows {
        block(
          rows: min(blockRows, rows &- row), depth: depth, columns: min(width, columns &- column),
          a + row &* aStride, aStride, panel, c + (row &* cStride &+ column), cStride, adding)
        row &+= blockRows
      }
      column &+= width
      panel += panelStride
    }
  }

  /// Up to 4 rows against one panel. Rows that are missing repeat the last and are not stored.
  @inline(__always)
  private static func block(
    rows: Int, depth: Int, columns: Int, _ a: UnsafePointer<S>, _ aStride: Int, _ panel: UnsafePointer<S>,
    _ c: UnsafeMutablePointer<S>, _ cStride: Int, _ adding: Bool
  ) {
    let (a1, a2) = (a + min(1, rows &- 1) &* aStride, a + min(2, rows &- 1) &* aStride)
    let a3 = a + min(3, rows &- 1) &* aStride
    let zero = V(repeating: 0)
    var (c00, c01, c10, c11) = (zero, zero, zero, zero)
    var (c20, c21, c30, c31) = (zero, zero, zero, zero)
    var (k, p) = (0, panel)
    while k < depth {
      let b0 = UnsafeRawPointer(p).loadUnaligned(as: V.self)
      let b1 = UnsafeRawPointer(p + V.scalarCount).loadUnaligned(as: V.self)
      let (x0, x1) = (V(repeating: a[k]), V(repeating: a1[k]))
      c00 = S.multiplyAdd(c00, x0, b0)
      c01 = S.multiplyAdd(c01, x0, b1)
      c10 = S.multiplyAdd(c10, x1, b0)
      c11 = S.multiplyAdd(c11, x1, b1)
      let (x2, x3) = (V(repeating: a2[k]), V(repeating: a3[k]))
      c20 = S.multiplyAdd(c20, x2, b0)
      c21 = S.multiplyAdd(c21, x2, b1)
      c30 = S.multiplyAdd(c30, x3, b0)
      c31 = S.multiplyAdd(c31, x3, b1)
      k &+= 1
      p += 2 &* V.scalarCount
    }
    finish(c00, c01, c, columns, adding)
    if rows > 1 { finish(c10, c11, c + cStride, columns, adding) }
    if rows > 2 { finish(c20, c21, c + 2 &* cStride, columns, adding) }
    if rows > 3 { finish(c30, c31, c + 3 &* cStride, columns, adding) }
  }

  @inline(__always)
  private static func finish(
    _ left: V, _ right: V, _ c: UnsafeMutablePointer<S>, _ columns: Int, _ adding: Bool
  ) {
    let width = V.scalarCount
    let leftLanes = min(width, columns)
    L.store(adding ? L.load(c, 0, leftLanes) + left : left, c, 0, leftLanes)
    let rightLanes = columns &- leftLanes
    if rightLanes > 0 { L.store(adding ? L.load(c, width, rightLanes) + right : right, c, width, rightLanes) }
  }
}

/// The packed form: panels of 2 vectors of columns, each [depth, columns of the panel], the last filled with zeros.
public enum Packing<S: Real> {
  public static var panelColumns: Int { 2 * S.Vector.scalarCount }

  /// Elements that a packed matrix takes.
  public static func count(depth: Int, columns: Int) -> Int {
    (columns + panelColumns - 1) / panelColumns * panelColumns * depth
  }

  /// Packs the matrix whose element (k, n) is source[k · depthStride + n · columnStride].
  public static func pack(
    depth: Int, columns: Int, _ source: UnsafePointer<S>, depthStride: Int, columnStride: Int,
    to target: UnsafeMutablePointer<S>
  ) {
    var (place, first) = (target, 0)
    while first < columns {
      let used = min(panelColumns, columns - first)
      for k in 0..<depth {
        let row = source + (k &* depthStride &+ first &* columnStride)
        for n in 0..<used { place[n] = row[n &* columnStride] }
        for n in used..<panelColumns { place[n] = 0 }
        place += panelColumns
      }
      first += panelColumns
    }
  }
}
