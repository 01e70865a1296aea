/// Descriptions of layers as JSON and back. Missing members take their defaults, unknown ones are ignored,
/// so that files of neighbouring versions can be read.
extension LayerDescription {
  private static let kinds: [Kind] = [.embedding, .elman, .gru, .lstm, .linear, .cell]
  private static let initNames: [(String, Initialization)] = [
    ("default", .standard), ("xavier", .xavier), ("orthogonal", .orthogonal), ("identity", .identity),
    ("sparse", .sparse), ("keras", .keras),
  ]

  var json: JSON {
    var members: [(key: String, value: JSON)] = [
      ("kind", .string(kind.name)), ("input_size", .number(inputSize)), ("output_size", .number(outputSize)),
      ("weight_init", .string(Self.name(weightInit))),
    ]
    if kind == .elman { members.append(("nonlinearity", .string(nonlinearity.name))) }
    if kind.isRecurrent {
      members.append(("num_layers", .number(layerCount)))
      members.append(("dropout", .number(dropout)))
      members.append(("recurrent_init", .string(Self.name(recurrentInit))))
      members.append(("spectral_radius", .number(spectralRadius)))
    }
    if kind == .cell { members.append(("cell", .string(Cells.name(cell)))) }
    if kind == .gru || kind == .lstm || chrono != 0 { members.append(("chrono", .number(chrono))) }
    if kind == .lstm { members.append(("forget_bias", .number(forgetBias))) }
    if kind == .linear { members.append(("last_step", .bool(lastStep))) }
    if isTied { members.append(("tied", .bool(true))) }
    if addsInput { members.append(("skip", .bool(true))) }
    return .object(members + options.members)
  }

  /// nil if a necessary member is missing or a value means nothing.
  init?(_ json: JSON) {
    guard let name = json["kind"]?.text, let kind = Self.kinds.first(where: { $0.name.isSame(as: name) }),
      let inputSize = json["input_size"]?.int, let outputSize = json["output_size"]?.int
    else { return nil }
    self.init(kind, inputSize, outputSize)
    if kind == .cell {
      guard let name = json["cell"]?.text, let cell = Cells.index(named: name) else { return nil }
      setCell(cell)
    }
    guard let options = LayerOptions(json) else { return nil }
    self.options = options
    if let value = json["nonlinearity"] {
      guard let known = Nonlinearity.named(value.text) else { return nil }
      nonlinearity = known
    }
    guard let layerCount = (json["num_layers"] ?? .number(1)).int,
      let dropout = (json["dropout"] ?? .number(0)).double,
      let forgetBias = (json["forget_bias"] ?? .number(0)).double,
      let lastStep = (json["last_step"] ?? .bool(false)).bool,
      let weightInit = Self.initialization(json["weight_init"]),
      let recurrentInit = Self.initialization(json["recurrent_init"]),
      let spectralRadius = (json["spectral_radius"] ?? .number(0)).double,
      let chrono = (json["chrono"] ?? .number(0)).double
    else { return nil }
    (self.layerCount, self.dropout, self.forgetBias) = (layerCount, dropout, forgetBias)
    (self.lastStep, self.weightInit, self.recurrentInit) = (lastStep, weightInit, recurrentInit)
    (self.spectralRadius, self.chrono) = (spectralRadius, chrono)
    guard let isTied = (json["tied"] ?? .bool(false)).bool,
      let addsInput = (json["skip"] ?? .bool(false)).bool
    else { return nil }
    (self.isTied, self.addsInput) = (isTied, addsInput)
  }

  private static func name(_ method: Initialization) -> String {
    initNames.first { $0.1 == method }?.0 ?? "default"
  }

  private static func initialization(_ json: JSON?) -> Initialization? {
    guard let json else { return .standard }
    return initNames.first { $0.0.isSame(as: json.text) }?.1
  }
}
