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
    result.pointee = try Handles.open(.stream(model.makeStream(rows: rows, tokenType: tokenType)))
  }
}

@_cdecl("rnn_stream_free") @implementation
public func rnn_stream_free(_ stream: OpaquePointer?) -> rnn_status {
  closeHandle(stream) { () throws(RNNError) in _ = try RNNCAPI.stream(stream) }
}

@_cdecl("rnn_stream_step") @implementation
public func rnn_stream_step(
  _ stream: OpaquePointer?, _ input: UnsafeRawPointer?, _ inputBytes: Int,
  _ output: UnsafeMutableRawPointer?, _ outputBytes: Int
) -> rnn_status {
  boundary { () throws(RNNError) in
    try RNNCAPI.stream(stream).step(
      input: RawBuffer(input, bytes: inputBytes), output: RawBuffer(output, bytes: outputBytes))
  }
}

@_cdecl("rnn_stream_reset") @implementation
public func rnn_stream_reset(_ stream: OpaquePointer?) -> rnn_status {
  boundary { () throws(RNNError) in try RNNCAPI.stream(stream).reset() }
}

@_cdecl("rnn_stream_get_state") @implementation
public func rnn_stream_get_state(
  _ stream: OpaquePointer?, _ state: UnsafeMutableRawPointer?, _ bytes: Int
) -> rnn_status {
  boundary { () throws(RNNError) in try RNNCAPI.stream(stream).getState(RawBuffer(state, bytes: bytes)) }
}

@_cdecl("rnn_stream_set_state") @implementation
public func rnn_stream_set_state(
  _ stream: OpaquePointer?, _ state: UnsafeRawPointer?, _ bytes: Int
) -> rnn_status {
  boundary { () throws(RNNError) in try RNNCAPI.stream(stream).setState(RawBuffer(state, bytes: bytes)) }
}
