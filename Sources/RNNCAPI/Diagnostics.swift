import CRNN
import RNNEngine

// The gradient's way back through time: section 9 of rnn.h.

@_cdecl("rnn_trainer_flow") @implementation
public func rnn_trainer_flow(
  _ trainer: OpaquePointer?, _ index: Int, _ flow: UnsafeMutablePointer<rnn_flow>?
) -> rnn_status {
  boundary { () throws(RNNError) in
    let level = try element(RNNCAPI.trainer(trainer).observedLevels(), index)
    try Struct.write(rnn_flow(level, Diagnosis(level)), to: flow, "flow")
  }
}

@_cdecl("rnn_trainer_flow_series") @implementation
public func rnn_trainer_flow_series(
  _ trainer: OpaquePointer?, _ index: Int, _ series: rnn_flow_series, _ gate: Int32,
  _ values: UnsafeMutablePointer<Double>?, _ bytes: Int
) -> rnn_status {
  boundary { () throws(RNNError) in
    let level = try element(RNNCAPI.trainer(trainer).observedLevels(), index)
    let series = try option(series.rawValue, "series", FlowSeries.self)
    guard let numbers = level.series(series, gate: Int(gate)) else {
      throw RNNError(
        .argument,
        "gate: expected a gate, or a cell, that the layer has, got series \(series.rawValue) of gate \(gate)")
    }
    try RawBuffer(UnsafeMutableRawPointer(values), bytes: bytes).write(numbers, "values")
  }
}

@_cdecl("rnn_trainer_tensor_flow") @implementation
public func rnn_trainer_tensor_flow(
  _ trainer: OpaquePointer?, _ norms: UnsafeMutablePointer<Double>?, _ bytes: Int
) -> rnn_status {
  boundary { () throws(RNNError) in
    try RNNCAPI.trainer(trainer).readObservedNorms(
      into: RawBuffer(UnsafeMutableRawPointer(norms), bytes: bytes))
  }
}

extension rnn_flow {
  init(_ level: LevelObservation, _ diagnosis: Diagnosis) {
    self.init()
    layer = level.layer
    self.level = Int64(level.level)
    hidden_size = Int64(level.size)
    time_steps = Int64(level.steps)
    gate_count = Int64(level.gateCount)
    has_cell = level.hasCellState ? 1 : 0
    verdict = rnn_verdict(UInt32(diagnosis.verdict.rawValue))
    rate = diagnosis.rate
    horizon = diagnosis.horizon
    saturated_fraction = level.saturatedFraction
    dead_fraction = level.deadFraction
    writeText(diagnosis.reason, to: &reason)
  }
}
