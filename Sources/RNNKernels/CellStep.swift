/// The numbers of consecutive rows at one time step, the first row's first; [rows, …] each. A cell without c or q
/// leaves those pointers alone.
public struct CellRows<S: Real> {
  /// [GH]: W_ih x and the biases, then the activations, then the gradient of the pre-activations on the input's side.
  public var gates: UnsafeMutablePointer<S>
  /// [H]: h_{t-1}, h_t, c_{t-1}, c_t.
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
  func row(_ r: Int, gateWidth: Int, size: Int) -> CellRows {
    CellRows(
      gates: gates + r &* gateWidth, previousOutput: previousOutput + r &* size, output: output + r &* size,
      previousCell: previousCell + r &* size, cell: cell + r &* size, candidate: candidate + r &* size)
  }
}

/// One time step of some rows through one layer, forward.
public struct ForwardStep<S: Real> {
  public var step: Int
  public var rows: Int
  /// H.
  public var size: Int
  /// φ of an Elman network.
  public var relu: Bool
  /// Valid steps of each row; nil: all.
  public var lengths: UnsafePointer<Int>?
  /// W_hh as `Kernels.packForward` leaves it.
  public var weights: UnsafePointer<S>
  /// b_hh, of which a GRU uses b_hn: the others are in `gates` already.
  public var hiddenBias: UnsafePointer<S>
  public var numbers: CellRows<S>
  /// `Blocking.tile` elements.
  public var scratch: UnsafeMutablePointer<S>

  public init(
    step: Int, rows: Int, size: Int, relu: Bool, lengths: UnsafePointer<Int>?, weights: UnsafePointer<S>,
    hiddenBias: UnsafePointer<S>, numbers: CellRows<S>, scratch: UnsafeMutablePointer<S>
  ) {
    self.scratch = scratch
    (self.step, self.rows, self.size, self.relu) = (step, rows, size, relu)
    (self.lengths, self.weights, self.hiddenBias, self.numbers) = (lengths, weights, hiddenBias, numbers)
  }
}

/// The way back through one time step of some rows: first ∂L/∂h_t gathers what comes from step t + 1, then the cell.
public struct BackwardStep<S: Real> {
  public var step: Int
  public var rows: Int
  public var size: Int
  public var relu: Bool
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
  /// `Blocking.tile` elements.
  public var scratch: UnsafeMutablePointer<S>

  public init(
    step: Int, rows: Int, size: Int, relu: Bool, lengths: UnsafePointer<Int>?, weights: UnsafePointer<S>,
    numbers: CellRows<S>?, laterGates: UnsafePointer<S>?, laterCandidate: UnsafePointer<S>?,
    outputGradient: UnsafePointer<S>?, carried: UnsafeMutablePointer<S>, carriedCell: UnsafeMutablePointer<S>,
    scratch: UnsafeMutablePointer<S>
  ) {
    self.scratch = scratch
    (self.step, self.rows, self.size, self.relu) = (step, rows, size, relu)
    (self.lengths, self.weights, self.numbers) = (lengths, weights, numbers)
    (self.laterGates, self.laterCandidate) = (laterGates, laterCandidate)
    (self.outputGradient, self.carried, self.carriedCell) = (outputGradient, carried, carriedCell)
  }
}
