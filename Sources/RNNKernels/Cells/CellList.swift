/// Every cell that a layer can be made of: a line for each. Files know cells by name, so the order is free.
public enum CellList<M: Machine> {
  public static var all: [any CellCode<M.S>] {
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

  func begin(_ step: UnsafePointer<PhasedStep<S>>, row: Int) {
    var units = CellUnits<K.M>(step, row: row)
    while units.next() { K.begin(units) }
  }

  func end(_ step: UnsafePointer<PhasedStep<S>>, row: Int) {
    if !K.hasEnd { return }
    var units = CellUnits<K.M>(step, row: row)
    while units.next() { K.end(units) }
  }

  func backwardEnd(_ step: UnsafePointer<PhasedStep<S>>, row: Int, _ gradients: CellGradients<S>) {
    if !K.hasEnd { return }
    var units = CellGradientUnits(units: CellUnits<K.M>(step, row: row), gradients: gradients)
    while units.units.next() { K.backwardEnd(units) }
  }

  func backwardBegin(_ step: UnsafePointer<PhasedStep<S>>, row: Int, _ gradients: CellGradients<S>) {
    var units = CellGradientUnits(units: CellUnits<K.M>(step, row: row), gradients: gradients)
    while units.units.next() { K.backwardBegin(units) }
  }
}

/// Vectors of units, which are mostly whole: what is not is a call.
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
