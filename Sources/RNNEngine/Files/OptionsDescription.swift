/// Options of recurrent layers as JSON and back: those that are not at their defaults, and functions.
extension LayerOptions {
  private static let directions: [(String, Direction)] = [
    ("forward", .forward), ("concat", .concatenated), ("sum", .summed),
  ]

  var members: [(key: String, value: JSON)] {
    var members: [(key: String, value: JSON)] = []
    func add(_ key: String, _ value: Double) { if value != 0 { members.append((key, .number(value))) } }
    func add(_ key: String, _ value: Bool) { if value { members.append((key, .bool(true))) } }
    if let name = Self.directions.first(where: { $0.1 == direction })?.0, direction != .forward {
      members.append(("direction", .string(name)))
    }
    add("peepholes", hasPeepholes)
    if projection != 0 { members.append(("proj_size", .number(projection))) }
    add("layer_norm", isNormalized)
    add("zoneout", zoneout)
    add("zoneout_cell", cellZoneout)
    add("input_dropout", inputDropout)
    add("recurrent_dropout", recurrentDropout)
    add("weight_drop", weightDrop)
    add("residual", isResidual)
    add("learn_state", learnsState)
    if let functions { members.append(("activations", .array(functions.map { $0.json }))) }
    return members
  }

  /// nil if a value means nothing.
  init?(_ json: JSON) {
    self.init()
    func number(_ key: String) -> Double? { (json[key] ?? .number(0)).double }
    func flag(_ key: String) -> Bool? { (json[key] ?? .bool(false)).bool }
    guard let direction = Self.direction(json["direction"]), let hasPeepholes = flag("peepholes"),
      let projection = (json["proj_size"] ?? .number(0)).int, let isNormalized = flag("layer_norm"),
      let zoneout = number("zoneout"), let cellZoneout = number("zoneout_cell"),
      let inputDropout = number("input_dropout"), let recurrentDropout = number("recurrent_dropout"),
      let weightDrop = number("weight_drop"), let isResidual = flag("residual"),
      let learnsState = flag("learn_state")
    else { return nil }
    (self.direction, self.hasPeepholes, self.projection) = (direction, hasPeepholes, projection)
    (self.isNormalized, self.zoneout, self.cellZoneout) = (isNormalized, zoneout, cellZoneout)
    (self.inputDropout, self.recurrentDropout) = (inputDropout, recurrentDropout)
    (self.weightDrop, self.isResidual, self.learnsState) = (weightDrop, isResidual, learnsState)
    guard let activations = json["activations"] else { return }
    guard let functions = activations.elements, functions.count == 3 else { return nil }
    var known: [Function] = []
    for function in functions {
      guard let function = Function(function) else { return nil }
      known.append(function)
    }
    self.functions = known
  }

  private static func direction(_ json: JSON?) -> Direction? {
    guard let json else { return .forward }
    return directions.first { $0.0.isSame(as: json.text) }?.1
  }
}

extension LayerOptions.Function {
  /// Its name, α and β.
  fileprivate var json: JSON { .array([.string(kind.name), .number(alpha), .number(beta)]) }

  fileprivate init?(_ json: JSON) {
    guard let parts = json.elements, parts.count == 3, let kind = Nonlinearity.named(parts[0].text),
      let alpha = parts[1].double, let beta = parts[2].double
    else { return nil }
    self.init(kind, alpha: alpha, beta: beta)
  }
}
