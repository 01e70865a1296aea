import CPlatform
import RNNKernels

/// How the weights of a recurrent layer begin.
extension Recurrent {
  func initialize(_ parameters: View<S>, generator: Philox) throws(RNNError) {
    for k in 0..<depth {
      for part in 0..<4 {
        let own = Philox(seed: generator.seed, stream: generator.stream &+ UInt64(4 * k + part))
        let values = tensor(4 * k + part, of: parameters)
        if part < 2 {
          try initializeMatrices(values, part: part, layer: k, Initializer(generator: own))
        } else if description.weightInit == .standard {
          Initializer(generator: own).uniform(values, bound: bound)
        }
      }
      setGateBiases(parameters, layer: k, generator)
    }
  }

  /// PyTorch's default is U(±1/√H) for everything; with another `weight_init` biases begin at zero.
  private var bound: Double { 1 / Double(size).squareRoot() }

  /// Gate by gate; Keras draws those of all gates as one.
  private func initializeMatrices(
    _ values: View<S>, part: Int, layer k: Int, _ initializer: Initializer<S>
  ) throws(RNNError) {
    let (method, columns) =
      part == 0 ? (description.weightInit, inputWidth(k)) : (description.recurrentInit, size)
    let blocks = method == .keras ? 1 : cell.gateCount
    let rows = gateWidth / blocks
    for block in 0..<blocks {
      try initializer.matrix(
        values.part(block * rows * columns, rows * columns), rows: rows, columns: columns,
        method: part == 1 && method == .keras ? .orthogonal : method, bound: bound,
        radius: part == 1 ? description.sparseRadius : nil, block: block)
    }
  }

  /// Gate 1 is f of an LSTM, z of a GRU.
  private func setGateBiases(_ parameters: View<S>, layer k: Int, _ generator: Philox) {
    let stream = generator.stream &+ UInt64(4 * k + 2) &+ 1 << 32
    let own = Philox(seed: generator.seed, stream: stream)
    for j in 0..<size {
      if description.chrono != 0 {
        let bias = chronoBias(own, unit: j)
        setBias(bias, of: size + j, parameters, layer: k)
        if cell.hasCellState { setBias(-bias, of: j, parameters, layer: k) }
      } else if description.firstForgetBias != 0 {
        setBias(description.firstForgetBias, of: size + j, parameters, layer: k)
      }
    }
  }

  /// ln U(1, T_max - 1): gates that forget within 2 to T_max steps. Tallec and Ollivier 2018.
  private func chronoBias(_ generator: Philox, unit j: Int) -> Double {
    log(1 + generator.uniform(j) * (description.chrono - 2))
  }

  /// b_ih + b_hh of a row.
  private func setBias(_ value: Double, of row: Int, _ parameters: View<S>, layer k: Int) {
    tensor(4 * k + 2, of: parameters)[row] = S(value)
    tensor(4 * k + 3, of: parameters)[row] = 0
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
