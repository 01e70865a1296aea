/// The numbers of one row at one time step. A cell without c or q leaves those pointers alone.
public struct CellRow<S: Real> {
  /// [GH]: W_ih x, then the activations, then the gradient of the pre-activations on the input's side.
  public var gates: UnsafeMutablePointer<S>
  /// [GH]: W_hh h_{t-1}.
  public var hidden: UnsafeMutablePointer<S>
  /// [H]: h_{t-1}, h_t, c_{t-1}, c_t.
  public var previousOutput: UnsafeMutablePointer<S>
  public var output: UnsafeMutablePointer<S>
  public var previousCell: UnsafeMutablePointer<S>
  public var cell: UnsafeMutablePointer<S>
  /// [H]: q = W_hn h_{t-1} + b_hn of a GRU, then its gradient.
  public var candidate: UnsafeMutablePointer<S>

  public init(
    gates: UnsafeMutablePointer<S>, hidden: UnsafeMutablePointer<S>, previousOutput: UnsafeMutablePointer<S>,
    output: UnsafeMutablePointer<S>, previousCell: UnsafeMutablePointer<S>, cell: UnsafeMutablePointer<S>,
    candidate: UnsafeMutablePointer<S>
  ) {
    (self.gates, self.hidden) = (gates, hidden)
    (self.previousOutput, self.output) = (previousOutput, output)
    (self.previousCell, self.cell) = (previousCell, cell)
    self.candidate = candidate
  }
}

/// Biases of a layer, [GH] each.
public struct CellBiases<S: Real> {
  public var input: UnsafeMutablePointer<S>
  public var hidden: UnsafeMutablePointer<S>

  public init(input: UnsafeMutablePointer<S>, hidden: UnsafeMutablePointer<S>) {
    self.input = input
    self.hidden = hidden
  }
}

/// The way back through one row of one step.
public struct CellGradient<S: Real> {
  /// [H]: in ∂L/∂h_t, out the part of ∂L/∂h_{t-1} that does not pass through W_hh.
  public var output: UnsafeMutablePointer<S>
  /// [H]: in ∂L/∂c_t from later steps, out ∂L/∂c_{t-1}.
  public var cell: UnsafeMutablePointer<S>

  public init(output: UnsafeMutablePointer<S>, cell: UnsafeMutablePointer<S>) {
    self.output = output
    self.cell = cell
  }
}
