import RNNKernels

/// What a layer is: the engine's form of `rnn_layer`. A network is a list of these.
public struct LayerDescription: Sendable, Equatable {
  /// Raw values are those of `rnn_layer_kind`.
  public enum Kind: Int, Sendable {
    case embedding = 1
    case elman = 2
    case gru = 3
    case lstm = 4
    case linear = 5
    /// A cell by its name: `LayerDescription.cell`.
    case cell = 6

    public var name: String {
      switch self {
      case .embedding: "Embedding"
      case .elman: "RNN"
      case .gru: "GRU"
      case .lstm: "LSTM"
      case .linear: "Linear"
      case .cell: "Cell"
      }
    }

    public var isRecurrent: Bool { self != .embedding && self != .linear }
  }

  public var kind: Kind
  public var nonlinearity = Nonlinearity.tanh
  public var inputSize: Int
  public var outputSize: Int
  public var layerCount = 1
  public var dropout = 0.0
  public var weightInit = Initialization.standard
  public var recurrentInit = Initialization.standard
  public var forgetBias = 0.0
  public var lastStep = false
  public var spectralRadius = 0.0
  public var chrono = 0.0
  /// Of kind `cell`: its place among the cells that there are.
  public var cell = 0
  /// What else a recurrent layer is asked for, and functions of any.
  public var options = LayerOptions()
  /// Of a linear layer: its weight is the embedding's; what the model reads is added to its output.
  public var isTied = false
  public var addsInput = false

  public init(_ kind: Kind, _ inputSize: Int, _ outputSize: Int) {
    self.kind = kind
    self.inputSize = inputSize
    self.outputSize = outputSize
  }

  /// A cell by its place; one that has a kind of its own becomes a layer of it, which has kernels of its own.
  public mutating func setCell(_ index: Int) {
    switch index {
    case Cells.elman: kind = .elman
    case Cells.gru: kind = .gru
    case Cells.lstm: kind = .lstm
    default: cell = index
    }
  }

  /// Checks the numbers of this layer by itself. `name` leads each message: "layer 1 (LSTM)".
  func validate(_ name: String) throws(RNNError) {
    try Self.check(inputSize, name, kind == .embedding ? "number of tokens" : "input size")
    try Self.check(outputSize, name, kind.isRecurrent ? "hidden size" : "output size")
    try Size.checkMatrixSide(outputSize, text("\(name): hidden size"), factor: form?.gateCount ?? 1)
    try Self.check(layerCount, name, "num_layers")
    if !(dropout >= 0 && dropout < 1) {
      throw RNNError(.argument, "\(name): dropout: expected a number in [0, 1), got \(dropout)")
    }
    if !forgetBias.isFinite {
      throw RNNError(.argument, "\(name): forget_bias: expected a finite number, got \(forgetBias)")
    }
    try validateOptions(name)
    try validateInitialization(name)
  }

  /// Options that mean nothing for this kind of layer are refused rather than ignored.
  private func validateOptions(_ name: String) throws(RNNError) {
    func only(_ used: Bool, _ option: String, _ kinds: String) throws(RNNError) {
      if used { throw RNNError(.model, "\(name): \(option) belongs to \(kinds), not to \(kind.name)") }
    }
    try only(nonlinearity != .tanh && kind != .elman, "nonlinearity", "RNN")
    try only(layerCount != 1 && !kind.isRecurrent, "num_layers", "recurrent layers")
    try only(dropout != 0 && !kind.isRecurrent, "dropout", "recurrent layers")
    try only(recurrentInit != .standard && !kind.isRecurrent, "recurrent_init", "recurrent layers")
    try only(forgetBias != 0 && kind != .lstm, "forget_bias", "LSTM")
    try only(lastStep && kind != .linear, "last_step", "Linear")
    try only(isTied && kind != .linear, "tied", "Linear")
    try only(addsInput && kind != .linear, "skip", "Linear")
    try only(weightInit == .sparse && kind == .embedding, "weight_init sparse", "layers with inputs")
    try only(chrono != 0 && form?.keepingGate == nil && form?.takingGate == nil, "chrono", "cells with gates")
    try options.validate(self, name)
  }

  private func validateInitialization(_ name: String) throws(RNNError) {
    if !(spectralRadius >= 0 && spectralRadius.isFinite) {
      throw RNNError(
        .argument,
        "\(name): spectral_radius: expected a finite number > 0, or 0 for 1.1, got \(spectralRadius)")
    }
    if spectralRadius != 0 && recurrentInit != .sparse {
      throw RNNError(.model, "\(name): spectral_radius: expected recurrent_init sparse, got another")
    }
    if !(chrono == 0 || chrono > 2 && chrono.isFinite) {
      throw RNNError(
        .argument, "\(name): chrono: expected a finite number > 2, or 0 for none, got \(chrono)")
    }
    if chrono != 0 && forgetBias != 0 {
      throw RNNError(.model, "\(name): chrono: expected no forget_bias beside it, got \(forgetBias)")
    }
  }

  /// What the layer computes, as numbers: two layers with the same can have each other's states.
  var identity: InlineArray<7, Int> {
    [
      kind.rawValue, nonlinearity.rawValue, inputSize, outputSize, layerCount,
      (lastStep ? 1 : 0) + (addsInput ? 2 : 0),
      options.isPlain ? cell : cell + 1024 * (1 + options.mark),
    ]
  }

  /// Whether two layers can have each other's weights.
  func computesAs(_ other: LayerDescription) -> Bool {
    let (own, others) = (identity, other.identity)
    for index in 0..<own.count where own[index] != others[index] { return false }
    return options.streamed == other.options.streamed
  }

  /// The cell of a recurrent layer.
  var form: CellForm? { kind.isRecurrent ? Float.kernels.cells[cellIndex].form : nil }

  /// Its place among the cells that there are.
  var cellIndex: Int {
    switch kind {
    case .elman: Cells.elman
    case .gru: Cells.gru
    case .lstm: Cells.lstm
    default: cell
    }
  }

  /// Whether it is what there was first: a plain cell that the fused kernels compute, or no recurrent layer.
  var isPlain: Bool {
    kind != .cell && options.isPlain && !isTied && !addsInput && (isFused || !kind.isRecurrent)
  }

  /// Whether the fused kernels compute it.
  var isFused: Bool {
    kind == .gru || kind == .lstm
      || kind == .elman && (nonlinearity == .tanh || nonlinearity == .relu || nonlinearity == .identity)
  }

  /// Of what the layer gives at each step.
  var width: Int {
    let one = options.projection > 0 ? options.projection : outputSize
    return options.direction == .concatenated ? 2 * one : one
  }

  /// 1, or 2 if time is walked both ways.
  var directionCount: Int { options.direction == .forward ? 1 : 2 }

  private static func check(_ size: Int, _ name: String, _ what: String) throws(RNNError) {
    if size < 1 { throw RNNError(.argument, "\(name): \(what): expected at least 1, got \(size)") }
    try Size.checkMatrixSide(size, text("\(name): \(what)"))
  }
}
