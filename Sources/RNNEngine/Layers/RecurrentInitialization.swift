import CPlatform
import RNNKernels

/// How the weights of one level of a recurrent layer begin: matrices gate by gate, biases by PyTorch's rule or as zeros.
struct LevelInitialization<S: Scalar> {
  let description: LayerDescription
  let form: CellForm
  /// H.
  let size: Int
  let inputWeight: View<S>
  let inputBias: View<S>
  /// nil: the cell has none.
  let hiddenWeight: View<S>?
  let hiddenBias: View<S>?

  private var gateWidth: Int { form.gateCount * size }

  /// PyTorch's default is U(±1/√H) for everything; with another `weight_init` biases begin at zero.
  var bound: Double { 1 / Double(size).squareRoot() }

  /// Parts of the generator's stream: W_ih, W_hh, b_ih, b_hh.
  func fill(_ generator: Philox) throws(RNNError) {
    try fill(inputWeight, isHidden: false, initializer(generator, 0))
    if let hiddenWeight { try fill(hiddenWeight, isHidden: true, initializer(generator, 1)) }
    if description.weightInit == .standard {
      initializer(generator, 2).uniform(inputBias, bound: bound)
      if let hiddenBias { initializer(generator, 3).uniform(hiddenBias, bound: bound) }
    }
    setGateBiases(generator)
  }

  private func initializer(_ generator: Philox, _ part: UInt64) -> Initializer<S> {
    Initializer(generator: Philox(seed: generator.seed, stream: generator.stream &+ part))
  }

  /// Gate by gate; Keras draws those of all gates as one.
  private func fill(_ values: View<S>, isHidden: Bool, _ initializer: Initializer<S>) throws(RNNError) {
    let method = isHidden ? description.recurrentInit : description.weightInit
    let blocks = method == .keras ? 1 : form.gateCount
    let (rows, columns) = (gateWidth / blocks, values.count / gateWidth)
    for block in 0..<blocks {
      try initializer.matrix(
        values.part(block * rows * columns, rows * columns), rows: rows, columns: columns,
        method: isHidden && method == .keras ? .orthogonal : method, bound: bound,
        radius: isHidden ? description.sparseRadius : nil, block: block)
    }
  }

  private func setGateBiases(_ generator: Philox) {
    let own = Philox(seed: generator.seed, stream: generator.stream &+ 2 &+ 1 << 32)
    for j in 0..<size {
      if description.chrono != 0 {
        let bias = chronoBias(own, unit: j)
        if let gate = form.keepingGate { setBias(bias, of: gate * size + j) }
        if let gate = form.takingGate { setBias(-bias, of: gate * size + j) }
      } else if description.firstForgetBias != 0, let gate = form.keepingGate {
        setBias(description.firstForgetBias, of: gate * size + j)
      }
    }
  }

  /// ln U(1, T_max - 1): gates that forget within 2 to T_max steps. Tallec and Ollivier 2018.
  private func chronoBias(_ generator: Philox, unit j: Int) -> Double {
    log(1 + generator.uniform(j) * (description.chrono - 2))
  }

  /// b_ih + b_hh of a row.
  private func setBias(_ value: Double, of row: Int) {
    inputBias[row] = S(value)
    hiddenBias?[row] = 0
  }
}

extension Recurrent {
  func initialize(_ parameters: View<S>, generator: Philox) throws(RNNError) {
    guard let form = description.form else { return }
    for k in 0..<depth {
      let level = LevelInitialization(
        description: description, form: form, size: size, inputWeight: tensor(4 * k, of: parameters),
        inputBias: tensor(4 * k + 2, of: parameters), hiddenWeight: tensor(4 * k + 1, of: parameters),
        hiddenBias: tensor(4 * k + 3, of: parameters))
      try level.fill(Philox(seed: generator.seed, stream: generator.stream &+ UInt64(4 * k)))
    }
  }
}

extension PhasedLayer {
  /// γ begins at 1, β at 0; W_hr and peepholes as matrices and biases do.
  func initialize(_ parameters: View<S>, generator: Philox) throws(RNNError) {
    let level = LevelInitialization(
      description: description, form: form, size: size,
      inputWeight: tensor(PhasedParts.inputWeight, of: parameters),
      inputBias: tensor(parts.inputBias, of: parameters),
      hiddenWeight: parts.hiddenWeight.map { tensor($0, of: parameters) },
      hiddenBias: parts.hiddenBias.map { tensor($0, of: parameters) })
    try level.fill(generator)
    func own(_ part: UInt64) -> Initializer<S> {
      Initializer(generator: Philox(seed: generator.seed, stream: generator.stream &+ part))
    }
    if let part = parts.projection {
      try own(4).matrix(
        tensor(part, of: parameters), rows: outputSize, columns: size, method: description.weightInit,
        bound: level.bound)
    }
    if let part = parts.peepholes, description.weightInit == .standard {
      own(5).uniform(tensor(part, of: parameters), bound: level.bound)
    }
    for part in [parts.inputScale, parts.hiddenScale, parts.cellScale] {
      guard let part else { continue }
      tensor(part, of: parameters).update(repeating: 1)
    }
  }
}

extension LayerDescription {
  /// Of W_hh under `sparse`; 1.1 as Sutskever et al. 2013 unless given.
  fileprivate var sparseRadius: Double { spectralRadius == 0 ? 1.1 : spectralRadius }

  /// b_if + b_hf, Gers et al. 2000; Jozefowicz et al. 2015; 1 in Keras. 0: not set apart.
  fileprivate var firstForgetBias: Double {
    forgetBias == 0 && kind == .lstm && weightInit == .keras ? 1 : forgetBias
  }
}
