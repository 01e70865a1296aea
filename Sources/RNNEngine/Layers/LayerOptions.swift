import RNNKernels

/// What a recurrent layer may be asked for beyond its plain cell. Each field stays at its default unless it is meant.
public struct LayerOptions: Sendable, Equatable {
  /// Raw values are those of `rnn_direction`.
  public enum Direction: Int, Sendable {
    case forward = 0
    /// Both ways through time, the outputs side by side.
    case concatenated = 1
    /// Both ways, the outputs added.
    case summed = 2
  }

  /// A function and the constants of a hard sigmoid.
  public struct Function: Sendable, Equatable {
    public var kind: Nonlinearity
    public var alpha: Double
    public var beta: Double

    public init(_ kind: Nonlinearity, alpha: Double = 0, beta: Double = 0) {
      (self.kind, self.alpha, self.beta) = (kind, alpha, beta)
    }

    /// ONNX's constants where none are given.
    func scaled<S: Scalar>(_: S.Type) -> CellFunction<S> {
      let isGiven = alpha != 0
      return CellFunction(kind.kind, alpha: S(isGiven ? alpha : 0.2), beta: S(isGiven ? beta : 0.5))
    }
  }

  public var direction = Direction.forward
  public var hasPeepholes = false
  /// P; 0: h is as wide as the cell.
  public var projection = 0
  public var isNormalized = false
  /// Probabilities, of h and of c, that a unit keeps what it had.
  public var zoneout = 0.0
  public var cellZoneout = 0.0
  /// Probabilities, of inputs and of h on its way into W_hh, with one mask for all steps; and of weights of W_hh.
  public var inputDropout = 0.0
  public var recurrentDropout = 0.0
  public var weightDrop = 0.0
  public var isResidual = false
  public var learnsState = false
  /// f, g and h; nil: those of the cell.
  public var functions: [Function]?

  public init() {}

  /// Whether nothing is asked for.
  var isPlain: Bool { self == LayerOptions() }

  /// Of these, what a level does within its steps.
  var withinSteps: LayerOptions {
    var own = LayerOptions()
    (own.hasPeepholes, own.projection, own.isNormalized) = (hasPeepholes, projection, isNormalized)
    (own.zoneout, own.cellZoneout) = (zoneout, cellZoneout)
    (own.recurrentDropout, own.functions) = (recurrentDropout, functions)
    return own
  }

  /// Of these, what streams read and compute. What is for training alone counts only where it alone has a level
  /// computed in phases, whose weights lie otherwise.
  var streamed: LayerOptions {
    var own = self
    (own.inputDropout, own.weightDrop, own.recurrentDropout) = (0, 0, 0)
    if own.withinSteps.isPlain && recurrentDropout > 0 { own.recurrentDropout = 0.5 }
    return own
  }

  /// A number that mostly tells apart what is computed differently without training.
  var mark: Int {
    var mark = direction.rawValue + (hasPeepholes ? 4 : 0) + (isNormalized ? 8 : 0) + (isResidual ? 16 : 0)
    mark = mark &* 31 &+ projection
    for value in [zoneout, cellZoneout] { mark = mark &* 31 &+ Int(value * 0x1p30) }
    for function in functions ?? [] {
      mark = mark &* 31 &+ function.kind.rawValue
      for value in [function.alpha, function.beta] {
        mark = mark &* 31 &+ Int(truncatingIfNeeded: value.bitPattern)
      }
    }
    return mark & 0xffff_ffff
  }
}

extension LayerOptions {
  /// What does not go together is refused with the reason.
  func validate(_ layer: LayerDescription, _ name: String) throws(RNNError) {
    try validateProbabilities(name)
    try validateFunctions(layer, name)
    guard let form = layer.form else {
      var rest = self
      rest.functions = nil
      if !rest.isPlain {
        throw RNNError(
          .model, "\(name): options of recurrent layers: expected none for \(layer.kind.name), got some")
      }
      return
    }
    func only(_ used: Bool, _ option: String, _ allowed: Bool, _ reason: String) throws(RNNError) {
      if used && !allowed { throw RNNError(.model, "\(name): \(option): \(reason)") }
    }
    try only(
      hasPeepholes, "peepholes", form.peepholeCount > 0,
      "expected an LSTM, for peepholes look at c, got a cell without them")
    try only(
      projection != 0, "proj_size", form.hasCellState, "expected an LSTM, got a cell whose state is h alone")
    try only(
      projection != 0, "proj_size", projection > 0 && projection < layer.outputSize,
      "expected less than the hidden size, for it makes h narrower")
    try only(cellZoneout != 0, "zoneout_cell", form.hasCellState, "expected a cell with c, got one without")
    try only(
      recurrentDropout != 0, "recurrent_dropout", form.hidden != .none,
      "expected a cell with W_hh, got one without")
    try only(
      weightDrop != 0, "weight_drop", form.hidden != .none, "expected a cell with W_hh, got one without")
    try only(
      isNormalized, "layer_norm", form.hidden != .reset,
      "expected a cell whose sums are there at once, got one that resets h before the product")
    try only(
      isResidual, "residual", layer.layerCount > 1 || layer.inputSize == layer.width,
      "expected a stacked layer whose input is as wide as its output, got none")
  }

  private func validateProbabilities(_ name: String) throws(RNNError) {
    let values = [
      ("zoneout", zoneout), ("zoneout_cell", cellZoneout), ("input_dropout", inputDropout),
      ("recurrent_dropout", recurrentDropout), ("weight_drop", weightDrop),
    ]
    for (option, value) in values where !(value >= 0 && value < 1) {
      throw RNNError(.argument, "\(name): \(option): expected a number in [0, 1), got \(value)")
    }
  }

  private func validateFunctions(_ layer: LayerDescription, _ name: String) throws(RNNError) {
    for function in functions ?? [] {
      if !(function.alpha >= 0 && function.alpha.isFinite) {
        throw RNNError(
          .argument, "\(name): alpha: expected a finite number >= 0, got \(function.alpha)")
      }
      if !function.beta.isFinite {
        throw RNNError(.argument, "\(name): beta: expected a finite number, got \(function.beta)")
      }
    }
    guard let functions else { return }
    if layer.kind == .embedding {
      throw RNNError(.model, "\(name): activations: expected none for Embedding, got some")
    }
    if layer.form?.needsSigmoid == true && functions[0].kind != .sigmoid {
      throw RNNError(
        .model, "\(name): activations: expected sigmoid gates, for the cell divides by them, got others")
    }
  }
}
