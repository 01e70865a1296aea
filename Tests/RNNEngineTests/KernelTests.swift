import CPlatform
import RNNKernels
import Testing

@testable import RNNEngine

/// What every instruction set's kernels promise. Sets that this machine does not have are left out.
enum InstructionSets {
  static var available: [InstructionSet] {
    [.baseline, .avx2, .avx512].filter { $0.rawValue <= InstructionSet.best.rawValue }
  }
}

/// The vector functions against libm over the whole range.
@Suite struct ElementaryTests {
  /// Both signs, from far below rounding to far beyond saturation, and what is special.
  static let arguments: [Double] =
    (-400...400).map { Double($0) / 20 } + (-60...10).flatMap { [pow(2, Double($0)), -pow(2, Double($0))] }
    + [0, -0.0, 1e300, -1e300, .infinity, -.infinity]

  /// An LSTM of one unit without recurrence shows σ and tanh: i = σ(x), g = tanh(x).
  private func activations<S: Scalar>(_ x: S, _ kernels: any Kernels<S>) -> (sigmoid: S, tanh: S) {
    var gates: [S] = [x, 0, x, 0]
    let shape = CellShape(inputSize: 1, size: 1, gateStride: 4)
    var memory = [S](repeating: 0, count: 4 + Blocking.tile + kernels.packedCount(.lstm, shape))
    gates.withUnsafeMutableBufferPointer { gates in
      memory.withUnsafeMutableBufferPointer { memory in
        let m = memory.start
        kernels.forward(
          .lstm,
          ForwardStep(
            shape: shape, step: 0, rows: 1, panels: 0..<1, lengths: nil, weights: m + 4 + Blocking.tile,
            input: nil,
            numbers: CellRows(
              gates: gates.start, previousOutput: m, output: m + 1, previousCell: m + 2, cell: m + 3,
              candidate: m), keepsActivations: true, scratch: m + 4))
      }
    }
    return (gates[0], gates[2])
  }

  @Test(arguments: InstructionSets.available) func doubleIsAccurate(_ set: InstructionSet) {
    for x in Self.arguments {
      let (sigmoid, hyperbolic) = activations(x, Double.makeKernels(set))
      #expect(abs(sigmoid - 1 / (1 + exp(-x))) <= 4e-16, "σ(\(x))")
      #expect(abs(hyperbolic - tanh(x)) <= 4 * tanh(x).ulp, "tanh(\(x))")
    }
  }

  @Test(arguments: InstructionSets.available) func floatIsAccurate(_ set: InstructionSet) {
    for x in Self.arguments {
      let argument = Float(x)
      let (sigmoid, hyperbolic) = activations(argument, Float.makeKernels(set))
      let logistic = 1 / (1 + exp(-Double(argument)))
      #expect(abs(Double(sigmoid) - logistic) <= 1.5e-7, "σ(\(x))")
      if x > -80 { #expect(abs(Double(sigmoid) / logistic - 1) <= 3e-7, "σ(\(x))") }
      let expected = tanh(Double(argument))
      #expect(abs(Double(hyperbolic) - expected) <= 4 * Double(Float(expected).ulp), "tanh(\(x))")
    }
  }

  /// Where rounding could carry a result beyond its limits: |tanh| <= 1, 0 <= σ <= 1, and both get there.
  @Test(arguments: InstructionSets.available) func floatStaysWithinBounds(_ set: InstructionSet) {
    let kernels = Float.makeKernels(set)
    for k in 0...20_000 {
      let x = 5 + Float(k) / 4000
      for argument in [x, -x, 2 * x, -2 * x] {
        let (sigmoid, hyperbolic) = activations(argument, kernels)
        #expect(sigmoid >= 0 && sigmoid <= 1 && abs(hyperbolic) <= 1, "\(argument)")
      }
    }
    for x: Float in [9.1, 20, 1e4, 3e38, .infinity] {
      #expect(activations(x, kernels).tanh == 1 && activations(-x, kernels).tanh == -1, "tanh(\(x))")
      #expect(x < 20 || activations(x, kernels).sigmoid == 1, "σ(\(x))")
      #expect(x < 100 || activations(-x, kernels).sigmoid < 1e-37, "σ(-\(x))")
    }
  }

  @Test(arguments: InstructionSets.available) func nanPasses(_ set: InstructionSet) {
    let wide = activations(Double.nan, Double.makeKernels(set))
    let narrow = activations(Float.nan, Float.makeKernels(set))
    #expect(wide.sigmoid.isNaN && wide.tanh.isNaN && narrow.sigmoid.isNaN && narrow.tanh.isNaN)
  }
}

/// The blocked product against its definition, in every layout and around every edge of tiles and blocks.
@Suite struct ProductTests {
  struct Shape: Sendable, CustomTestStringConvertible {
    let (rows, columns, depth): (Int, Int, Int)
    var testDescription: String { "\(rows)x\(columns)x\(depth)" }

    init(_ rows: Int, _ columns: Int, _ depth: Int) {
      (self.rows, self.columns, self.depth) = (rows, columns, depth)
    }
  }

  static let shapes = [
    Shape(1, 1, 1), Shape(1, 17, 3), Shape(2, 64, 7), Shape(5, 65, 2), Shape(6, 15, 33), Shape(7, 130, 16),
    Shape(97, 3, 20), Shape(13, 48, 513), Shape(3, 515, 9), Shape(98, 33, 5),
  ]

  /// Doubles, so that the tolerance sees every wrong term.
  private func multiply(
    _ shape: Shape, _ kernels: any Kernels<Double>, rows: Range<Int>, transposedA: Bool, transposedB: Bool,
    adding: Bool
  ) -> [Double] {
    var a = numbers(shape.rows * shape.depth, seed: 1, scale: 1)
    var b = numbers(shape.depth * shape.columns, seed: 2, scale: 1)
    var c = numbers(shape.rows * shape.columns, seed: 3, scale: 1)
    var scratch = [Double](
      repeating: .nan,
      count: Blocking.tile + kernels.packedProductCount(depth: shape.depth, columns: shape.columns))
    a.withUnsafeMutableBufferPointer { a in
      b.withUnsafeMutableBufferPointer { b in
        c.withUnsafeMutableBufferPointer { c in
          scratch.withUnsafeMutableBufferPointer { scratch in
            let aRow = transposedA ? 1 : shape.depth
            let place = c.start + rows.lowerBound * shape.columns
            let panels = scratch.start + Blocking.tile
            kernels.packProduct(
              b.start, depth: shape.depth, columns: shape.columns,
              depthStride: transposedB ? 1 : shape.columns, columnStride: transposedB ? shape.depth : 1,
              part: 0..<shape.depth, to: panels)
            kernels.multiply(
              ProductCall(
                rows: rows.count, columns: shape.columns, depth: shape.depth,
                a: a.start + rows.lowerBound * aRow,
                aRowStride: aRow, aDepthStride: transposedA ? shape.rows : 1,
                b: PackedColumns(panels, columns: shape.columns, from: 0),
                c: place, cRowStride: shape.columns, start: adding ? UnsafePointer(place) : nil,
                startRowStride: shape.columns, scratch: scratch.start))
          }
        }
      }
    }
    return c
  }

  private func expected(_ shape: Shape, transposedA: Bool, transposedB: Bool, adding: Bool) -> [Double] {
    let a = numbers(shape.rows * shape.depth, seed: 1, scale: 1)
    let b = numbers(shape.depth * shape.columns, seed: 2, scale: 1)
    var c = numbers(shape.rows * shape.columns, seed: 3, scale: 1)
    for i in 0..<shape.rows {
      for j in 0..<shape.columns {
        var sum = adding ? c[i * shape.columns + j] : 0
        for k in 0..<shape.depth {
          let x = transposedA ? a[k * shape.rows + i] : a[i * shape.depth + k]
          let y = transposedB ? b[j * shape.depth + k] : b[k * shape.columns + j]
          sum += x * y
        }
        c[i * shape.columns + j] = sum
      }
    }
    return c
  }

  @Test(arguments: InstructionSets.available, shapes)
  func equalsItsDefinition(_ set: InstructionSet, _ shape: Shape) {
    for layout in 0..<8 {
      let (a, b, adding) = (layout & 1 != 0, layout & 2 != 0, layout & 4 != 0)
      let got = multiply(
        shape, Double.makeKernels(set), rows: 0..<shape.rows, transposedA: a, transposedB: b, adding: adding)
      let want = expected(shape, transposedA: a, transposedB: b, adding: adding)
      let worst = zip(got, want).map { abs($0 - $1) }.max() ?? 0
      #expect(worst <= 1e-13 * Double(shape.depth), "layout \(layout)")
    }
  }

  /// A row's bits depend neither on the rows beside it nor on who computes it.
  @Test(arguments: InstructionSets.available, shapes)
  func rowsAreIndependent(_ set: InstructionSet, _ shape: Shape) {
    let kernels = Double.makeKernels(set)
    func rows(_ range: Range<Int>) -> ArraySlice<Double> {
      multiply(shape, kernels, rows: range, transposedA: false, transposedB: true, adding: false)[
        range.lowerBound * shape.columns..<range.upperBound * shape.columns]
    }
    let all = rows(0..<shape.rows)
    for cut in Set([1, shape.rows / 2, shape.rows - 1]) where cut > 0 && cut < shape.rows {
      #expect(Array(all) == Array(rows(0..<cut)) + Array(rows(cut..<shape.rows)), "cut at \(cut)")
    }
  }

  /// Both ways to multiply, and B packed beforehand, through the engine's matrices with rows that lie apart.
  @Test(arguments: shapes)
  func methodsAgree(_ shape: Shape) throws {
    let a = try buffer(shape.rows * (shape.depth + 3), seed: 1)
    let b = try buffer(shape.columns * shape.depth, seed: 2)
    let row = try buffer(shape.columns, seed: 3)
    let scratch = try Buffer<Double>(count: matmulScratch(columns: shape.columns, depth: shape.depth))
    let weight = Matrix(b.values, rows: shape.columns, columns: shape.depth).transposed
    let packed = try Buffer<Double>(
      count: Double.kernels.packedProductCount(depth: shape.depth, columns: shape.columns))
    packMatrix(weight, to: packed.values)
    func product(_ method: ProductMethod, packed: View<Double>?) throws -> [Double] {
      let c = try Buffer<Double>(count: shape.rows * shape.columns)
      matmul(
        Matrix(a.values, rows: shape.rows, columns: shape.depth, stride: shape.depth + 3), weight,
        packed: packed, into: Matrix(c.values, rows: shape.rows, columns: shape.columns),
        from: .row(row.values), by: method, scratch: scratch.values)
      return withExtendedLifetime(c) { Array(c.values) }
    }
    let kernels = try product(.kernels, packed: nil)
    #expect(try product(.kernels, packed: packed.values) == kernels)
    let worst = zip(try product(.blas, packed: nil), kernels).map { abs($0 - $1) }.max() ?? 0
    #expect(worst <= 1e-13 * Double(shape.depth + 1))
    withExtendedLifetime((a, b, row, packed, scratch)) {}
  }

  /// C += Aᵀ B with one row or one column is a weighted sum of rows, shared by columns among threads.
  @Test(arguments: [(1, 200), (200, 1), (1, 1), (1, 17), (129, 1)]) func thinSumsAgree(
    _ rows: Int, _ columns: Int
  )
    throws
  {
    let depth = 77
    let (a, b) = (try buffer(depth * (rows + 3), seed: 1), try buffer(depth * columns, seed: 2))
    let scratch = try Buffer<Double>(count: matmulScratch(columns: columns, depth: depth))
    func product(_ method: ProductMethod) throws -> [Double] {
      let c = try buffer(rows * columns, seed: 3)
      matmul(
        Matrix(a.values, rows: depth, columns: rows, stride: rows + 3).transposed,
        Matrix(b.values, rows: depth, columns: columns), into: Matrix(c.values, rows: rows, columns: columns),
        from: .current, by: method, scratch: scratch.values)
      return withExtendedLifetime(c) { Array(c.values) }
    }
    let worst = zip(try product(.blas), try product(.kernels)).map { abs($0 - $1) }.max() ?? 1
    #expect(worst <= 1e-13 * Double(depth))
    withExtendedLifetime((a, b, scratch)) {}
  }

  private func buffer(_ count: Int, seed: UInt64) throws -> Buffer<Double> {
    let buffer = try Buffer<Double>(count: count)
    for (j, value) in numbers(count, seed: seed, scale: 1).enumerated() { buffer.values[j] = value }
    return buffer
  }
}

/// One step of every cell: instruction sets agree, and rows do not see one another.
@Suite struct CellTests {
  static let kinds: [CellKind] = [.elman, .gru, .lstm]

  private func buffer(_ count: Int, seed: UInt64, scale: Double) throws -> Buffer<Double> {
    let buffer = try Buffer<Double>(count: count)
    for (j, value) in numbers(count, seed: seed, scale: scale).enumerated() { buffer.values[j] = value }
    return buffer
  }

  /// A step forward and one back, over numbers made from seeds; returns everything the kernels wrote.
  private func run(
    _ kind: CellKind, _ kernels: any Kernels<Double>, size: Int, rows: Range<Int>, isProjected: Bool = false
  ) throws -> [[Double]] {
    let (gates, total) = (kind == .elman ? 1 : kind == .gru ? 3 : 4, 5)
    let (now, later) = (
      try buffer(total * gates * size, seed: 1, scale: 2), try buffer(total * gates * size, seed: 2, scale: 2)
    )
    // h_{t-1}, h_t, c_{t-1}, c_t, q, q of the later step, ∂y, ∂h, ∂c
    let narrow = try (0..<9).map { try buffer(total * size, seed: 20 + UInt64($0), scale: 1) }
    let inputs = 3
    let x = try buffer(total * inputs, seed: 33, scale: 1)
    let weight = try buffer(gates * size * (size + inputs), seed: 30, scale: 0.5)
    let bias = try buffer(gates * size * 2, seed: 31, scale: 0.5)
    let shape = CellShape(inputSize: inputs, size: size, gateStride: gates * size)
    let packed = try buffer(kernels.packedCount(kind, shape), seed: 32, scale: 1)
    // Nothing says that scratch is aligned.
    let scratch = try Buffer<Double>(count: Blocking.tile + 1)
    let place = narrow.map { $0.values.start + rows.lowerBound * size }
    let cells = CellRows(
      gates: now.values.start + rows.lowerBound * gates * size, previousOutput: place[0], output: place[1],
      previousCell: place[2], cell: place[3], candidate: place[4])
    let hidden = weight.values.start + gates * size * inputs
    let (forwardPanels, backwardPanels) = (kernels.forwardPanels(kind, shape), kernels.backwardPanels(shape))
    kernels.packForward(
      kind, shape,
      CellWeights(
        input: weight.values.start, hidden: hidden, inputBias: bias.values.start,
        hiddenBias: bias.values.start + gates * size), panels: 0..<forwardPanels, to: packed.values.start)
    var step = ForwardStep(
      shape: shape, step: 0, rows: rows.count, panels: 0..<forwardPanels, lengths: nil,
      weights: packed.values.start, input: UnsafePointer(x.values.start + rows.lowerBound * inputs),
      numbers: cells, keepsActivations: true, scratch: scratch.values.start + 1)
    if isProjected {
      kernels.project(kind, step)
      step.input = nil
    }
    // Panels may be shared out in any way.
    step.panels = forwardPanels / 2..<forwardPanels
    kernels.forward(kind, step)
    step.panels = 0..<forwardPanels / 2
    kernels.forward(kind, step)
    kernels.packBackward(kind, shape, hidden, panels: 0..<backwardPanels, to: packed.values.start)
    kernels.backward(
      kind,
      BackwardStep(
        shape: shape, step: 0, rows: rows.count, panels: 0..<backwardPanels, lengths: nil,
        weights: packed.values.start, numbers: cells,
        laterGates: later.values.start + rows.lowerBound * gates * size, laterCandidate: place[5],
        outputGradient: place[6], carried: place[7], carriedCell: place[8], flow: FlowRows(),
        scratch: scratch.values.start + 1))
    return withExtendedLifetime((x, weight, bias, packed, later, scratch)) {
      ([now] + narrow).map { Array($0.values) }
    }
  }

  @Test(arguments: kinds, [1, 4, 7, 16, 33, 130])
  func instructionSetsAgree(_ kind: CellKind, _ size: Int) throws {
    let reference = try run(kind, Double.makeKernels(.baseline), size: size, rows: 0..<5)
    for set in InstructionSets.available.dropFirst() {
      let other = try run(kind, Double.makeKernels(set), size: size, rows: 0..<5)
      for (index, (one, two)) in zip(reference, other).enumerated() {
        let worst = zip(one, two).map { abs($0 - $1) / max(1, abs($0)) }.max() ?? 0
        #expect(worst <= 1e-13 * Double(size + 10), "\(set), array \(index)")
      }
    }
  }

  @Test(arguments: InstructionSets.available, kinds)
  func rowsAreIndependent(_ set: InstructionSet, _ kind: CellKind) throws {
    let kernels = Double.makeKernels(set)
    let all = try run(kind, kernels, size: 33, rows: 0..<5)
    let part = try run(kind, kernels, size: 33, rows: 2..<4)
    for (one, two) in zip(all, part) {
      let width = one.count / 5
      #expect(one[2 * width..<4 * width] == two[2 * width..<4 * width])
    }
  }

  /// W_ih x within the step and ahead of it are the same chains of sums.
  @Test(arguments: InstructionSets.available, kinds)
  func projectionAheadGivesTheSameBits(_ set: InstructionSet, _ kind: CellKind) throws {
    for size in [7, 33, 130] {
      let within = try run(kind, Double.makeKernels(set), size: size, rows: 0..<5)
      let ahead = try run(kind, Double.makeKernels(set), size: size, rows: 0..<5, isProjected: true)
      #expect(within == ahead, "H = \(size)")
    }
  }
}
