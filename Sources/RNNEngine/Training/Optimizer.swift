import CPlatform
import RNNKernels

/// An optimiser's kind and constants. PyTorch's formulas and defaults. Raw values are those of `rnn.h`.
public struct OptimizerOptions: Sendable {
  public enum Kind: Int, Sendable {
    case adam = 0
    case adamW = 1
    case sgd = 2
    case rmsprop = 3
  }

  public var kind: Kind
  public var nesterov = false
  public var learningRate: Double
  public var momentum = 0.0
  public var beta1 = 0.9
  public var beta2 = 0.999
  public var alpha = 0.99
  public var eps = 1e-8
  public var weightDecay: Double

  /// PyTorch's defaults.
  public init(_ kind: Kind) {
    self.kind = kind
    learningRate = kind == .rmsprop ? 1e-2 : 1e-3
    weightDecay = kind == .adamW ? 1e-2 : 0
  }

  /// Names of the running averages, PyTorch's; each is as large as the parameters.
  var slotNames: [String] {
    var names: [String] = []
    if kind == .adam || kind == .adamW { names += ["exp_avg", "exp_avg_sq"] }
    if kind == .rmsprop { names.append("square_avg") }
    if (kind == .sgd || kind == .rmsprop) && momentum > 0 { names.append("momentum_buffer") }
    return names
  }
}

/// Running averages, and one update over flat parameters.
final class Optimizer<S: Scalar> {
  var options: OptimizerOptions
  /// Updates made so far.
  var updates = 0
  let slots: Buffer<S>
  private let count: Int
  private let slotCount: Int

  init(_ options: OptimizerOptions, parameterCount: Int) throws(RNNError) {
    self.options = options
    count = parameterCount
    slotCount = options.slotNames.count
    slots = try Buffer(count: Size.product(slotCount, parameterCount))
  }

  /// Running average `index`, laid out as the parameters are.
  func slot(_ index: Int) -> View<S> { slots.values.part(index * count, count) }

  /// Moves the parameters against the gradient, each unit clipped by its scale: those with one scale and group in one
  /// go, but for frozen ones. `flow` looks at the moves, tensor by tensor.
  func update(
    _ parameters: View<S>, gradient: View<S>, _ clipping: Clipping<S>, _ groups: TensorGroups,
    flow: UpdateFlow<S>?
  ) {
    updates += 1
    let (units, scales, groups) = (clipping.units, clipping.scales.values, groups.groups)
    var index = 0
    while index < units.count {
      let (first, scale, group) = (units[index].start, scales[index], groups[units[index].tensor])
      var end = first
      repeat {
        end += units[index].count
        index += 1
      } while index < units.count && scales[index] == scale && groups[units[index].tensor] == group
        && !(flow?.begins(at: end) ?? false)
      if group.isFrozen { continue }
      let prescale = scale < 0x1p-100 ? 0x1p-64 : 1.0
      let transform = GradientTransform(
        limit: clipping.limit, prescale: S(prescale), scale: S(scale / prescale))
      if let flow {
        flow.watch(parameters, first..<end) { update(parameters, gradient, range: $0, transform, group) }
      } else {
        forEachPart(of: end - first, work: 32) { part in
          update(
            parameters, gradient, range: first + part.lowerBound..<first + part.upperBound, transform,
            group)
        }
      }
    }
    flow?.finish()
  }

  private func update(
    _ parameters: View<S>, _ gradient: View<S>, range: Range<Int>, _ transform: GradientTransform<S>,
    _ group: TensorGroup
  ) {
    let (o, rate) = (options, options.learningRate * group.rateFactor)
    let weightDecay = group.weightDecay ?? o.weightDecay
    func values(_ slot: Int) -> UnsafeMutablePointer<S>? {
      slot < slotCount ? self.slot(slot).start + range.lowerBound : nil
    }
    let place = UpdateRange(
      count: range.count, parameters: parameters.start + range.lowerBound,
      gradient: gradient.start + range.lowerBound, transform: transform, first: values(0), second: values(1))
    switch o.kind {
    case .sgd:
      S.kernels.sgd(
        place,
        SGDConstants(
          rate: S(rate), momentum: S(o.momentum), nesterov: o.nesterov, decay: S(weightDecay),
          isFirstStep: updates == 1))
    case .rmsprop:
      S.kernels.rmsprop(
        place,
        RMSpropConstants(
          rate: S(rate), alpha: S(o.alpha), alphaComplement: S(1 - o.alpha), eps: S(o.eps),
          momentum: S(o.momentum), decay: S(weightDecay)))
    case .adam, .adamW:
      S.kernels.adam(
        place,
        AdamConstants(
          rate: S(rate / (1 - power(o.beta1, updates))),
          rootCorrection: S((1 - power(o.beta2, updates)).squareRoot()), beta1Complement: S(1 - o.beta1),
          beta2: S(o.beta2), beta2Complement: S(1 - o.beta2), eps: S(o.eps),
          coupledDecay: o.kind == .adam ? S(weightDecay) : 0,
          decoupledDecay: o.kind == .adamW ? S(rate * weightDecay) : 0))
    }
  }

  /// β^t.
  private func power(_ base: Double, _ exponent: Int) -> Double { pow(base, Double(exponent)) }
}
