import CRNN
import RNNEngine

// Streaming: section 6 of rnn.h.

@_cdecl("rnn_stream_create") @implementation
public func rnn_stream_create(
  _ model: OpaquePointer?, _ options: UnsafePointer<rnn_stream_options>?,
  _ stream: UnsafeMutablePointer<OpaquePointer?>?
) -> rnn_status {
  boundary { () throws(RNNError) in
    let model = try RNNCAPI.model(model)
    let options = try Struct.readOptional(options, "options", rnn_stream_options())
    let result = try required(stream, "stream")
    let rows = options.batch_size == 0 ? 1 : try size(options.batch_size, "batch_size")
    let tokenType = try integerType(options.token_type, "token_type")
    let idle = try size(options.idle_lanes, "idle_lanes")
    result.pointee = try Handles.open(
      .stream(model.makeStream(rows: rows, tokenType: tokenType, idle: idle)))
  }
}

@_cdecl("rnn_stream_free") @implementation
public func rnn_stream_free(_ stream: OpaquePointer?) -> rnn_status {
  closeHandle(stream) { () throws(RNNError) in _ = try RNNCAPI.stream(stream) }
}

@_cdecl("rnn_stream_prepare") @implementation
public func rnn_stream_prepare(_ stream: OpaquePointer?) -> rnn_status {
  boundary { () throws(RNNError) in try RNNCAPI.stream(stream).prepare() }
}

@_cdecl("rnn_stream_swap_model") @implementation
public func rnn_stream_swap_model(_ stream: OpaquePointer?, _ model: OpaquePointer?) -> rnn_status {
  boundary { () throws(RNNError) in try RNNCAPI.model(model).swap(into: RNNCAPI.stream(stream)) }
}

// MARK: In real time

@_cdecl("rnn_stream_describe") @implementation
public func rnn_stream_describe(
  _ stream: OpaquePointer?, _ info: UnsafeMutablePointer<rnn_stream_info>?
) -> rnn_status {
  boundary { () throws(RNNError) in
    let own = try RNNCAPI.stream(stream).info
    var result = rnn_stream_info()
    result.batch_size = Int64(own.lanes)
    result.active_lanes = Int64(own.active)
    result.state_bytes = own.stateBytes
    result.weight_bytes = own.weightBytes
    result.swaps = Int64(own.swaps)
    try Struct.write(result, to: info, "info")
  }
}

@_cdecl("rnn_stream_step") @implementation
public func rnn_stream_step(
  _ stream: OpaquePointer?, _ input: UnsafeRawPointer?, _ inputBytes: Int,
  _ output: UnsafeMutableRawPointer?, _ outputBytes: Int
) -> rnn_status {
  process(
    stream, steps: 1, RawBuffer(input, bytes: inputBytes), RawBuffer(output, bytes: outputBytes))
}

@_cdecl("rnn_stream_process") @implementation
public func rnn_stream_process(
  _ stream: OpaquePointer?, _ steps: Int64, _ input: UnsafeRawPointer?, _ inputBytes: Int,
  _ output: UnsafeMutableRawPointer?, _ outputBytes: Int
) -> rnn_status {
  process(
    stream, steps: Int(clamping: steps), RawBuffer(input, bytes: inputBytes),
    RawBuffer(output, bytes: outputBytes))
}

@_cdecl("rnn_stream_reset") @implementation
public func rnn_stream_reset(_ stream: OpaquePointer?) -> rnn_status {
  realtime(stream) { (stream) throws(Refusal) in stream.reset() }
}

@_cdecl("rnn_stream_get_state") @implementation
public func rnn_stream_get_state(
  _ stream: OpaquePointer?, _ state: UnsafeMutableRawPointer?, _ bytes: Int
) -> rnn_status {
  realtime(stream) { (stream) throws(Refusal) in try stream.getState(RawBuffer(state, bytes: bytes)) }
}

@_cdecl("rnn_stream_set_state") @implementation
public func rnn_stream_set_state(
  _ stream: OpaquePointer?, _ state: UnsafeRawPointer?, _ bytes: Int
) -> rnn_status {
  realtime(stream) { (stream) throws(Refusal) in try stream.setState(RawBuffer(state, bytes: bytes)) }
}

@_cdecl("rnn_stream_export") @implementation
public func rnn_stream_export(
  _ stream: OpaquePointer?, _ lane: Int64, _ state: UnsafeMutableRawPointer?, _ bytes: Int
) -> rnn_status {
  realtime(stream) { (stream) throws(Refusal) in
    try stream.exportState(lane: Int(clamping: lane), to: RawBuffer(state, bytes: bytes))
  }
}

@_cdecl("rnn_stream_import") @implementation
public func rnn_stream_import(
  _ stream: OpaquePointer?, _ lane: Int64, _ state: UnsafeRawPointer?, _ bytes: Int
) -> rnn_status {
  realtime(stream) { (stream) throws(Refusal) in
    try stream.importState(lane: Int(clamping: lane), from: RawBuffer(state, bytes: bytes))
  }
}

@_cdecl("rnn_stream_copy") @implementation
public func rnn_stream_copy(
  _ stream: OpaquePointer?, _ lane: Int64, _ other: OpaquePointer?, _ otherLane: Int64
) -> rnn_status {
  realtime(stream) { (stream) throws(Refusal) in
    try withStream(other, "other") { (other) throws(Refusal) in
      try stream.copyState(lane: Int(clamping: lane), to: other, lane: Int(clamping: otherLane))
    }
  }
}

@_cdecl("rnn_stream_leave") @implementation
public func rnn_stream_leave(_ stream: OpaquePointer?, _ lane: Int64) -> rnn_status {
  realtime(stream) { (stream) throws(Refusal) in try stream.leave(lane: Int(clamping: lane)) }
}
