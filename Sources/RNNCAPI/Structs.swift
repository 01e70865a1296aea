import CPlatform
import CRNN
import RNNEngine

/// Public structs, which begin with their size. A caller's struct may be older and shorter than ours: what it
/// lacks is zero, the default. Or newer and longer: what we do not know must be zero.
enum Struct {
  private static let sizes = MemoryLayout<Int>.size * 2...1 << 16

  /// Reads a caller's struct of any version.
  static func read<T: BitwiseCopyable>(_ pointer: UnsafePointer<T>?, _ name: String, _ cleared: T)
    throws(RNNError) -> T
  {
    var result = cleared
    try read(UnsafeRawPointer(pointer), name, to: &result, MemoryLayout<T>.size)
    return result
  }

  @inline(never)
  private static func read(
    _ pointer: UnsafeRawPointer?, _ name: String, to target: UnsafeMutableRawPointer, _ size: Int
  ) throws(RNNError) {
    let start = try required(pointer, name)
    let bytes = try checkedSize(start, name)
    let known = min(bytes, size)
    for index in known..<max(bytes, known) where start.load(fromByteOffset: index, as: UInt8.self) != 0 {
      throw RNNError(
        .structSize,
        "\(name): expected zeros beyond byte \(known), which this version does not know, got another value")
    }
    memcpy(target, start, known)
  }

  /// As `read`, with NULL for a struct of defaults.
  static func readOptional<T: BitwiseCopyable>(
    _ pointer: UnsafePointer<T>?, _ name: String, _ cleared: T
  ) throws(RNNError) -> T {
    pointer == nil ? cleared : try read(pointer, name, cleared)
  }

  /// Checks a struct that is to be written.
  static func check<T>(_ pointer: UnsafeMutablePointer<T>?, _ name: String) throws(RNNError) {
    _ = try checkedSize(required(UnsafeRawPointer(pointer), name), name)
  }

  /// Writes as much of `value` as the caller's version has, and keeps its size.
  static func write<T: BitwiseCopyable>(
    _ value: T, to pointer: UnsafeMutablePointer<T>?, _ name: String
  ) throws(RNNError) {
    var value = value
    try write(&value, MemoryLayout<T>.size, to: UnsafeMutableRawPointer(pointer), name)
  }

  @inline(never)
  private static func write(
    _ source: UnsafeRawPointer, _ size: Int, to pointer: UnsafeMutableRawPointer?, _ name: String
  ) throws(RNNError) {
    let start = try required(pointer, name)
    let bytes = try checkedSize(UnsafeRawPointer(start), name)
    let header = MemoryLayout<Int>.size
    memcpy(start + header, source + header, min(bytes, size) - header)
  }

  @inline(never)
  static func checkedSize(_ start: UnsafeRawPointer, _ name: String) throws(RNNError) -> Int {
    guard Int(bitPattern: start) % MemoryLayout<Int>.alignment == 0 else {
      throw RNNError(.argument, "\(name): expected an aligned struct, got an odd address")
    }
    let bytes = start.load(as: UInt.self)
    guard let size = Int(exactly: bytes), sizes.contains(size), size % MemoryLayout<Int>.alignment == 0 else {
      throw RNNError(.structSize, "\(name): struct_size: expected the struct's size in bytes, got \(bytes)")
    }
    return size
  }
}

extension LayerDescription {
  init(_ layer: rnn_layer) throws(RNNError) {
    self.init(
      try option(layer.kind.rawValue, "kind", Kind.self), try size(layer.input_size, "input_size"),
      try size(layer.output_size, "output_size"))
    nonlinearity = try option(layer.nonlinearity.rawValue, "nonlinearity", Nonlinearity.self)
    layerCount = layer.num_layers == 0 ? 1 : try size(layer.num_layers, "num_layers")
    dropout = layer.dropout
    weightInit = try option(layer.weight_init.rawValue, "weight_init", Initialization.self)
    recurrentInit = try option(layer.recurrent_init.rawValue, "recurrent_init", Initialization.self)
    forgetBias = layer.forget_bias
    lastStep = try flag(layer.last_step, "last_step")
    (spectralRadius, chrono) = (layer.spectral_radius, layer.chrono)
    if kind == .cell { setCell(try Self.cell(layer.cell)) }
    options = try LayerOptions(layer)
    isTied = try flag(layer.tied, "tied")
    addsInput = try flag(layer.skip, "skip")
  }

  private static func cell(_ name: UnsafePointer<CChar>?) throws(RNNError) -> Int {
    let name = String(cString: try required(name, "cell"))
    if let index = Cells.index(named: name) { return index }
    throw RNNError(.argument, "cell: expected the name of a cell, such as \"lstm_coupled\", got \"\(name)\"")
  }

  var cStruct: rnn_layer {
    var layer = rnn_layer()
    layer.kind = rnn_layer_kind(UInt32(kind.rawValue))
    layer.nonlinearity = rnn_nonlinearity(UInt32(nonlinearity.rawValue))
    layer.input_size = Int64(inputSize)
    layer.output_size = Int64(outputSize)
    layer.num_layers = Int64(layerCount)
    layer.dropout = dropout
    layer.weight_init = rnn_init(UInt32(weightInit.rawValue))
    layer.recurrent_init = rnn_init(UInt32(recurrentInit.rawValue))
    layer.forget_bias = forgetBias
    layer.last_step = lastStep ? 1 : 0
    (layer.spectral_radius, layer.chrono) = (spectralRadius, chrono)
    if kind == .cell { layer.cell = Cells.cName(cell) }
    options.write(to: &layer)
    (layer.tied, layer.skip) = (isTied ? 1 : 0, addsInput ? 1 : 0)
    return layer
  }
}

extension LayerOptions {
  fileprivate init(_ layer: rnn_layer) throws(RNNError) {
    self.init()
    direction = try option(layer.direction.rawValue, "direction", Direction.self)
    hasPeepholes = try flag(layer.peepholes, "peepholes")
    projection = layer.proj_size == 0 ? 0 : try size(layer.proj_size, "proj_size")
    isNormalized = try flag(layer.layer_norm, "layer_norm")
    (zoneout, cellZoneout) = (layer.zoneout, layer.zoneout_cell)
    (inputDropout, recurrentDropout) = (layer.input_dropout, layer.recurrent_dropout)
    weightDrop = layer.weight_drop
    isResidual = try flag(layer.residual, "residual")
    learnsState = try flag(layer.learn_state, "learn_state")
    guard try flag(layer.has_activations, "has_activations") else { return }
    let (kinds, alphas, betas) = (layer.activations, layer.alpha, layer.beta)
    functions = [
      try function(kinds.0, alphas.0, betas.0), try function(kinds.1, alphas.1, betas.1),
      try function(kinds.2, alphas.2, betas.2),
    ]
  }

  private func function(_ kind: rnn_nonlinearity, _ alpha: Double, _ beta: Double) throws(RNNError)
    -> Function
  {
    Function(try option(kind.rawValue, "activations", Nonlinearity.self), alpha: alpha, beta: beta)
  }

  fileprivate func write(to layer: inout rnn_layer) {
    layer.direction = rnn_direction(UInt32(direction.rawValue))
    layer.peepholes = hasPeepholes ? 1 : 0
    layer.proj_size = Int64(projection)
    layer.layer_norm = isNormalized ? 1 : 0
    (layer.zoneout, layer.zoneout_cell) = (zoneout, cellZoneout)
    (layer.input_dropout, layer.recurrent_dropout) = (inputDropout, recurrentDropout)
    layer.weight_drop = weightDrop
    layer.residual = isResidual ? 1 : 0
    layer.learn_state = learnsState ? 1 : 0
    guard let functions else { return }
    func kind(_ place: Int) -> rnn_nonlinearity { rnn_nonlinearity(UInt32(functions[place].kind.rawValue)) }
    layer.has_activations = 1
    layer.activations = (kind(0), kind(1), kind(2))
    layer.alpha = (functions[0].alpha, functions[1].alpha, functions[2].alpha)
    layer.beta = (functions[0].beta, functions[1].beta, functions[2].beta)
  }
}

/// Text as a C array of characters, cut where that ends.
func writeText<T>(_ text: String, to array: inout T) {
  withUnsafeMutableBytes(of: &array) { target in
    for (index, byte) in text.bytes.prefix(target.count - 1).enumerated() { target[index] = byte }
  }
}

extension rnn_tensor_info {
  init(_ name: String, _ dtype: DType, _ shape: [Int], offset: Int, bytes: Int) {
    self.init()
    writeText(name, to: &self.name)
    self.dtype = rnn_dtype(UInt32(dtype.rawValue))
    rank = Int32(shape.count)
    withUnsafeMutableBytes(of: &self.shape) { target in
      for (index, side) in shape.enumerated() {
        target.storeBytes(of: Int64(side), toByteOffset: index * 8, as: Int64.self)
      }
    }
    self.offset = offset
    self.bytes = bytes
  }

  init(_ tensor: NamedTensor) {
    self.init(tensor.name, tensor.dtype, tensor.shape, offset: tensor.offset, bytes: tensor.bytes)
  }
}

/// 0 means int32: the first two numbers of `rnn_dtype` are no integer types.
func integerType(_ value: rnn_dtype, _ name: String) throws(RNNError) -> DType {
  let type = try option(value.rawValue, name, DType.self)
  if type == .float64 { throw RNNError(.dtype, "\(name): expected int32 or int64, got float64") }
  return type == .float32 ? .int32 : type
}

extension Batch {
  init(_ batch: rnn_batch) throws(RNNError) {
    self.init(
      steps: try size(batch.time_steps, "time_steps"), rows: try size(batch.batch_size, "batch_size"),
      input: RawBuffer(batch.input), lengths: RawBuffer(batch.lengths), state: RawBuffer(batch.state),
      stateOut: RawBuffer(batch.state_out), output: RawBuffer(batch.output), target: RawBuffer(batch.target),
      weights: RawBuffer(batch.weights), tokenType: try integerType(batch.token_type, "token_type"),
      labelType: try integerType(batch.label_type, "label_type"))
    observes = try flag(batch.observe, "observe")
    targetLengths = RawBuffer(batch.target_lengths)
  }
}
