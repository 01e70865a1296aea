import CPlatform
import RNNKernels

/// Tangents of one stacked layer on their way through one step: m directions in which its state may change.
struct LevelTangents {
  /// dx_t [m, I]; nil: the input does not change.
  let input: Matrix<Double>?
  /// In dh_{t-1} and dc_{t-1}, out dh_t and dc_t, [m, H]. A cell without c has none.
  let output: Matrix<Double>
  let cell: Matrix<Double>?
  /// W_hh dh_{t-1} and W_ih dx_t, [m, GH].
  let hiddenSums: Matrix<Double>
  let inputSums: Matrix<Double>
  let scratch: View<Double>
}

/// Forward differentiation of one step, (dh_t, dc_t) = ∂(h_t, c_t)/∂(x_t, h_{t-1}, c_{t-1}) · (dx_t, dh_{t-1}, dc_{t-1}),
/// from the activations that training keeps.
extension Recurrent where S == Double {
  func push(_ tangents: LevelTangents, _ level: Context.Level, step t: Int, _ context: Context) {
    if t == 0 { context.loadInitialState(level.k) }
    let numbers = context.numbers(level, t, from: 0)
    matmul(
      tangents.output, context.hiddenWeight(level.k).transposed, into: tangents.hiddenSums,
      scratch: tangents.scratch)
    if let input = tangents.input {
      matmul(
        input, context.inputWeight(level.k).transposed, into: tangents.inputSums, scratch: tangents.scratch)
    } else {
      tangents.inputSums.values.clear()
    }
    for row in 0..<tangents.output.rows {
      let hidden = tangents.hiddenSums.values.start + row * gateWidth
      let input = tangents.inputSums.values.start + row * gateWidth
      let dh = tangents.output.values.start + row * tangents.output.stride
      switch cell.kind {
      case .elman: pushElman(hidden, input, dh, numbers)
      case .gru: pushGRU(hidden, input, dh, numbers)
      case .lstm:
        if let cell = tangents.cell {
          pushLSTM(hidden, input, dh, cell.values.start + row * cell.stride, numbers)
        }
      }
    }
  }

  private typealias Values = UnsafeMutablePointer<Double>

  /// dh_t = φ'∘(W_ih dx + W_hh dh).
  private func pushElman(_ hidden: Values, _ input: Values, _ dh: Values, _ numbers: CellRows<Double>) {
    for j in 0..<size {
      let (h, da) = (numbers.output[j], hidden[j] + input[j])
      switch cell.activation {
      case .tanh: dh[j] = (1 - h * h) * da
      case .relu: dh[j] = h > 0 ? da : 0
      case .identity: dh[j] = da
      }
    }
  }

  /// q = W_hn h + b_hn; n = tanh(W_in x + b_in + r∘q); h_t = (1-z)∘n + z∘h_{t-1}.
  private func pushGRU(_ hidden: Values, _ input: Values, _ dh: Values, _ numbers: CellRows<Double>) {
    for j in 0..<size {
      let (r, z, n) = (numbers.gates[j], numbers.gates[size + j], numbers.gates[2 * size + j])
      let dr = r * (1 - r) * (hidden[j] + input[j])
      let dz = z * (1 - z) * (hidden[size + j] + input[size + j])
      let dq = hidden[2 * size + j]
      let dn = (1 - n * n) * (input[2 * size + j] + dr * numbers.candidate[j] + r * dq)
      dh[j] = (1 - z) * dn + dz * (numbers.previousOutput[j] - n) + z * dh[j]
    }
  }

  /// c_t = f∘c_{t-1} + i∘g; h_t = o∘tanh(c_t).
  private func pushLSTM(
    _ hidden: Values, _ input: Values, _ dh: Values, _ dc: Values, _ numbers: CellRows<Double>
  ) {
    for j in 0..<size {
      let (i, f) = (numbers.gates[j], numbers.gates[size + j])
      let (g, o) = (numbers.gates[2 * size + j], numbers.gates[3 * size + j])
      let di = i * (1 - i) * (hidden[j] + input[j])
      let df = f * (1 - f) * (hidden[size + j] + input[size + j])
      let dg = (1 - g * g) * (hidden[2 * size + j] + input[2 * size + j])
      let do_ = o * (1 - o) * (hidden[3 * size + j] + input[3 * size + j])
      let tanhC = tanh(numbers.cell[j])
      dc[j] = f * dc[j] + df * numbers.previousCell[j] + di * g + i * dg
      dh[j] = do_ * tanhC + o * (1 - tanhC * tanhC) * dc[j]
    }
  }
}
