/// Every cell that a layer can be made of: a line for each. Files know cells by name, so the order is free.
enum CellList<M: Machine> {
  static var all: [any CellCode<M.S>] {
    [
      CellSet<ElmanCell<M>>(),
      CellSet<GRUCell<M>>(),
      CellSet<GRUResetBeforeCell<M>>(),
      CellSet<LSTMCell<M>>(),
      CellSet<CoupledLSTMCell<M>>(),
      CellSet<MinGRUCell<M>>(),
      CellSet<MinLSTMCell<M>>(),
    ]
  }
}

/// A cell's equations for whole rows, compiled for one machine.
public protocol CellCode<S>: AnyObject, Sendable {
  associatedtype S: Real
  var form: CellForm { get }
  var hasEnd: Bool { get }
  func begin(_ step: UnsafePointer<PhasedStep<S>>, row: Int)
  func end(_ step: UnsafePointer<PhasedStep<S>>, row: Int)
  func backwardEnd(_ step: UnsafePointer<PhasedStep<S>>, row: Int, _ gradients: CellGradients<S>)
  func backwardBegin(_ step: UnsafePointer<PhasedStep<S>>, row: Int, _ gradients: CellGradients<S>)
}

/// The equations K, vector by vector.
final class CellSet<K: CellEquations>: CellCode {
  typealias S = K.M.S

  var form: CellForm { K.form }
  var hasEnd: Bool { K.hasEnd }

  func begin(_ step: UnsafePointer<PhasedStep<S>>, row: Int) { forEach(step, row) { K.begin($0) } }

  func end(_ step: UnsafePointer<PhasedStep<S>>, row: Int) {
    if K.hasEnd { forEach(step, row) { K.end($0) } }
  }

  func backwardEnd(_ step: UnsafePointer<PhasedStep<S>>, row: Int, _ gradients: CellGradients<S>) {
    if !K.hasEnd { return }
    forEach(step, row) { K.backwardEnd(CellGradientUnits(units: $0, gradients: gradients)) }
  }

  func backwardBegin(_ step: UnsafePointer<PhasedStep<S>>, row: Int, _ gradients: CellGradients<S>) {
    forEach(step, row) { K.backwardBegin(CellGradientUnits(units: $0, gradients: gradients)) }
  }

  /// One piece of code for whole vectors and for a tail: cells are many.
  @inline(__always)
  private func forEach(
    _ step: UnsafePointer<PhasedStep<S>>, _ row: Int, _ body: (CellUnits<K.M>) -> Void
  ) {
    var units = CellUnits<K.M>(step: step, row: step.pointee.numbers.row(row, step.pointee.sizes))
    let size = step.pointee.sizes.size
    while units.j < size {
      units.lanes = min(K.M.V.scalarCount, size &- units.j)
      body(units)
      units.j &+= K.M.V.scalarCount
    }
  }
}

/// Vectors of units, which are mostly whole.
enum CellLanes<M: Machine> {
  typealias V = M.V
  typealias S = M.S

  @inline(__always)
  static func load(_ row: UnsafePointer<S>, _ offset: Int, _ lanes: Int) -> V {
    let start = row + offset
    return lanes == V.scalarCount ? UnsafeRawPointer(start).loadUnaligned(as: V.self) : loadTail(start, lanes)
  }

  @inline(__always)
  static func store(_ vector: V, _ row: UnsafeMutablePointer<S>, _ offset: Int, _ lanes: Int) {
    let start = row + offset
    if lanes == V.scalarCount {
      UnsafeMutableRawPointer(start).storeBytes(of: vector, as: V.self)
    } else {
      storeTail(vector, start, lanes)
    }
  }

  @inline(never)
  private static func loadTail(_ start: UnsafePointer<S>, _ lanes: Int) -> V {
    Lanes<M>.load(start, 0, lanes)
  }

  @inline(never)
  private static func storeTail(_ vector: V, _ start: UnsafeMutablePointer<S>, _ lanes: Int) {
    Lanes<M>.store(vector, start, 0, lanes)
  }
}
