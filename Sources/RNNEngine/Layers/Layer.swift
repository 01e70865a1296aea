import RNNKernels

/// A parameter tensor of a layer and its place in the layer's flat parameters.
public struct TensorShape: Sendable {
  public let name: String
  public let shape: [Int]
  public let offset: Int
  public let count: Int
}

/// Backward sums the gradients of shared parameters block by block, the last block first: so many steps that their
/// rows together fill the depth of a matrix product. A sequence may be cut between blocks without changing a bit.
func blockSteps(rows: Int) -> Int { max(1, Blocking.depth / rows) }

/// How many elements a layer needs for a given number of steps and rows.
public struct LayerPlan: Sendable {
  public var output = 0
  public var state = 0
  public var reserve = 0
  public var workspace = 0
  /// Weights in the order in which kernels read them.
  public var packed = 0
}

/// Integers of a caller, 32 or 64 bits wide: token ids or class labels.
public struct Integers: @unchecked Sendable {
  let base: UnsafeRawPointer
  let isWide: Bool
  let count: Int

  @inline(__always)
  subscript(_ j: Int) -> Int {
    isWide
      ? Int(truncatingIfNeeded: base.load(fromByteOffset: j &* 8, as: Int64.self))
      : Int(base.load(fromByteOffset: j &* 4, as: Int32.self))
  }

  /// One of some lengths, or `whole` if there are none.
  @inline(never)
  static func length(_ lengths: Integers?, _ row: Int, _ whole: Int) -> Int { lengths?[row] ?? whole }

  func part(_ offset: Int, _ count: Int) -> Integers {
    Integers(base: base + offset * (isWide ? 8 : 4), isWide: isWide, count: count)
  }
}

/// What a layer reads: numbers [T, B, I], or token ids [T, B].
public enum LayerInput<S: Scalar> {
  case features(View<S>)
  case tokens(Integers)
}

/// Valid steps of each row of a batch.
public struct Lengths {
  /// nil: every row is valid to the end.
  let values: View<Int>?

  @inline(__always)
  func isValid(step: Int, row: Int) -> Bool {
    guard let values else { return true }
    return step < values[row]
  }
}

/// Everything a layer works on in one pass over T steps of B rows. All memory is the caller's.
public struct LayerPass<S: Scalar> {
  var steps: Int
  var rows: Int
  var lengths: Lengths
  var parameters: View<S>
  var input: LayerInput<S>
  /// Initial state; nil means zeros.
  var state: View<S>?
  var output: View<S>
  var stateOut: View<S>?
  /// Activations, from forward to backward, which consumes them.
  var reserve: View<S>
  /// Scratch of one call.
  var workspace: View<S>
  /// Weights in the order in which kernels read them, as `pack` leaves them for forward. Backward overwrites them.
  var packed: View<S>
  /// Whether activations are kept for backward. Must be what the layer was planned for.
  var isTraining: Bool
  /// nil outside training.
  var dropout: Dropout?
  /// Whether sequences begin here and no state was given: where a layer has learned how to begin, it does so.
  var isBeginning = false
  /// [T, B, I]: what the model reads, if that is numbers.
  var modelInput: View<S>?

  var blockCount: Int {
    let size = blockSteps(rows: rows)
    return (steps + size - 1) / size
  }

  /// The steps of a block.
  func block(_ index: Int) -> Range<Int> {
    let size = blockSteps(rows: rows)
    return index * size..<min((index + 1) * size, steps)
  }
}

/// The other way through a layer. At padding `output` is zero.
public struct LayerGradients<S: Scalar> {
  /// [T, B, O]; or, if it is final, [B, O], the gradient of each row's output at its last valid step alone.
  var output: View<S>
  var isOutputFinal = false
  var stateOut: View<S>?
  /// nil: not wanted. Of a last-step head final if that is asked for.
  var input: View<S>?
  var isInputFinal = false
  var state: View<S>?
  /// Added to.
  var parameters: View<S>
  /// What else is done on the way back, of recurrent layers only.
  var supervision = Supervision<S>()
}

/// What is done on the way back through time beyond the gradient itself; nil: not asked for.
public struct Supervision<S: Scalar> {
  var clip: StepClip?
  var flow: LayerFlow<S>?
  var omega: Omega<S>?
}

/// A part of a state: [count, B, width].
public struct StatePart: Sendable {
  let name: String
  /// Stacked layers times directions.
  let count: Int
  let width: Int
}

/// What somebody who looks at a stacked recurrent layer in one direction has to know of it.
public struct LevelForm: Sendable {
  let gateCount: Int
  let hasCellState: Bool
  /// Of h, and the larger one of h and c.
  let size: Int
  var widest: Int
  /// Gates whose activation is a tanh, and whether those of all others are σ; of an Elman network h stands for the gate.
  let tanhGates: [Bool]
  let isBounded: Bool
  /// Among the layer's tensors.
  let inputWeight: Int
  let hiddenWeight: Int?

  /// g, n or, in an Elman network, h; nil if that is not a tanh.
  var tanhGate: Int? { isBounded ? tanhGates.firstIndex(of: true) : nil }
}

/// A layer: sizes, equations and nothing else. It holds no numbers, so any number of threads may use it.
public protocol Layer<S>: AnyObject {
  associatedtype S: Scalar
  var description: LayerDescription { get }
  var tensors: [TensorShape] { get }
  /// "h", then, of a cell with c, "c".
  var stateParts: [StatePart] { get }
  /// Of a recurrent layer, each stacked layer in each direction.
  var levels: [LevelForm] { get }
  var parameterCount: Int { get }
  /// Whether `backward` takes a final gradient of the output.
  var takesFinalGradient: Bool { get }

  func plan(steps: Int, rows: Int, isTraining: Bool) throws(RNNError) -> LayerPlan
  /// Of parameters that are zeros.
  func initialize(_ parameters: View<S>, generator: Philox) throws(RNNError)
  /// Before the first `forward` with these parameters.
  func pack(_ parameters: View<S>, to packed: View<S>)
  func forward(_ pass: LayerPass<S>)
  func backward(_ pass: LayerPass<S>, _ gradients: LayerGradients<S>)
  /// What the layer does in one step of a stream, with weights of a format, for rows of its input that lie
  /// `inputStride` elements apart.
  func stages(_ format: WeightFormat, inputStride: Int) -> [StagePlan<S>]
  /// Elements that the weights of all stages take.
  func streamedCount(_ format: WeightFormat) throws(RNNError) -> Int
  /// Copies them to memory that is zero.
  func copyForStream(_ format: WeightFormat, _ parameters: View<S>, to memory: View<S>)
  /// Rounds what a format makes small.
  func round(_ parameters: View<S>, _ format: WeightFormat)
}

extension Layer {
  public var parameterCount: Int { tensors.last.map { $0.offset + $0.count } ?? 0 }

  public var takesFinalGradient: Bool { false }

  /// The view of tensor `index` within flat parameters or gradients.
  func tensor(_ index: Int, of parameters: View<S>) -> View<S> {
    parameters.part(tensors[index].offset, tensors[index].count)
  }
}

/// The layer of a description. Its numbers must be valid.
public func makeLayer<S: Scalar>(
  _ description: LayerDescription, as _: S.Type
) throws(RNNError) -> any Layer<S> {
  switch description.kind {
  case .embedding: try Embedding<S>(description)
  case .elman, .gru, .lstm, .cell: try makeRecurrent(description)
  case .linear: try Linear<S>(description)
  }
}

/// The plain cells have fused kernels; what else there is is computed in phases, level by level.
private func makeRecurrent<S: Scalar>(_ description: LayerDescription) throws(RNNError) -> any Layer<S> {
  if description.isPlain { return try Recurrent<S>(description) }
  return try StackedLayer<S>(description)
}

/// Lays tensors one after another.
func layOut(_ tensors: [(name: String, shape: [Int])]) throws(RNNError) -> [TensorShape] {
  var result: [TensorShape] = []
  var offset = 0
  for tensor in tensors {
    var count = 1
    for side in tensor.shape {
      try Size.checkMatrixSide(side, tensor.name)
      count = try Size.product(count, side)
    }
    result.append(TensorShape(name: tensor.name, shape: tensor.shape, offset: offset, count: count))
    offset = try Size.sum(offset, count)
  }
  return result
}
