import RNNKernels
import Testing

@testable import RNNEngine

/// Numbers by a stated rule: uniform in [-scale, scale), from Philox.
func numbers(_ count: Int, seed: UInt64, scale: Double = 1) -> [Double] {
  let generator = Philox(seed: seed, stream: 99)
  return (0..<count).map { (2 * generator.uniform($0) - 1) * scale }
}

/// Integers in 0 ..< limit, likewise.
func integers(_ count: Int, below limit: Int, seed: UInt64) -> [Int64] {
  let generator = Philox(seed: seed, stream: 98)
  return (0..<count).map { Int64(generator.uniform($0) * Double(limit)) }
}

/// The largest difference of two lists over the larger of their norms, √Σ².
func relativeError(_ a: [Double], _ b: [Double]) -> Double {
  func norm(_ x: [Double]) -> Double { x.reduce(0) { $0 + $1 * $1 }.squareRoot() }
  let scale = max(norm(a), norm(b))
  return scale == 0 ? 0 : norm(zip(a, b).map { $0 - $1 }) / scale
}

/// What a test hands to a trainer, owning its memory.
struct Example {
  var steps: Int
  var rows: Int
  var features: [Double] = []
  var tokens: [Int64] = []
  var labels: [Int64] = []
  var values: [Double] = []
  var lengths: [Int64] = []
  var weights: [Double] = []
  var state: [Double] = []

  /// Calls `body` with the batch, and returns the final state.
  @discardableResult
  func withBatch(_ stateCount: Int, _ body: (Batch) throws -> Void) rethrows -> [Double] {
    var copy = self
    var stateOut = [Double](repeating: 0, count: stateCount)
    func raw<T>(_ array: inout [T]) -> RawBuffer {
      array.withUnsafeMutableBytes { $0.isEmpty ? none : RawBuffer($0.baseAddress, bytes: $0.count) }
    }
    let none = RawBuffer(UnsafeRawPointer?.none, bytes: 0)
    let batch = Batch(
      steps: steps, rows: rows, input: tokens.isEmpty ? raw(&copy.features) : raw(&copy.tokens),
      lengths: raw(&copy.lengths), state: raw(&copy.state), stateOut: raw(&stateOut), output: none,
      target: labels.isEmpty ? raw(&copy.values) : raw(&copy.labels), weights: raw(&copy.weights),
      tokenType: .int64, labelType: .int64)
    try withExtendedLifetime(copy) { try body(batch) }
    return stateOut
  }
}

extension Trainer where S == Double {
  /// One step that changes nothing but the gradient: the learning rate is zero.
  func gradients(_ example: Example) throws -> [Double] {
    try setLearningRate(0)
    var report = StepReport()
    try example.withBatch(example.rows * model.stateCountPerRow) { try step($0, &report) }
    return model.tensors.flatMap { Array(gradient($0)) }
  }

  func loss(_ example: Example) throws -> Double {
    var loss = 0.0
    try example.withBatch(example.rows * model.stateCountPerRow) { loss = try evaluate($0).loss }
    return loss
  }
}

/// Central differences of `f` by every parameter of the model.
func centralDifferences(
  _ model: Model<Double>, step h: Double = 1e-5, _ f: () throws -> Double
) rethrows -> [Double] {
  let parameters = model.parameters.values
  return try parameters.indices.map { j in
    let value = parameters[j]
    defer {
      parameters[j] = value
      model.parametersHaveChanged()
    }
    // Fourth order: error ∝ h⁴.
    var samples: [Double] = []
    for multiple in [-2.0, -1, 1, 2] {
      parameters[j] = value + multiple * h
      model.parametersHaveChanged()
      samples.append(try f())
    }
    return (8 * (samples[2] - samples[1]) - (samples[3] - samples[0])) / (12 * h)
  }
}

func layer(
  _ kind: LayerDescription.Kind, _ input: Int, _ output: Int, layers: Int = 1,
  nonlinearity: Nonlinearity = .tanh,
  last: Bool = false, dropout: Double = 0
) -> LayerDescription {
  var description = LayerDescription(kind, input, output)
  description.layerCount = layers
  description.nonlinearity = nonlinearity
  description.lastStep = last
  description.dropout = dropout
  return description
}
