import RNNKernels

/// Models as files. The tensors stand under their names; the architecture is JSON under "librnn".
enum ModelFile {
  /// 2 if a layer is more than a plain cell: a reader that does not know what it is asked for must not go on.
  static let format = 2

  static func metadata(_ model: any AnyModel) -> JSON {
    var members: [(key: String, value: JSON)] = [
      ("format", .number(model.descriptions.allSatisfy { $0.isPlain } ? 1 : format)),
      ("dtype", .string(model.info.dtype.name)),
      ("layers", .array(model.descriptions.map { $0.json })),
    ]
    if model.info.format != .own { members.append(("weights", .string(model.info.format.name))) }
    return .object(members)
  }

  /// The description of the model in a file.
  static func description(_ file: SafetensorsFile) throws(RNNError) -> JSON {
    guard let text = file.metadata["librnn"]?.text, let json = JSONParser.parse(text) else {
      throw RNNError(.format, "\(file.path): expected the metadata \"librnn\" of a model, got none")
    }
    try checkFormat(json, file)
    let dtype = json["dtype"]?.text
    guard DType.float32.name.isSame(as: dtype) || DType.float64.name.isSame(as: dtype) else {
      throw RNNError(.format, "\(file.path): expected dtype float32 or float64, got \(dtype ?? "none")")
    }
    return json
  }

  static func isDouble(_ description: JSON) -> Bool {
    DType.float64.name.isSame(as: description["dtype"]?.text)
  }

  static func model<S: Scalar>(
    _ file: SafetensorsFile, _ description: JSON, as _: S.Type
  ) throws(RNNError) -> Model<S> {
    var layers: [LayerDescription] = []
    for layer in description["layers"]?.elements ?? [] {
      guard let layer = LayerDescription(layer) else {
        throw RNNError(.format, "\(file.path): layer \(layers.count): expected a description of a layer")
      }
      layers.append(layer)
    }
    // What is wrong with the numbers of a file is wrong with the file.
    do throws(RNNError) { try checkSize(layers, file, as: S.self) } catch { throw file.damaged(error) }
    let model = try Model<S>(layers, format: weightFormat(file, description, S.dtype))
    for entry in model.entries(model.parameters.values) { try file.read(entry) }
    return model
  }

  /// Small weights belong to Float models.
  private static func weightFormat(
    _ file: SafetensorsFile, _ description: JSON, _ dtype: DType
  ) throws(RNNError) -> WeightFormat {
    guard let text = description["weights"]?.text else { return .own }
    for format in [WeightFormat.bfloat16, .int8] where format.name.isSame(as: text) && dtype == .float32 {
      return format
    }
    throw RNNError(
      .format, "\(file.path): weights: expected bfloat16 or int8 of a float32 model, got \(text)")
  }

  /// A file cannot promise more parameters than it holds: ask before memory is taken for them.
  private static func checkSize<S: Scalar>(
    _ layers: [LayerDescription], _ file: SafetensorsFile, as _: S.Type
  ) throws(RNNError) {
    try Stack.validate(layers)
    var (expected, held) = (0, 0)
    for layer in layers {
      expected = try Size.sum(
        expected, Size.product(makeLayer(layer, as: S.self).parameterCount, S.dtype.bytes))
    }
    for entry in file.entries { held += entry.data.count }
    guard expected <= held else {
      throw RNNError(.format, "expected \(expected) bytes of parameters, got \(held)")
    }
  }

  static func checkFormat(_ json: JSON, _ file: SafetensorsFile) throws(RNNError) {
    guard let version = json["format"]?.int, version >= 1, version <= format else {
      throw RNNError(
        .format,
        "\(file.path): expected format 1 to \(format), got \(json["format"]?.serialized ?? "none")")
    }
  }
}

extension Model {
  /// The tensors of a flat buffer laid out as the parameters are, under a prefix.
  func entries(_ flat: View<S>, prefix: String = "") -> [Safetensors.Entry] {
    tensors.map { tensor in
      Safetensors.Entry(
        name: text("\(prefix)\(tensor.name)"), dtype: S.dtype, shape: tensor.shape,
        data: UnsafeRawBufferPointer(flat.part(tensor.start, tensor.count)))
    }
  }

  public func save(to path: UnsafePointer<CChar>) throws(RNNError) {
    try Safetensors.write(
      path, entries(parameters.values), metadata: [("librnn", .string(ModelFile.metadata(self).serialized))])
  }
}

/// Reads a model, or the model within a checkpoint.
@export(interface) @inline(never)
public func loadModel(_ path: UnsafePointer<CChar>) throws(RNNError) -> any AnyModel {
  let file = try SafetensorsFile(path)
  let description = try ModelFile.description(file)
  if ModelFile.isDouble(description) { return try ModelFile.model(file, description, as: Double.self) }
  return try ModelFile.model(file, description, as: Float.self)
}
