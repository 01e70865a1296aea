import RNNKernels

/// What a layer, or one of its stacked layers, does in one step of a stream, and where it finds its numbers.
public struct StagePlan<S: Scalar> {
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
  /// What a state begins with, if that is learned: h, then c, so many elements behind `weights`.
  var initialState: Int?
  /// The layer of a cell that is computed in phases.
  var layer: PhasedLayer<S>?

  /// Elements of c, and from one row of it to the next.
  var cellSize: Int { layer?.size ?? shape.size }
  var cellStride: Int { layer?.size ?? shape.stateStride }

  /// Elements of a row that begins and ends on a cache line, which is whole vectors on any machine.
  static func wholeLines(_ size: Int) -> Int {
    let line = 64 / MemoryLayout<S>.stride
    return (size + line - 1) / line * line
  }
}
