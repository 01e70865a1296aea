import CRNN
import RNNEngine
import RNNKernels

// Models and sequences: sections 3 and 4 of rnn.h, and their files.

@_cdecl("rnn_model_create") @implementation
public func rnn_model_create(
  _ layers: UnsafePointer<rnn_layer>?, _ count: Int, _ options: UnsafePointer<rnn_model_options>?,
  _ model: UnsafeMutablePointer<OpaquePointer?>?
) -> rnn_status {
  boundary { () throws(RNNError) in
    let result = try required(model, "model")
    let options = try Struct.readOptional(options, "options", rnn_model_options())
    let descriptions = try descriptions(layers, count)
    let dtype = try option(options.dtype.rawValue, "dtype", DType.self)
    result.pointee = try Handles.open(.model(makeModel(descriptions, dtype: dtype, seed: options.seed)))
  }
}

/// An array of structs, each as long as the first says.
private func descriptions(
  _ layers: UnsafePointer<rnn_layer>?, _ count: Int
) throws(RNNError) -> [LayerDescription] {
  let start = UnsafeRawPointer(try required(layers, "layers"))
  guard count >= 1 && count <= 1024 else {
    throw RNNError(.argument, "count: expected 1 to 1024 layers, got \(UInt(bitPattern: count))")
  }
  let stride = try Struct.checkedSize(start, "layers")
  var descriptions: [LayerDescription] = []
  for index in 0..<count {
    let pointer = (start + index * stride).assumingMemoryBound(to: rnn_layer.self)
    guard try Struct.checkedSize(UnsafeRawPointer(pointer), text("layers[\(index)]")) == stride else {
      throw RNNError(
        .structSize, "layers[\(index)]: struct_size: expected \(stride), as layers[0], got another")
    }
    do throws(RNNError) {
      descriptions.append(try LayerDescription(Struct.read(pointer, "layers", rnn_layer())))
    } catch {
      throw RNNError(error.code, "layers[\(index)]: \(error.message)")
    }
  }
  return descriptions
}

@_cdecl("rnn_model_free") @implementation
public func rnn_model_free(_ model: OpaquePointer?) -> rnn_status {
  closeHandle(model) { () throws(RNNError) in _ = try RNNCAPI.model(model) }
}

@_cdecl("rnn_model_describe") @implementation
public func rnn_model_describe(
  _ model: OpaquePointer?, _ info: UnsafeMutablePointer<rnn_model_info>?
) -> rnn_status {
  boundary { () throws(RNNError) in
    let source = try RNNCAPI.model(model).info
    var result = rnn_model_info()
    result.dtype = rnn_dtype(UInt32(source.dtype.rawValue))
    result.token_input = source.takesTokens ? 1 : 0
    result.last_step = source.isLastStep ? 1 : 0
    result.input_size = Int64(source.inputSize)
    result.output_size = Int64(source.outputSize)
    result.layer_count = source.layerCount
    result.tensor_count = source.tensorCount
    result.parameter_count = source.parameterCount
    result.state_tensor_count = source.stateTensorCount
    result.state_bytes_per_row = source.stateBytesPerRow
    result.weights = rnn_weights(UInt32(source.format.rawValue))
    result.weight_bytes = source.weightBytes
    try Struct.write(result, to: info, "info")
  }
}

@_cdecl("rnn_model_quantize") @implementation
public func rnn_model_quantize(
  _ model: OpaquePointer?, _ weights: rnn_weights, _ quantized: UnsafeMutablePointer<OpaquePointer?>?
) -> rnn_status {
  boundary { () throws(RNNError) in
    let model = try RNNCAPI.model(model)
    let format = try option(weights.rawValue, "weights", WeightFormat.self)
    let result = try required(quantized, "quantized")
    result.pointee = try Handles.open(.model(model.makeQuantized(format)))
  }
}

/// Element `index` of a list that a caller walks through.
func element<T>(_ list: [T], _ index: Int) throws(RNNError) -> T {
  guard index >= 0 && index < list.count else {
    throw RNNError(.argument, "index: expected less than \(list.count), got \(UInt(bitPattern: index))")
  }
  return list[index]
}

@_cdecl("rnn_model_layer") @implementation
public func rnn_model_layer(
  _ model: OpaquePointer?, _ index: Int, _ layer: UnsafeMutablePointer<rnn_layer>?
) -> rnn_status {
  boundary { () throws(RNNError) in
    let description = try element(RNNCAPI.model(model).descriptions, index)
    try Struct.write(description.cStruct, to: layer, "layer")
  }
}

@_cdecl("rnn_model_tensor") @implementation
public func rnn_model_tensor(
  _ model: OpaquePointer?, _ index: Int, _ info: UnsafeMutablePointer<rnn_tensor_info>?
) -> rnn_status {
  boundary { () throws(RNNError) in
    let tensor = try element(RNNCAPI.model(model).tensors, index)
    try Struct.write(rnn_tensor_info(tensor), to: info, "info")
  }
}

@_cdecl("rnn_model_find") @implementation
public func rnn_model_find(
  _ model: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ info: UnsafeMutablePointer<rnn_tensor_info>?
) -> rnn_status {
  boundary { () throws(RNNError) in
    let tensor = try tensor(RNNCAPI.model(model), name)
    try Struct.write(rnn_tensor_info(tensor), to: info, "info")
  }
}

func tensor(_ model: any AnyModel, _ name: UnsafePointer<CChar>?) throws(RNNError) -> NamedTensor {
  try tensor(named: String(cString: required(name, "name")), of: model)
}

@_cdecl("rnn_model_state_tensor") @implementation
public func rnn_model_state_tensor(
  _ model: OpaquePointer?, _ index: Int, _ batchSize: Int64, _ info: UnsafeMutablePointer<rnn_tensor_info>?
) -> rnn_status {
  boundary { () throws(RNNError) in
    let rows = try size(batchSize, "batch_size")
    let tensor = try element(RNNCAPI.model(model).stateTensors(rows: rows), index)
    try Struct.write(rnn_tensor_info(tensor), to: info, "info")
  }
}

@_cdecl("rnn_model_get") @implementation
public func rnn_model_get(
  _ model: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ data: UnsafeMutableRawPointer?, _ bytes: Int
) -> rnn_status {
  boundary { () throws(RNNError) in
    let model = try RNNCAPI.model(model)
    try model.read(tensor(model, name), into: RawBuffer(data, bytes: bytes))
  }
}

@_cdecl("rnn_model_set") @implementation
public func rnn_model_set(
  _ model: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ data: UnsafeRawPointer?, _ bytes: Int
) -> rnn_status {
  boundary { () throws(RNNError) in
    let model = try RNNCAPI.model(model)
    try model.write(tensor(model, name), from: RawBuffer(data, bytes: bytes))
  }
}

@_cdecl("rnn_model_forward") @implementation
public func rnn_model_forward(_ model: OpaquePointer?, _ batch: UnsafePointer<rnn_batch>?) -> rnn_status {
  boundary { () throws(RNNError) in
    let model = try RNNCAPI.model(model)
    try model.forward(Batch(Struct.read(batch, "batch", rnn_batch())))
  }
}

@_cdecl("rnn_model_save") @implementation
public func rnn_model_save(_ model: OpaquePointer?, _ path: UnsafePointer<CChar>?) -> rnn_status {
  boundary { () throws(RNNError) in try RNNCAPI.model(model).save(to: required(path, "path")) }
}

@_cdecl("rnn_model_load") @implementation
public func rnn_model_load(
  _ path: UnsafePointer<CChar>?, _ model: UnsafeMutablePointer<OpaquePointer?>?
) -> rnn_status {
  boundary { () throws(RNNError) in
    let result = try required(model, "model")
    result.pointee = try Handles.open(.model(loadModel(required(path, "path"))))
  }
}
