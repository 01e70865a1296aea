import RNNKernels

/// The running state of some sequences that go on one step at a time. All memory is planned here.
public final class Stream<S: Scalar> {
  public let model: Model<S>
  private let network: Network<S>
  private let rows: Int
  private let tokenType: DType

  public init(_ model: Model<S>, rows: Int, tokenType: DType) throws(RNNError) {
    try Size.checkBatch(steps: 1, rows: rows)
    guard tokenType == .int32 || tokenType == .int64 else {
      throw RNNError(.dtype, "token_type: expected int32 or int64, got \(tokenType.name)")
    }
    (self.model, self.rows, self.tokenType) = (model, rows, tokenType)
    network = try Network(model, maximumSteps: 1, rows: rows, training: false)
  }

  /// One time step: input [B, I] or tokens [B] to output [B, O].
  public func step(input: RawBuffer, output: RawBuffer) throws(RNNError) {
    let none = RawBuffer(UnsafeRawPointer?.none, bytes: 0)
    let batch = Batch(
      steps: 1, rows: rows, input: input, lengths: none, state: none, stateOut: none, output: output,
      target: none, weights: none, tokenType: tokenType, labelType: .int32)
    let sequence = try Sequence(batch, for: model)
    guard let target = sequence.output else {
      throw RNNError(
        .argument, "output: expected \(S.dtype.name) \(shapeText(Shape(rows, model.outputSize))), got NULL")
    }
    let outputs = network.forward(sequence, 0..<1, stateOut: network.state, dropout: nil)
    if model.isLastStep { target.copy(from: outputs.start) }
  }

  public func reset() { network.begin(with: nil) }

  public func getState(_ state: RawBuffer) throws(RNNError) {
    let view = try state.view("state", Shape(rows, model.stateCountPerRow), as: S.self)
    if !view.isEmpty { view.copy(from: network.state.start) }
  }

  public func setState(_ state: RawBuffer) throws(RNNError) {
    let shape = Shape(rows, model.stateCountPerRow)
    let view = try state.view("state", shape, as: S.self)
    try Check.noNaN(view, "state", shape)
    network.begin(with: view)
  }
}
