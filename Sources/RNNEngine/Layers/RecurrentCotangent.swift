import CPlatform
import RNNKernels

/// One stacked layer on the way back through one step, of a function of its state and of m tangents: row 0 belongs to the
/// state, rows 1 to m to the tangents.
struct LevelCotangents {
  /// What went in, with its tangents: h_{t-1} and c_{t-1} [1 + m, H], and x_t [1 + m, I], or [1, I] if it does not change.
  let previousOutput: Matrix<Double>
  let previousCell: Matrix<Double>?
  let input: Matrix<Double>
  /// W_hh dh_{t-1} and W_ih dx_t, [m, GH].
  let hiddenSums: Matrix<Double>
  let inputSums: Matrix<Double>
  /// In the derivatives by h_t and c_t, out those by h_{t-1} and c_{t-1}, [1 + m, H].
  let output: Matrix<Double>
  let cell: Matrix<Double>?
  /// Out: those by W_hh h_{t-1} + b_hh and by W_ih x_t + b_ih, [1 + m, GH]. One place for both but in a GRU.
  let hidden: Matrix<Double>
  let inner: Matrix<Double>
  /// Out: those by x_t, as many rows as `input` has. nil: not wanted.
  let below: Matrix<Double>?
  let scratch: View<Double>
}

/// Derivatives by some numbers, those of one row.
private struct Derivatives {
  /// By the tangents of numbers, or by the numbers themselves in row 0.
  let own: UnsafeMutablePointer<Double>
  /// By the numbers.
  let base: UnsafeMutablePointer<Double>

  init(_ matrix: Matrix<Double>, row: Int) {
    (own, base) = (matrix.values.start + row * matrix.stride, matrix.values.start)
  }

  @inline(__always)
  subscript(_ j: Int) -> Dual { Dual(own[j]) }

  /// The derivative of w · J(p) dp by dp is Jᵀ(p) w; that by p is the slope of Jᵀ w in the direction dp, for second
  /// derivatives are symmetric. So backward equations in dual numbers, p + ε dp, give both.
  @inline(__always)
  func set(_ j: Int, _ derivative: Dual) {
    own[j] = derivative.value
    base[j] += derivative.slope
  }
}

/// Back through one step, in double precision, with the parameters' gradient summed up on the way.
extension Recurrent where S == Double {
  func pull(
    _ cotangents: LevelCotangents, _ numbers: CellRows<Double>, _ k: Int, _ context: Context,
    to gradient: View<Double>
  ) {
    for row in 0..<cotangents.output.rows {
      switch cell.kind {
      case .elman: pullElman(cotangents, row, numbers)
      case .gru: pullGRU(cotangents, row, numbers)
      case .lstm: pullLSTM(cotangents, row, numbers)
      }
    }
    addGradient(cotangents, k, to: gradient)
    multiply(cotangents, k, context)
  }

  /// Tangents of the sums of row 1 and on; row 0 has none.
  @inline(__always)
  private func slope(_ sums: Matrix<Double>, _ row: Int, _ j: Int) -> Double {
    row == 0 ? 0 : sums.values[(row - 1) * sums.stride + j]
  }

  /// Of both sums of a gate.
  @inline(__always)
  private func slope(_ c: LevelCotangents, _ row: Int, gate: Int, _ j: Int) -> Double {
    slope(c.hiddenSums, row, gate * size + j) + slope(c.inputSums, row, gate * size + j)
  }

  /// A number that went in and its tangent.
  @inline(__always)
  private func dual(_ values: Matrix<Double>, _ row: Int, _ j: Int) -> Dual {
    Dual(values.values[j], row == 0 ? 0 : values.values[row * values.stride + j])
  }

  /// h = φ(a): da = φ'∘dh.
  private func pullElman(_ c: LevelCotangents, _ row: Int, _ numbers: CellRows<Double>) {
    let (dh, da) = (Derivatives(c.output, row: row), Derivatives(c.hidden, row: row))
    for j in 0..<size {
      let slope = slope(c, row, gate: 0, j)
      let h = numbers.output[j]
      switch cell.activation {
      case .tanh:
        let h = Dual.tanh(h, slope)
        da.set(j, dh[j] * (1 - h * h))
      case .relu: da.set(j, h > 0 ? dh[j] : Dual(0))
      case .identity: da.set(j, dh[j])
      }
      dh.set(j, Dual(0))
    }
  }

  /// q = W_hn h + b_hn; n = tanh(W_in x + b_in + r∘q); h_t = (1-z)∘n + z∘h_{t-1}.
  private func pullGRU(_ c: LevelCotangents, _ row: Int, _ numbers: CellRows<Double>) {
    let dh = Derivatives(c.output, row: row)
    let (hidden, inner) = (Derivatives(c.hidden, row: row), Derivatives(c.inner, row: row))
    for j in 0..<size {
      let r = Dual.sigmoid(numbers.gates[j], slope(c, row, gate: 0, j))
      let z = Dual.sigmoid(numbers.gates[size + j], slope(c, row, gate: 1, j))
      let q = Dual(numbers.candidate[j], slope(c.hiddenSums, row, 2 * size + j))
      let da = slope(c.inputSums, row, 2 * size + j) + (r * q).slope
      let n = Dual.tanh(numbers.gates[2 * size + j], da)
      let previous = dual(c.previousOutput, row, j)
      let dn = dh[j] * (1 - z) * (1 - n * n)
      let dz = dh[j] * (previous - n) * z * (1 - z)
      let dr = dn * q * r * (1 - r)
      hidden.set(j, dr)
      hidden.set(size + j, dz)
      hidden.set(2 * size + j, dn * r)
      inner.set(j, dr)
      inner.set(size + j, dz)
      inner.set(2 * size + j, dn)
      dh.set(j, dh[j] * z)
    }
  }

  /// c_t = f∘c_{t-1} + i∘g; h_t = o∘tanh(c_t).
  private func pullLSTM(_ c: LevelCotangents, _ row: Int, _ numbers: CellRows<Double>) {
    guard let cell = c.cell, let previousCell = c.previousCell else { return }
    let (dh, dc) = (Derivatives(c.output, row: row), Derivatives(cell, row: row))
    let da = Derivatives(c.hidden, row: row)
    for j in 0..<size {
      let i = Dual.sigmoid(numbers.gates[j], slope(c, row, gate: 0, j))
      let f = Dual.sigmoid(numbers.gates[size + j], slope(c, row, gate: 1, j))
      let g = Dual.tanh(numbers.gates[2 * size + j], slope(c, row, gate: 2, j))
      let o = Dual.sigmoid(numbers.gates[3 * size + j], slope(c, row, gate: 3, j))
      let previous = dual(previousCell, row, j)
      let tanhC = Dual.tanh(CPlatform.tanh(numbers.cell[j]), (f * previous + i * g).slope)
      let all = dc[j] + dh[j] * o * (1 - tanhC * tanhC)
      da.set(j, all * g * i * (1 - i))
      da.set(size + j, all * previous * f * (1 - f))
      da.set(2 * size + j, all * i * (1 - g * g))
      da.set(3 * size + j, dh[j] * tanhC * o * (1 - o))
      dc.set(j, all * f)
      dh.set(j, Dual(0))
    }
  }

  /// dW_ih += dvᵀ x, dW_hh += duᵀ h_{t-1}, db_ih += dv, db_hh += du: a product has a tangent, a bias none.
  private func addGradient(_ c: LevelCotangents, _ k: Int, to gradient: View<Double>) {
    func matrix(_ part: Int, _ columns: Int) -> Matrix<Double> {
      Matrix(tensor(4 * k + part, of: gradient), rows: gateWidth, columns: columns)
    }
    matmul(
      c.inner.firstRows(c.input.rows).transposed, c.input, into: matrix(0, inputWidth(k)), from: .current,
      scratch: c.scratch)
    matmul(
      c.hidden.transposed, c.previousOutput, into: matrix(1, size), from: .current, scratch: c.scratch)
    for j in 0..<gateWidth {
      tensor(4 * k + 2, of: gradient)[j] += c.inner.values[j]
      tensor(4 * k + 3, of: gradient)[j] += c.hidden.values[j]
    }
  }

  /// dh_{t-1} += du W_hh, dx = dv W_ih.
  private func multiply(_ c: LevelCotangents, _ k: Int, _ context: Context) {
    matmul(c.hidden, context.hiddenWeight(k), into: c.output, from: .current, scratch: c.scratch)
    guard let below = c.below else { return }
    matmul(c.inner.firstRows(below.rows), context.inputWeight(k), into: below, scratch: c.scratch)
  }
}
