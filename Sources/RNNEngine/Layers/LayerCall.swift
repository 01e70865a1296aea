/// One layer over a caller's buffers, without a model: the engine's form of `rnn_layer_call`, unchecked.
public struct LayerCall {
  public var steps: Int
  public var rows: Int
  public var tokenType: DType
  public var parameters: RawBuffer
  public var input: RawBuffer
  public var lengths: RawBuffer
  public var state: RawBuffer
  public var output: RawBuffer
  public var stateOut: RawBuffer
  public var reserve: RawBuffer
  public var workspace: RawBuffer
  public var isTraining: Bool
  public var dropoutSeed: UInt64
  public var gradOutput: RawBuffer
  public var gradStateOut: RawBuffer
  public var gradInput: RawBuffer
  public var gradState: RawBuffer
  public var gradParameters: RawBuffer

  public init(
    steps: Int, rows: Int, tokenType: DType, parameters: RawBuffer, input: RawBuffer, lengths: RawBuffer,
    state: RawBuffer, output: RawBuffer, stateOut: RawBuffer, reserve: RawBuffer, workspace: RawBuffer,
    isTraining: Bool, dropoutSeed: UInt64, gradOutput: RawBuffer, gradStateOut: RawBuffer,
    gradInput: RawBuffer, gradState: RawBuffer, gradParameters: RawBuffer
  ) {
    (self.steps, self.rows, self.tokenType) = (steps, rows, tokenType)
    (self.parameters, self.input, self.lengths, self.state) = (parameters, input, lengths, state)
    (self.output, self.stateOut, self.reserve, self.workspace) = (output, stateOut, reserve, workspace)
    (self.isTraining, self.dropoutSeed) = (isTraining, dropoutSeed)
    (self.gradOutput, self.gradStateOut) = (gradOutput, gradStateOut)
    (self.gradInput, self.gradState, self.gradParameters) = (gradInput, gradState, gradParameters)
  }
}

/// Elements of each buffer of a layer call.
public struct LayerSizes: Sendable {
  public let dtype: DType
  public let tensors: [TensorShape]
  public let parameters: Int
  public let input: Int
  public let output: Int
  public let state: Int
  public let reserve: Int
  public let workspace: Int
}
