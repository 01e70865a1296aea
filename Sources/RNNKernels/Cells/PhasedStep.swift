/// The sizes of a cell.
public struct CellSizes: BitwiseCopyable, Sendable {
  /// I.
  public let input: Int
  /// H.
  public let size: Int
  /// Of h: H, or what it is projected to.
  public let output: Int
  /// G.
  public let gateCount: Int
  /// Elements from one row of gates to the next, at least GH.
  public let gateStride: Int

  public init(input: Int, size: Int, output: Int, gateCount: Int, gateStride: Int) {
    (self.input, self.size, self.output) = (input, size, output)
    (self.gateCount, self.gateStride) = (gateCount, gateStride)
  }
}

/// f of gates, g of the candidate, h of what leaves the cell.
public struct CellFunctionSet<S: Real>: BitwiseCopyable, Sendable {
  public var gate: CellFunction<S>
  public var candidate: CellFunction<S>
  public var output: CellFunction<S>

  public init(gate: CellFunction<S>, candidate: CellFunction<S>, output: CellFunction<S>) {
    (self.gate, self.candidate, self.output) = (gate, candidate, output)
  }
}

/// The weights of a cell as its steps read them; nil: it has none. Matrices are packed by `Kernels.packProduct`.
public struct CellParameters<S: Real>: BitwiseCopyable {
  public typealias Values = UnsafePointer<S>
  /// W_ih, for steps that multiply x themselves, and b_ih [GH].
  public var input: Values?
  public var inputBias: Values?
  /// Forward: W_hhᵀ of the gates that see h_{t-1}, W_hnᵀ of a gate that sees s, W_hrᵀ. Backward: each not transposed.
  public var hidden: Values?
  public var candidate: Values?
  public var projection: Values?
  /// b_hh [GH].
  public var hiddenBias: Values?
  /// [n, H].
  public var peepholes: Values?
  /// γ of v and u [GH]; of c, with its β [H].
  public var inputScale: Values?
  public var hiddenScale: Values?
  public var cellScale: Values?
  public var cellShift: Values?

  public init() {}

  /// The same weights, so many elements further on.
  public func moved(by count: Int) -> CellParameters {
    var moved = CellParameters()
    (moved.input, moved.inputBias) = (input.map { $0 + count }, inputBias.map { $0 + count })
    (moved.hidden, moved.hiddenBias) = (hidden.map { $0 + count }, hiddenBias.map { $0 + count })
    (moved.candidate, moved.projection) = (candidate.map { $0 + count }, projection.map { $0 + count })
    (moved.peepholes, moved.inputScale) = (peepholes.map { $0 + count }, inputScale.map { $0 + count })
    (moved.hiddenScale, moved.cellScale) = (hiddenScale.map { $0 + count }, cellScale.map { $0 + count })
    moved.cellShift = cellShift.map { $0 + count }
    return moved
  }
}

/// The numbers of consecutive rows at one time step, the first row's first; [rows, …] each. nil: the cell, or what it
/// has been asked for, has none.
public struct CellNumbers<S: Real>: BitwiseCopyable {
  public typealias Values = UnsafeMutablePointer<S>
  /// [GH], rows `gateStride` apart: v, then activations, then the gradient of v; u, then its gradient.
  public var inner: Values
  public var hidden: Values
  /// v and u of mean 0 and variance 1, likewise; and 1/σ of v, u and c [3]. Kept for backward.
  public var innerNormal: Values?
  public var hiddenNormal: Values?
  public var cellNormal: Values?
  public var deviations: Values?
  /// h_{t-1} as W_hh sees it, and as it is; h_t; h_t as W_hh is going to see it.
  public var operand: UnsafePointer<S>
  public var previousOutput: UnsafePointer<S>
  public var output: Values
  public var nextOperand: Values?
  /// c_{t-1}; c_t before zoneout and after.
  public var previousCell: Values
  public var fresh: Values
  public var cell: Values
  /// What leaves the cell, before projection and zoneout: `output` itself without a projection.
  public var made: Values
  /// s.
  public var reset: Values
  /// Of zoneout: 1 where the unit keeps what it had. nil: its probability, everywhere.
  public var outputZone: UnsafePointer<S>?
  public var cellZone: UnsafePointer<S>?
  /// By what h is multiplied on its way into W_hh.
  public var mask: UnsafePointer<S>?

  public init(
    inner: Values, hidden: Values, operand: UnsafePointer<S>, previousOutput: UnsafePointer<S>,
    output: Values, previousCell: Values, fresh: Values, cell: Values, made: Values, reset: Values
  ) {
    (self.inner, self.hidden, self.operand) = (inner, hidden, operand)
    (self.previousOutput, self.output) = (previousOutput, output)
    (self.previousCell, self.fresh, self.cell) = (previousCell, fresh, cell)
    (self.made, self.reset) = (made, reset)
  }

  /// From row `r` on. `PhasedRow.of` is the same as one piece of code.
  @inline(__always)
  fileprivate func row(_ r: Int, _ sizes: CellSizes) -> CellNumbers {
    let (gates, output, size) = (r &* sizes.gateStride, r &* sizes.output, r &* sizes.size)
    var row = self
    row.inner += gates
    row.hidden += gates
    row.innerNormal = innerNormal.map { $0 + gates }
    row.hiddenNormal = hiddenNormal.map { $0 + gates }
    row.cellNormal = cellNormal.map { $0 + size }
    row.deviations = deviations.map { $0 + 3 &* r }
    row.operand += output
    row.previousOutput += output
    row.output += output
    row.nextOperand = nextOperand.map { $0 + output }
    row.previousCell += size
    row.fresh += size
    row.cell += size
    row.made += size
    row.reset += size
    row.outputZone = outputZone.map { $0 + output }
    row.cellZone = cellZone.map { $0 + size }
    row.mask = mask.map { $0 + output }
    return row
  }
}

/// The numbers of a row, for one machine: what is not inlined has to name it.
enum PhasedRow<M: Machine> {
  @inline(never)
  static func of(_ step: UnsafePointer<PhasedStep<M.S>>, _ row: Int) -> CellNumbers<M.S> {
    step.pointee.numbers.row(row, step.pointee.sizes)
  }
}

/// One time step of some rows through a cell: first the products, then the cell, row by row. Of a cell that is scanned
/// further rows may be those of the steps that follow, which is in the order in which rows are computed.
public struct PhasedStep<S: Real>: BitwiseCopyable {
  public var sizes: CellSizes
  /// t.
  public var step: Int
  public var rows: Int
  /// Rows of a step.
  private let stepRows: Int
  /// Valid steps of each row of a step; nil: all.
  public var lengths: UnsafePointer<Int>?
  public var functions: CellFunctionSet<S>
  /// Probabilities of zoneout; 0: none.
  public var outputZone: S = 0
  public var cellZone: S = 0
  public var parameters: CellParameters<S>
  /// x_t, rows `inputStride` apart; nil: `inner` holds W_ih x_t, with b_ih unless it is to be normalised.
  public var input: UnsafePointer<S>?
  public var inputStride = 0
  public var numbers: CellNumbers<S>
  /// Whether u has a gradient of its own.
  public var separatesHidden = false
  /// Gates with peepholes.
  public var peepholeCount = 0
  /// `Blocking.tile` elements.
  public var scratch: UnsafeMutablePointer<S>

  public init(
    sizes: CellSizes, step: Int, rows: Int, lengths: UnsafePointer<Int>?, functions: CellFunctionSet<S>,
    parameters: CellParameters<S>, numbers: CellNumbers<S>, scratch: UnsafeMutablePointer<S>
  ) {
    (self.sizes, self.step, self.rows, stepRows, self.lengths) = (sizes, step, rows, rows, lengths)
    (self.functions, self.parameters, self.numbers) = (functions, parameters, numbers)
    self.scratch = scratch
  }

  /// Whether v is normalised, and u if there is one.
  @inline(__always)
  var isNormalized: Bool { parameters.inputScale != nil }

  /// Whether h_t and c_t are what leaves the cell, in their places, and nobody else wants them.
  @inline(__always)
  var isSettled: Bool {
    lengths == nil && outputZone == 0 && cellZone == 0 && numbers.fresh == numbers.cell && numbers.mask == nil
  }

  @inline(__always)
  func isPadding(_ row: Int) -> Bool {
    guard let lengths else { return false }
    if row < stepRows { return step >= lengths[row] }
    return step + row / stepRows >= lengths[row % stepRows]
  }
}

/// What goes back through a step, [rows, …] each.
public struct CellGradients<S: Real>: BitwiseCopyable {
  public typealias Values = UnsafeMutablePointer<S>
  /// [P]: in ∂L/∂h_t, out the part of ∂L/∂h_{t-1} that does not pass through W_hh.
  public var output: Values
  /// [H]: in ∂L/∂c_t, out ∂L/∂c_{t-1}.
  public var cell: Values
  /// [H]: ∂L/∂m_t of what leaves the cell, then ∂L/∂c_t as h sees it.
  public var made: Values
  /// [H]: ∂L/∂s; with c, what zoneout hands to c_{t-1}.
  public var reset: Values
  /// [P]: ∂L/∂h_t as W_hr sees it, kept; nil without projection.
  public var projected: Values?
  /// Sums over the steps of the gradients of parameters that have no matrix: `CellSums`.
  public var sums: Values
  public var sumStride: Int
  /// [H]: where ∂L/∂c_t goes, and the part of it that came from step t + 1, if somebody looks.
  public var seenCell: Values?
  public var seenLaterCell: Values?

  public init(
    output: Values, cell: Values, made: Values, reset: Values, projected: Values?, sums: Values,
    sumStride: Int
  ) {
    (self.output, self.cell, self.made, self.reset) = (output, cell, made, reset)
    (self.projected, self.sums, self.sumStride) = (projected, sums, sumStride)
  }

  @inline(__always)
  func row(_ r: Int, _ sizes: CellSizes) -> CellGradients {
    var row = CellGradients(
      output: output + r &* sizes.output, cell: cell + r &* sizes.size, made: made + r &* sizes.size,
      reset: reset + r &* sizes.size, projected: projected.map { $0 + r &* sizes.output },
      sums: sums + r &* sumStride, sumStride: sumStride)
    row.seenCell = seenCell.map { $0 + r &* sizes.size }
    row.seenLaterCell = seenLaterCell.map { $0 + r &* sizes.size }
    return row
  }
}

/// Where the sums of a row stand: of peepholes [n, H]; then, with normalisation, of γ and b of v, γ and b of u [GH],
/// γ and β of c [H].
public struct CellSums: BitwiseCopyable, Sendable {
  public let inputScale: Int
  public let inputBias: Int
  public let hiddenScale: Int
  public let hiddenBias: Int
  public let cellScale: Int
  public let cellShift: Int
  public let count: Int

  @inline(__always)
  public init(_ sizes: CellSizes, peepholes: Int, isNormalized: Bool) {
    let width = isNormalized ? sizes.gateCount &* sizes.size : 0
    inputScale = peepholes &* sizes.size
    inputBias = inputScale &+ width
    hiddenScale = inputBias &+ width
    hiddenBias = hiddenScale &+ width
    cellScale = hiddenBias &+ width
    cellShift = cellScale &+ (isNormalized ? sizes.size : 0)
    count = cellShift &+ (isNormalized ? sizes.size : 0)
  }
}

/// What h_t hears from the step after it and from y_t, [rows, P] each.
public struct LaterStep<S: Real>: BitwiseCopyable {
  /// The gradient of u_{t+1}, [GH], and of how many gates h_t is in it; nil at the last step.
  public var hidden: UnsafePointer<S>?
  public var gates = 0
  public var outputGradient: UnsafePointer<S>?
  public var mask: UnsafePointer<S>?
  /// Scratch: what passes through W_hh.
  public var passed: UnsafeMutablePointer<S>
  /// In what was carried past it, out ∂L/∂h_t.
  public var output: UnsafeMutablePointer<S>
  public var flow = FlowRows<S>()

  public init(passed: UnsafeMutablePointer<S>, output: UnsafeMutablePointer<S>) {
    (self.passed, self.output) = (passed, output)
  }
}
