import RNNKernels

/// A stack of recurrent layers of one kind over T steps: forward, then backpropagation through time.
///
/// Of each stacked layer k, each step is the products of W_ih with x_t and of W_hh with h_{t-1} and the cell. Backward
/// runs the steps in reverse, a block of them at a time, and leaves the gradients of all pre-activations behind, from
/// which dW_ih, dW_hh and dx of the block are one product each, while the block is still in the caches.
final class Recurrent<S: Scalar>: Layer {
  let description: LayerDescription
  let tensors: [TensorShape]
  let cell: Cell
  let size: Int
  let depth: Int
  /// G·H.
  let gateWidth: Int

  var stateParts: [StatePart] {
    (cell.hasCellState ? ["h", "c"] : ["h"]).map { StatePart(name: $0, count: depth, width: size) }
  }

  var levels: [LevelForm] {
    (0..<depth).map { k in
      LevelForm(
        gateCount: cell.gateCount, hasCellState: cell.hasCellState, size: size, widest: size,
        tanhGates: (0..<cell.gateCount).map { cell.isTanh($0) }, isBounded: cell.activation == .tanh,
        inputWeight: 4 * k, hiddenWeight: 4 * k + 1)
    }
  }

  /// Of each level, PyTorch's.
  static var tensorNames: [String] { ["weight_ih", "weight_hh", "bias_ih", "bias_hh"] }

  var takesFinalGradient: Bool { true }

  convenience init(_ description: LayerDescription) throws(RNNError) {
    let (cell, size, depth) = (Cell(description), description.outputSize, description.layerCount)
    let gateWidth = try Size.product(cell.gateCount, size)
    // Every stacked layer has at least 4 numbers: refuse an absurd depth before listing its tensors.
    _ = try Size.product(depth, gateWidth, 64)
    if depth > 1024 { throw RNNError(.argument, "num_layers: expected at most 1024, got \(depth)") }
    var shapes: [(name: String, shape: [Int])] = []
    for k in 0..<depth {
      let input = k == 0 ? description.inputSize : size
      for (part, name) in Self.tensorNames.enumerated() {
        let shape = part < 2 ? [gateWidth, part == 0 ? input : size] : [gateWidth]
        shapes.append((text("\(name)_l\(k)"), shape))
      }
    }
    self.init(description, cell, gateWidth, try layOut(shapes))
  }

  private init(
    _ description: LayerDescription, _ cell: Cell, _ gateWidth: Int, _ tensors: [TensorShape]
  ) {
    (self.description, self.cell, self.gateWidth, self.tensors) = (description, cell, gateWidth, tensors)
    (size, depth) = (description.outputSize, description.layerCount)
  }

  func inputWidth(_ k: Int) -> Int { k == 0 ? description.inputSize : size }

  /// Elements from one row of gates to the next. Rows a multiple of a kilobyte apart would meet in few sets of the
  /// caches when dW reads them column by column; a cache line more spreads them.
  var gateStride: Int {
    let line = 64 / MemoryLayout<S>.stride
    return gateWidth % (16 * line) == 0 ? gateWidth + line : gateWidth
  }

  func shape(_ k: Int) -> CellShape {
    CellShape(inputSize: inputWidth(k), size: size, gateStride: gateStride, activation: cell.activation)
  }

  func plan(steps: Int, rows: Int, isTraining: Bool) throws(RNNError) -> LayerPlan {
    let height = try Size.product(steps, rows)
    var reserve = Carver<S>()
    _ = try RecurrentReserve(carving: &reserve, layer: self, steps: steps, rows: rows, isTraining: isTraining)
    var workspace = Carver<S>()
    _ = try RecurrentScratch(
      carving: &workspace, layer: self, height: height, rows: rows, isTraining: isTraining)
    return LayerPlan(
      output: try Size.product(height, size),
      state: try Size.product(cell.hasCellState ? 2 : 1, depth, rows, size),
      reserve: reserve.used, workspace: workspace.used,
      packed: try Size.sum(packedCount(0), Size.product(depth - 1, packedCount(1))))
  }

  func packedCount(_ k: Int) -> Int { S.kernels.packedCount(cell.kind, shape(k)) }
}

/// What one stacked layer keeps from forward for backward. `height` = T·B.
struct RecurrentReserve<S: Scalar> {
  struct Level {
    /// [T, B, GH], rows `gateStride` apart; outside training a block of steps.
    var gates: View<S>
    /// [T, B, H] each, empty where the cell has none, and outside training.
    var candidates: View<S>
    var cells: View<S>
    /// [T, B, H] of all but the top layer, whose outputs are the caller's; and the same after dropout.
    var outputs: View<S>
    var dropped: View<S>
  }
  private var memory: View<S>
  private let depth: Int
  /// Elements of an inner layer.
  private var stride = 0
  private let gates: Int
  private let width: Int
  private let keepsCandidates: Bool
  private let keepsCells: Bool
  private let keepsDropped: Bool

  init(
    carving carver: inout Carver<S>, layer: Recurrent<S>, steps: Int, rows: Int, isTraining: Bool
  ) throws(RNNError) {
    let height = try Size.product(steps, rows)
    width = try Size.product(height, layer.size)
    gates = try Size.product(
      isTraining ? height : Size.product(min(steps, blockSteps(rows: rows)), rows), layer.gateStride)
    keepsCandidates = isTraining && layer.cell.hasCandidate
    keepsCells = isTraining && layer.cell.hasCellState
    keepsDropped = isTraining && layer.description.dropout > 0
    depth = layer.depth
    memory = View(start: nil, count: 0)
    var (inner, top) = (Carver<S>(), Carver<S>())
    _ = try carve(&inner, isInner: true)
    _ = try carve(&top, isInner: false)
    stride = inner.used
    memory = try carver.take(Size.sum(Size.product(depth - 1, stride), top.used))
  }

  /// What layer k keeps.
  func level(_ k: Int) -> Level {
    let isInner = k + 1 < depth
    var carver = Carver(memory.part(k * stride, isInner ? stride : memory.count - k * stride))
    do {
      return try carve(&carver, isInner: isInner)
    } catch {
      // It has been planned: it fits.
      return Level(gates: memory, candidates: memory, cells: memory, outputs: memory, dropped: memory)
    }
  }

  private func carve(_ carver: inout Carver<S>, isInner: Bool) throws(RNNError) -> Level {
    Level(
      gates: try carver.take(gates), candidates: try carver.take(keepsCandidates ? width : 0),
      cells: try carver.take(keepsCells ? width : 0), outputs: try carver.take(isInner ? width : 0),
      dropped: try carver.take(isInner && keepsDropped ? width : 0))
  }
}

/// Scratch of one pass through a recurrent layer.
struct RecurrentScratch<S: Scalar> {
  /// [GH]: biases of a layer; sums over steps.
  var gateRow: View<S>
  /// [B, H] each: h_0 and c_0, outside training c_t; ∂L/∂h and ∂L/∂c of one step.
  var initialOutput: View<S>
  var initialCell: View<S>
  var gradOutput: View<S>
  var gradCell: View<S>
  /// [T, B, H]: gradient of an inner layer's outputs.
  var gradInner: View<S>
  /// [block, H]: h_{t-1} of the first block, whose h_{-1} stands elsewhere.
  var previous: View<S>
  /// Of the products of blocks of steps.
  var product: View<S>

  init(
    carving carver: inout Carver<S>, layer: Recurrent<S>, height: Int, rows: Int, isTraining: Bool
  ) throws(RNNError) {
    let width = try Size.product(rows, layer.size)
    gateRow = try carver.take(layer.gateWidth)
    initialOutput = try carver.take(width)
    initialCell = try carver.take(width)
    gradOutput = try carver.take(isTraining ? width : 0)
    gradCell = try carver.take(isTraining ? width : 0)
    gradInner = try carver.take(isTraining && layer.depth > 1 ? Size.product(height, layer.size) : 0)
    previous = try carver.take(
      isTraining ? Size.product(min(height, blockSteps(rows: rows) * rows), layer.size) : 0)
    let (gates, input) = (layer.gateWidth, max(layer.description.inputSize, layer.size))
    product = try carver.take(
      isTraining
        ? max(matmulScratch(columns: input, depth: height), matmulScratch(columns: input, depth: gates))
        : Blocking.tile)
  }
}
