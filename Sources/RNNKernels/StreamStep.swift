/// What a stage of a stream computes.
public enum StreamWork: BitwiseCopyable, Sendable {
  /// y = weight[token].
  case lookup
  case cell(CellKind)
  /// Any other cell, by its place in `CellList`: `StreamStage.phased`.
  case phased(Int)
  /// What the stage before has made, and what it has read, whose rows lie so far apart.
  case add(stride: Int)
  /// y = W x + b. W takes `packed` elements, b comes behind it.
  case product(packed: Int)
}

/// What a stream does with its rows in one step: a layer, or one of its stacked layers.
public struct StreamStage<S: Real>: BitwiseCopyable {
  public let work: StreamWork
  /// The sizes, weights and numbers of any stage. `output` and `previousOutput` of a cell change places at every step;
  /// c_t takes the place of c_{t-1}. Other stages make `output`, [B, H].
  public var step: ForwardStep<S>
  public var phased: UnsafeMutablePointer<PhasedStep<S>>?

  public init(_ work: StreamWork, _ step: ForwardStep<S>) { (self.work, self.step) = (work, step) }
}

/// Some time steps of a stream. x [n, B, …] and y [n, B, O] are the caller's.
public struct StreamCall<S: Real>: BitwiseCopyable {
  public let stages: UnsafeMutablePointer<StreamStage<S>>
  public let stageCount: Int
  public let inputSize: Int
  public let outputSize: Int
  /// Bytes of one row of x; of a token 4 or 8.
  public let inputBytes: Int
  /// From one step to the next: bytes of x, elements of y.
  public let inputStride: Int
  public let outputStride: Int
  public let takesTokens: Bool
  /// [B, I] and [B, O]: rows that do not stand as the caller's.
  public let gathered: UnsafeMutablePointer<S>
  public let made: UnsafeMutablePointer<S>

  public var steps = 0
  /// The rows that go on, and where each stands among the caller's; nil: as here.
  public var rows = 0
  public var laneOfRow: UnsafePointer<Int>?
  public var input: UnsafeRawPointer
  public var output: UnsafeMutablePointer<S>
  /// How many steps there have been.
  public var time = 0

  public init(
    stages: UnsafeMutablePointer<StreamStage<S>>, stageCount: Int, lanes: Int, inputSize: Int,
    outputSize: Int, inputBytes: Int, takesTokens: Bool, gathered: UnsafeMutablePointer<S>,
    made: UnsafeMutablePointer<S>
  ) {
    (self.stages, self.stageCount) = (stages, stageCount)
    (inputStride, outputStride) = (lanes &* inputBytes, lanes &* outputSize)
    (self.inputSize, self.outputSize, self.inputBytes) = (inputSize, outputSize, inputBytes)
    (self.takesTokens, self.gathered, self.made) = (takesTokens, gathered, made)
    (input, output) = (UnsafeRawPointer(made), made)
  }
}
