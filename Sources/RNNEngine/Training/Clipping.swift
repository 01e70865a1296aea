import CPlatform
import RNNKernels

/// How gradients are kept in bounds before an update, in this order; nil: off. Any may be combined.
public struct ClipOptions: Sendable {
  /// Each g into [-value, value].
  public var value: Double?
  /// Adaptive, of Brock et al. 2021: of each row of a matrix, and each vector, ‖g‖ at most so many times ‖w‖, or 1e-3.
  public var adaptive: Double?
  /// Of each tensor: if ‖g‖ > norm, g ← g · norm / ‖g‖, so that the norm is `tensorNorm`.
  public var tensorNorm: Double?
  /// The same over all parameters.
  public var norm: Double?
  /// And to this quantile of the last `window` norms, once there are `NormHistory.fewest`.
  public var quantile: Double?
  public var window = 1000
  /// Before all this, on the way back through time: each element of ∂L/∂h_t, and its norm in each sequence.
  public var stepValue: Double?
  public var stepNorm: Double?

  public init() {}

  var clipsSteps: Bool { stepValue != nil || stepNorm != nil }

  /// As callers and files write it: one norm with a scope, and that of tensors apart if there are both.
  public var scoped: (norm: Double?, isPerTensor: Bool, tensorNorm: Double?) {
    norm == nil && tensorNorm != nil ? (tensorNorm, true, nil) : (norm, false, tensorNorm)
  }

  public mutating func set(norm: Double?, isPerTensor: Bool, tensorNorm: Double?) throws(RNNError) {
    if isPerTensor && norm != nil, let tensorNorm {
      throw RNNError(
        .argument, "clip_tensor_norm: expected 0 where clip_norm is per tensor, got \(tensorNorm)")
    }
    self.norm = isPerTensor ? nil : norm
    self.tensorNorm = isPerTensor && norm != nil ? norm : tensorNorm
  }
}

/// Which kinds of clipping changed a gradient. Raw values are those of `rnn_clipping`.
public struct ClipActions: OptionSet, Sendable {
  public let rawValue: Int32
  public init(rawValue: Int32) { self.rawValue = rawValue }

  static let value = ClipActions(rawValue: 1)
  static let adaptive = ClipActions(rawValue: 2)
  static let tensorNorm = ClipActions(rawValue: 4)
  static let norm = ClipActions(rawValue: 8)
  static let step = ClipActions(rawValue: 16)
}

/// A part of flat parameters that has a scale of its own: a tensor, or a row of one.
struct ClipUnit: Sendable {
  let start: Int
  let count: Int
  let tensor: Int

  /// How many a tensor has: rows of a matrix if clipping is adaptive, else one.
  static func count(_ tensor: NamedTensor, adaptive: Bool) -> Int {
    adaptive && tensor.shape.count > 1 ? tensor.shape[0] : 1
  }

  static func units(of tensors: [NamedTensor], adaptive: Bool) -> [ClipUnit] {
    var units: [ClipUnit] = []
    for (place, tensor) in tensors.enumerated() {
      let count = count(tensor, adaptive: adaptive)
      let width = tensor.count / count
      for index in 0..<count {
        units.append(ClipUnit(start: tensor.start + index * width, count: width, tensor: place))
      }
    }
    return units
  }
}

/// Measures flat gradients and says what clipping makes of them. The gradient stays as it is: the limit and the scales
/// are applied on its way into the optimiser.
final class Clipping<S: Scalar> {
  let units: [ClipUnit]
  /// What each unit's gradient is multiplied by.
  let scales: Buffer<Double>
  /// ‖g‖ of each tensor and of all, before clipping.
  let tensorNorms: Buffer<Double>
  private(set) var norm = 0.0
  /// Infinite: no limit.
  private(set) var limit = S.infinity
  private(set) var actions: ClipActions = []
  /// The bound on the norm of all that was in force; nil: none.
  private(set) var threshold: Double?

  private let options: ClipOptions
  private let tensors: [NamedTensor]
  private let unitsPerTensor: [Int]
  private let partials: Buffer<Double>
  /// ‖g‖ of each tensor as far as clipping has come.
  private let bounded: Buffer<Double>
  /// ‖g‖ of each unit, if clipping is adaptive.
  private let unitNorms: Buffer<Double>

  init(_ options: ClipOptions, _ tensors: [NamedTensor]) throws(RNNError) {
    (self.options, self.tensors) = (options, tensors)
    let isAdaptive = options.adaptive != nil
    units = ClipUnit.units(of: tensors, adaptive: isAdaptive)
    unitsPerTensor = tensors.map { ClipUnit.count($0, adaptive: isAdaptive) }
    scales = try Buffer(count: units.count)
    tensorNorms = try Buffer(count: tensors.count)
    bounded = try Buffer(count: tensors.count)
    unitNorms = try Buffer(count: options.adaptive == nil ? 0 : units.count)
    partials = try Buffer(count: Norms.partialCount(tensors.reduce(0) { max($0, $1.count) }))
  }

  /// ‖g‖ of each tensor and of all.
  func measure(_ gradient: View<S>) {
    (limit, actions) = (.infinity, [])
    measureNorms(gradient, to: tensorNorms.values)
    norm = total(tensorNorms.values)
  }

  /// Takes the measure of a gradient for the update of `parameters`.
  func measure(_ gradient: View<S>, parameters: View<S>, automatic: Double?) {
    measure(gradient)
    for index in units.indices { scales.values[index] = 1 }
    threshold = options.norm
    if let automatic { threshold = min(automatic, options.norm ?? .infinity) }
    guard norm.isFinite else { return }
    bounded.values.copy(from: tensorNorms.values.start)
    clipValues(gradient)
    clipAdaptively(gradient, parameters)
    clipTensors()
    clipAll()
  }

  private func measureNorms(_ gradient: View<S>, to norms: View<Double>) {
    for (index, tensor) in tensors.enumerated() {
      norms[index] = Norms.norm(
        gradient.part(tensor.start, tensor.count), limit: limit, partials: partials.values)
    }
  }

  private func total(_ norms: View<Double>) -> Double { norms.reduce(0) { hypot($0, $1) } }

  private func clipValues(_ gradient: View<S>) {
    guard let value = options.value, norm > value,
      Double(Scans<S>.maximumMagnitude(gradient.start, count: gradient.count)) > value
    else { return }
    limit = S(value)
    actions.insert(.value)
    measureNorms(gradient, to: bounded.values)
  }

  /// ‖g_i‖ ≤ λ max(‖w_i‖, 1e-3).
  private func clipAdaptively(_ gradient: View<S>, _ parameters: View<S>) {
    guard let factor = options.adaptive else { return }
    ThreadPool.split(units.count, work: (units.last.map { $0.count } ?? 1) / 4) { part in
      for index in part {
        let unit = units[index]
        let measured = Norms.norm(gradient.part(unit.start, unit.count), limit: limit)
        unitNorms.values[index] = measured
        let bound = factor * max(Norms.norm(parameters.part(unit.start, unit.count)), 1e-3)
        if measured > bound { scales.values[index] = bound / measured }
      }
    }
    var index = 0
    for (tensor, count) in unitsPerTensor.enumerated() {
      var sum = 0.0
      for unit in index..<index + count {
        let scale = scales.values[unit]
        if scale != 1 { actions.insert(.adaptive) }
        sum = hypot(sum, scale * unitNorms.values[unit])
      }
      bounded.values[tensor] = sum
      index += count
    }
  }

  private func clipTensors() {
    guard let bound = options.tensorNorm else { return }
    var index = 0
    for (tensor, count) in unitsPerTensor.enumerated() {
      if bounded.values[tensor] > bound {
        scale(index..<index + count, by: bound / bounded.values[tensor])
        bounded.values[tensor] = bound
        actions.insert(.tensorNorm)
      }
      index += count
    }
  }

  private func clipAll() {
    let measured = total(bounded.values)
    guard let threshold, measured > threshold else { return }
    scale(units.indices, by: threshold / measured)
    actions.insert(.norm)
  }

  private func scale(_ range: Range<Int>, by factor: Double) {
    for index in range { scales.values[index] *= factor }
  }
}
