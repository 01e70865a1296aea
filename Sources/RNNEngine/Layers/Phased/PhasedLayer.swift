import RNNKernels

/// One recurrent layer of any cell, with all that happens within its steps: peepholes, projection, normalisation,
/// zoneout, recurrent dropout. It has one level and walks time forward; `StackedLayer` does the rest.
///
/// v_t = W_ih x_t + b_ih is one product for a block of steps; then each step is a product u_t = W_hh h_{t-1} + b_hh, the
/// cell's equations row by row (`RNNKernels/Cells`), and what is done with h_t. Threads share the rows, or the steps
/// (`PhasedScan`).
final class PhasedLayer<S: Scalar>: Layer {
  let description: LayerDescription
  let tensors: [TensorShape]
  let parts: PhasedParts
  let code: any CellCode<S>
  let form: CellForm
  let sizes: CellSizes
  let functions: CellFunctionSet<S>
  var options: LayerOptions { description.options }

  /// H, P and G·H.
  var size: Int { sizes.size }
  var outputSize: Int { sizes.output }
  var gateWidth: Int { sizes.gateCount * sizes.size }
  var hasCell: Bool { form.hasCellState }
  var hasHidden: Bool { form.hidden != .none }
  /// Gates that see h_{t-1} itself.
  var directGates: Int { form.hidden == .reset ? form.gateCount - 1 : form.gateCount }
  /// Whether u has a gradient of its own.
  var separatesHidden: Bool {
    form.hidden == .apart || form.hidden == .reset || hasHidden && options.isNormalized
  }
  var peepholeCount: Int { options.hasPeepholes ? form.peepholeCount : 0 }
  var sums: CellSums { CellSums(sizes, peepholes: peepholeCount, isNormalized: options.isNormalized) }

  var stateParts: [StatePart] {
    let h = StatePart(name: "h", count: 1, width: outputSize)
    return hasCell ? [h, StatePart(name: "c", count: 1, width: size)] : [h]
  }

  var levels: [LevelForm] {
    let gates = (0..<form.gateCount).map { $0 == form.candidate }
    let isBounded = functions.gate.kind == .sigmoid && functions.candidate.kind == .tanh
    return [
      LevelForm(
        gateCount: form.gateCount, hasCellState: hasCell, size: outputSize, widest: size,
        tanhGates: gates,
        isBounded: form.gateCount == 1 ? functions.candidate.kind == .tanh : isBounded,
        inputWeight: PhasedParts.inputWeight, hiddenWeight: parts.hiddenWeight)
    ]
  }

  convenience init(_ description: LayerDescription) throws(RNNError) {
    let code = Self.code(description)
    let gateWidth = try Size.product(code.form.gateCount, description.outputSize)
    let line = 64 / MemoryLayout<S>.stride
    let sizes = CellSizes(
      input: description.inputSize, size: description.outputSize,
      output: description.options.projection > 0 ? description.options.projection : description.outputSize,
      gateCount: code.form.gateCount,
      // As in `Recurrent`: rows a multiple of a kilobyte apart would meet in few sets of the caches.
      gateStride: gateWidth % (16 * line) == 0 ? gateWidth + line : gateWidth)
    var shapes: [(name: String, shape: [Int])] = []
    let parts = PhasedParts(code.form, sizes, description.options, &shapes)
    self.init(description, code, sizes, parts, try layOut(shapes))
  }

  private init(
    _ description: LayerDescription, _ code: any CellCode<S>, _ sizes: CellSizes, _ parts: PhasedParts,
    _ tensors: [TensorShape]
  ) {
    (self.description, self.code, self.sizes) = (description, code, sizes)
    (self.parts, self.tensors, form) = (parts, tensors, code.form)
    functions = Self.functions(description, code.form)
  }

  private static func code(_ description: LayerDescription) -> any CellCode<S> {
    let cells = S.kernels.cells
    return cells[description.cellIndex]
  }

  /// f, g and h: as asked for, else σ, the cell's own and tanh.
  private static func functions(_ description: LayerDescription, _ form: CellForm) -> CellFunctionSet<S> {
    func function(_ place: Int, _ own: Nonlinearity) -> CellFunction<S> {
      guard let asked = description.options.functions else {
        return LayerOptions.Function(own).scaled(S.self)
      }
      return asked[place].scaled(S.self)
    }
    let isElman = form.gateCount == 1
    let own: Nonlinearity = isElman ? description.nonlinearity : form.isLinear ? .identity : .tanh
    return CellFunctionSet(
      gate: function(0, .sigmoid), candidate: function(isElman ? 0 : 1, own), output: function(2, .tanh))
  }
}

/// Which tensor is which, by place among the layer's; nil: there is none.
struct PhasedParts: Sendable {
  static let inputWeight = 0
  var hiddenWeight: Int?
  var inputBias = 0
  var hiddenBias: Int?
  var projection: Int?
  var peepholes: Int?
  var inputScale: Int?
  var hiddenScale: Int?
  var cellScale: Int?
  var cellShift: Int?

  /// PyTorch's order and names, then ours.
  init(
    _ form: CellForm, _ sizes: CellSizes, _ options: LayerOptions,
    _ shapes: inout [(name: String, shape: [Int])]
  ) {
    let gates = sizes.gateCount * sizes.size
    func add(_ name: String, _ shape: [Int], if wanted: Bool = true) -> Int? {
      guard wanted else { return nil }
      shapes.append((name, shape))
      return shapes.count - 1
    }
    let hasHidden = form.hidden != .none
    _ = add("weight_ih", [gates, sizes.input])
    hiddenWeight = add("weight_hh", [gates, sizes.output], if: hasHidden)
    inputBias = add("bias_ih", [gates]) ?? 0
    hiddenBias = add("bias_hh", [gates], if: hasHidden)
    projection = add("weight_hr", [sizes.output, sizes.size], if: options.projection > 0)
    peepholes = add("weight_peephole", [form.peepholeCount * sizes.size], if: options.hasPeepholes)
    inputScale = add("norm_ih", [gates], if: options.isNormalized)
    hiddenScale = add("norm_hh", [gates], if: options.isNormalized && hasHidden)
    cellScale = add("norm_c", [sizes.size], if: options.isNormalized && form.hasCellState)
    cellShift = add("norm_c_bias", [sizes.size], if: options.isNormalized && form.hasCellState)
  }
}
