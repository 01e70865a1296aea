import CRNN
import RNNEngine

// Single layers over the caller's buffers: section 8 of rnn.h.

private func layer(
  _ layer: UnsafePointer<rnn_layer>?, _ dtype: rnn_dtype
) throws(RNNError) -> any AnySingleLayer {
  try makeSingleLayer(
    LayerDescription(Struct.read(layer, "layer", rnn_layer())),
    dtype: option(dtype.rawValue, "dtype", DType.self))
}

@_cdecl("rnn_layer_plan") @implementation
public func rnn_layer_plan(
  _ layer: UnsafePointer<rnn_layer>?, _ dtype: rnn_dtype, _ timeSteps: Int64, _ batchSize: Int64,
  _ sizes: UnsafeMutablePointer<rnn_layer_sizes>?
) -> rnn_status {
  boundary { () throws(RNNError) in
    let source = try RNNCAPI.layer(layer, dtype).sizes(
      steps: size(timeSteps, "time_steps"), rows: size(batchSize, "batch_size"))
    let bytes = source.dtype.bytes
    var result = rnn_layer_sizes()
    result.parameter_bytes = source.parameters * bytes
    result.tensor_count = source.tensors.count
    result.input_bytes = source.input * bytes
    result.output_bytes = source.output * bytes
    result.state_bytes = source.state * bytes
    result.reserve_bytes = source.reserve * bytes
    result.workspace_bytes = source.workspace * bytes
    try Struct.write(result, to: sizes, "sizes")
  }
}

@_cdecl("rnn_layer_tensor") @implementation
public func rnn_layer_tensor(
  _ layer: UnsafePointer<rnn_layer>?, _ dtype: rnn_dtype, _ index: Int,
  _ info: UnsafeMutablePointer<rnn_tensor_info>?
) -> rnn_status {
  boundary { () throws(RNNError) in
    let sizes = try RNNCAPI.layer(layer, dtype).sizes(steps: 1, rows: 1)
    let (tensor, bytes) = (try element(sizes.tensors, index), sizes.dtype.bytes)
    let result = rnn_tensor_info(
      tensor.name, sizes.dtype, tensor.shape, offset: tensor.offset * bytes, bytes: tensor.count * bytes)
    try Struct.write(result, to: info, "info")
  }
}

@_cdecl("rnn_layer_initialize") @implementation
public func rnn_layer_initialize(
  _ layer: UnsafePointer<rnn_layer>?, _ dtype: rnn_dtype, _ seed: UInt64,
  _ parameters: UnsafeMutableRawPointer?, _ bytes: Int
) -> rnn_status {
  boundary { () throws(RNNError) in
    try RNNCAPI.layer(layer, dtype).initialize(RawBuffer(parameters, bytes: bytes), seed: seed)
  }
}

@_cdecl("rnn_layer_forward") @implementation
public func rnn_layer_forward(
  _ layer: UnsafePointer<rnn_layer>?, _ call: UnsafePointer<rnn_layer_call>?
) -> rnn_status {
  boundary { () throws(RNNError) in
    let call = try Struct.read(call, "call", rnn_layer_call())
    try RNNCAPI.layer(layer, call.dtype).forward(LayerCall(call))
  }
}

@_cdecl("rnn_layer_backward") @implementation
public func rnn_layer_backward(
  _ layer: UnsafePointer<rnn_layer>?, _ call: UnsafePointer<rnn_layer_call>?
) -> rnn_status {
  boundary { () throws(RNNError) in
    let call = try Struct.read(call, "call", rnn_layer_call())
    try RNNCAPI.layer(layer, call.dtype).backward(LayerCall(call))
  }
}

extension LayerCall {
  init(_ call: rnn_layer_call) throws(RNNError) {
    self.init(
      steps: try size(call.time_steps, "time_steps"), rows: try size(call.batch_size, "batch_size"),
      tokenType: try integerType(call.token_type, "token_type"), parameters: RawBuffer(call.parameters),
      input: RawBuffer(call.input), lengths: RawBuffer(call.lengths), state: RawBuffer(call.state),
      output: RawBuffer(call.output), stateOut: RawBuffer(call.state_out), reserve: RawBuffer(call.reserve),
      workspace: RawBuffer(call.workspace), isTraining: try flag(call.training, "training"),
      dropoutSeed: call.dropout_seed, gradOutput: RawBuffer(call.grad_output),
      gradStateOut: RawBuffer(call.grad_state_out), gradInput: RawBuffer(call.grad_input),
      gradState: RawBuffer(call.grad_state), gradParameters: RawBuffer(call.grad_parameters))
  }
}
