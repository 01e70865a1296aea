/// The sizes of a recurrent layer.
public struct CellShape: BitwiseCopyable, Sendable {
  /// I.
  public let inputSize: Int
  /// H.
  public let size: Int
  /// Elements from one row of gates to the next, at least GH.
  public let gateStride: Int
  /// Elements from one row of x to the next, at least I; and of h and c, at least H. Where a row of the state has room
  /// for whole vectors, they are written whole: zeros beyond H stay zeros.
  public let inputStride: Int
  public let stateStride: Int
  /// φ of an Elman network.
  public let activation: Activation

  public init(
    inputSize: Int, size: Int, gateStride: Int, inputStride: Int? = nil, stateStride: Int? = nil,
    activation: Activation = .tanh
  ) {
    (self.inputSize, self.size) = (inputSize, size)
    (self.gateStride, self.activation) = (gateStride, activation)
    (self.inputStride, self.stateStride) = (inputStride ?? inputSize, stateStride ?? size)
  }
}

/// What makes a hidden unit of its sum.
public enum Activation: BitwiseCopyable, Sendable {
  case tanh
  case relu
  /// The linear recurrence.
  case identity
}

/// The parameters of a recurrent layer: W_ih [GH, I], W_hh [GH, H], b_ih and b_hh [GH].
public struct CellWeights<S: Real> {
  public let input: UnsafePointer<S>
  public let hidden: UnsafePointer<S>
  public let inputBias: UnsafePointer<S>
  public let hiddenBias: UnsafePointer<S>

  public init(
    input: UnsafePointer<S>, hidden: UnsafePointer<S>, inputBias: UnsafePointer<S>,
    hiddenBias: UnsafePointer<S>
  ) {
    (self.input, self.hidden, self.inputBias, self.hiddenBias) = (input, hidden, inputBias, hiddenBias)
  }
}

/// The numbers of consecutive rows at one time step, the first row's first; [rows, …] each. A cell without c or q
/// leaves those pointers alone.
public struct CellRows<S: Real>: BitwiseCopyable {
  /// [GH], rows `gateStride` apart: the activations, then the gradient of the pre-activations on the input's side.
  public var gates: UnsafeMutablePointer<S>
  /// [H]: h_{t-1}, h_t, c_{t-1}, c_t. Where nothing is kept, c_t may take the place of c_{t-1}.
  public var previousOutput: UnsafeMutablePointer<S>
  public var output: UnsafeMutablePointer<S>
  public var previousCell: UnsafeMutablePointer<S>
  public var cell: UnsafeMutablePointer<S>
  /// [H]: q = W_hn h_{t-1} + b_hn of a GRU, then its gradient.
  public var candidate: UnsafeMutablePointer<S>

  public init(
    gates: UnsafeMutablePointer<S>, previousOutput: UnsafeMutablePointer<S>, output: UnsafeMutablePointer<S>,
    previousCell: UnsafeMutablePointer<S>, cell: UnsafeMutablePointer<S>, candidate: UnsafeMutablePointer<S>
  ) {
    (self.gates, self.candidate) = (gates, candidate)
    (self.previousOutput, self.output) = (previousOutput, output)
    (self.previousCell, self.cell) = (previousCell, cell)
  }

  @inline(__always)
  func row(_ r: Int, _ shape: CellShape) -> CellRows {
    let offset = r &* shape.stateStride
    return CellRows(
      gates: gates + r &* shape.gateStride, previousOutput: previousOutput + offset, output: output + offset,
      previousCell: previousCell + offset, cell: cell + offset, candidate: candidate + offset)
  }
}

/// One time step of some rows through one layer, forward.
public struct ForwardStep<S: Real>: BitwiseCopyable {
  public var shape: CellShape
  /// t. A single row walks the panels to and fro, the other way at odd steps: what was read last is in the cache.
  public var step: Int
  public var rows: Int
  /// Which panels of hidden units.
  public var panels: Range<Int> {
    get { firstPanel..<lastPanel }
    set { (firstPanel, lastPanel) = (newValue.lowerBound, newValue.upperBound) }
  }
  private var firstPanel: Int
  private var lastPanel: Int
  /// Valid steps of each row; nil: all.
  public var lengths: UnsafePointer<Int>?
  /// As `Kernels.packForward` leaves them.
  public var weights: UnsafePointer<S>
  /// x_t, [rows, I], rows `inputStride` apart; nil: `gates` holds what `Kernels.project` made of it.
  public var input: UnsafePointer<S>?
  public var numbers: CellRows<S>
  /// Whether the activations stay in `gates` and `candidate`, for backward.
  public var keepsActivations: Bool
  /// `Blocking.tile` elements.
  public var scratch: UnsafeMutablePointer<S>

  public init(
    shape: CellShape, step: Int, rows: Int, panels: Range<Int>, lengths: UnsafePointer<Int>?,
    weights: UnsafePointer<S>, input: UnsafePointer<S>?, numbers: CellRows<S>, keepsActivations: Bool,
    scratch: UnsafeMutablePointer<S>
  ) {
    (self.shape, self.step, self.rows) = (shape, step, rows)
    (firstPanel, lastPanel) = (panels.lowerBound, panels.upperBound)
    (self.lengths, self.weights, self.input, self.numbers) = (lengths, weights, input, numbers)
    (self.keepsActivations, self.scratch) = (keepsActivations, scratch)
  }
}

/// Where the gradients of a step's state go if somebody looks at them; [rows, H] each, nil: nobody does.
public struct FlowRows<S: Real>: BitwiseCopyable {
  /// ∂L/∂h_t, and the part of it that came from step t + 1.
  public var output: UnsafeMutablePointer<S>?
  public var laterOutput: UnsafeMutablePointer<S>?
  /// The same of ∂L/∂c_t. Only an LSTM writes them.
  public var cell: UnsafeMutablePointer<S>?
  public var laterCell: UnsafeMutablePointer<S>?

  public init() {}
}

/// The way back through one time step of some rows: first ∂L/∂h_t gathers what comes from step t + 1, then the cell.
public struct BackwardStep<S: Real> {
  public var shape: CellShape
  public var step: Int
  public var rows: Int
  /// Which panels of hidden units.
  public var panels: Range<Int>
  public var lengths: UnsafePointer<Int>?
  /// W_hh as `Kernels.packBackward` leaves it.
  public var weights: UnsafePointer<S>
  /// Step t; nil before the first step, where only ∂L/∂h_0 remains to be gathered.
  public var numbers: CellRows<S>?
  /// The gradients of step t + 1 that W_hh sees; nil at the last step.
  public var laterGates: UnsafePointer<S>?
  public var laterCandidate: UnsafePointer<S>?
  /// [rows, H]: ∂L/∂y_t; nil: none.
  public var outputGradient: UnsafePointer<S>?
  /// [rows, H]: in, the part of ∂L/∂h_t that did not pass through W_hh; out, the same of ∂L/∂h_{t-1}.
  public var carried: UnsafeMutablePointer<S>
  /// [rows, H]: in ∂L/∂c_t from later steps, out ∂L/∂c_{t-1}.
  public var carriedCell: UnsafeMutablePointer<S>
  public var flow: FlowRows<S>
  /// `Blocking.tile` elements.
  public var scratch: UnsafeMutablePointer<S>

  public init(
    shape: CellShape, step: Int, rows: Int, panels: Range<Int>, lengths: UnsafePointer<Int>?,
    weights: UnsafePointer<S>, numbers: CellRows<S>?, laterGates: UnsafePointer<S>?,
    laterCandidate: UnsafePointer<S>?, outputGradient: UnsafePointer<S>?, carried: UnsafeMutablePointer<S>,
    carriedCell: UnsafeMutablePointer<S>, flow: FlowRows<S>, scratch: UnsafeMutablePointer<S>
  ) {
    (self.shape, self.step, self.rows, self.panels) = (shape, step, rows, panels)
    (self.lengths, self.weights, self.numbers) = (lengths, weights, numbers)
    (self.laterGates, self.laterCandidate) = (laterGates, laterCandidate)
    (self.outputGradient, self.carried, self.carriedCell) = (outputGradient, carried, carriedCell)
    (self.flow, self.scratch) = (flow, scratch)
  }
}
