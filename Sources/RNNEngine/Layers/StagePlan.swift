import RNNKernels

/// What a layer, or one of its stacked layers, does in one step of a stream, and where it finds its numbers.
public struct StagePlan: Sendable {
  let work: StreamWork
  /// `stateStride` is from one row of what it makes to the next.
  let shape: CellShape
  /// Panels of hidden units of a cell.
  var panels = 0
  /// Where its weights begin in the layer's copy.
  var weights = 0
  /// Where h and c begin in the layer's state of one row; nil: none.
  var output: Int?
  var cell: Int?

  /// Elements of a row that begins and ends on a cache line, which is whole vectors on any machine.
  static func wholeLines<S>(_ size: Int, of _: S.Type) -> Int {
    let line = 64 / MemoryLayout<S>.stride
    return (size + line - 1) / line * line
  }
}
