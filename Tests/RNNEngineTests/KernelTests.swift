import CPlatform
import RNNKernels
import Testing

@testable import RNNEngine

#if canImport(RNNKernelsAVX2)
  import RNNKernelsAVX2
#endif

/// The vector functions against libm over the whole range, and one instruction set against the other.
@Suite struct KernelTests {
  /// Both signs, from far below rounding to far beyond saturation, and what is special.
  static let arguments: [Double] =
    (-400...400).map { Double($0) / 20 } + (-60...10).flatMap { [pow(2, Double($0)), -pow(2, Double($0))] }
    + [0, -0.0, 1e300, -1e300, .infinity, -.infinity]

  /// An LSTM cell of one unit, with only gate i's or o's pre-activation set, shows σ and tanh: with c_{t-1} = 0 and
  /// g = tanh(x): gates hold σ(x), σ(0), tanh(x), σ(0).
  private func activations<S: Scalar>(_ x: S) -> (sigmoid: S, tanh: S) {
    var gates: [S] = [x, 0, x, 0]
    var (zeros, one) = ([S](repeating: 0, count: 4), [S](repeating: 0, count: 4))
    gates.withUnsafeMutableBufferPointer { gates in
      zeros.withUnsafeMutableBufferPointer { zeros in
        one.withUnsafeMutableBufferPointer { one in
          let row = CellRow<S>(
            gates: gates.start, hidden: zeros.start, previousOutput: zeros.start, output: one.start,
            previousCell: zeros.start, cell: one.start + 1, candidate: zeros.start)
          let biases = CellBiases<S>(input: zeros.start, hidden: zeros.start)
          LSTMKernel<S, Baseline>.forward(size: 1, row, biases)
        }
      }
    }
    return (gates[0], gates[2])
  }

  @Test func doubleIsAccurate() {
    for x in Self.arguments {
      let (sigmoid, hyperbolic) = activations(x)
      #expect(abs(sigmoid - 1 / (1 + exp(-x))) <= 4e-16, "σ(\(x))")
      #expect(abs(hyperbolic - tanh(x)) <= 4 * tanh(x).ulp, "tanh(\(x))")
    }
  }

  @Test func floatIsAccurate() {
    for x in Self.arguments {
      let argument = Float(x)
      let (sigmoid, hyperbolic) = activations(argument)
      #expect(abs(Double(sigmoid) - 1 / (1 + exp(-Double(argument)))) <= 1e-7, "σ(\(x))")
      let expected = tanh(Double(argument))
      #expect(abs(Double(hyperbolic) - expected) <= 4 * Double(Float(expected).ulp), "tanh(\(x))")
    }
  }

  @Test func nanPasses() {
    #expect(activations(Double.nan).sigmoid.isNaN && activations(Double.nan).tanh.isNaN)
    #expect(activations(Float.nan).sigmoid.isNaN && activations(Float.nan).tanh.isNaN)
  }

  #if canImport(RNNKernelsAVX2)
    /// Sizes around the vector's width; every gate, state and gradient to the last bit.
    @Test(.enabled(if: platform_has_avx2() != 0), arguments: [1, 4, 7, 8, 9, 33])
    func avx2GivesTheSameBits(_ size: Int) {
      func run<S: Scalar>(_ seed: UInt64, _ forward: (CellRow<S>, CellBiases<S>) -> Void) -> [S] {
        var memory = numbers(size * 20, seed: seed, scale: 3).map { S($0) }
        memory.withUnsafeMutableBufferPointer { m in
          let row = CellRow<S>(
            gates: m.start, hidden: m.start + 4 * size, previousOutput: m.start + 8 * size,
            output: m.start + 9 * size, previousCell: m.start + 10 * size, cell: m.start + 11 * size,
            candidate: m.start + 12 * size)
          forward(row, CellBiases(input: m.start + 13 * size, hidden: m.start + 16 * size))
        }
        return memory
      }
      #expect(
        run(1) { LSTMKernel<Float, Baseline>.forward(size: size, $0, $1) }
          == run(1) { RNNKernelsAVX2.lstmForward(size: size, $0, $1) })
      #expect(
        run(2) { GRUKernel<Double, Baseline>.forward(size: size, $0, $1) }
          == run(2) { RNNKernelsAVX2.gruForward(size: size, $0, $1) })
      #expect(
        run(3) { ElmanKernel<Float, Baseline>.forward(size: size, relu: false, $0, $1) }
          == run(3) { RNNKernelsAVX2.elmanForward(size: size, relu: false, $0, $1) })
      #expect(
        run(4) {
          LSTMKernel<Double, Baseline>.backward(
            size: size, $0, CellGradient(output: $1.input, cell: $1.hidden))
        }
          == run(4) {
            RNNKernelsAVX2.lstmBackward(size: size, $0, CellGradient(output: $1.input, cell: $1.hidden))
          })
      #expect(
        run(5) {
          GRUKernel<Float, Baseline>.backward(size: size, $0, CellGradient(output: $1.input, cell: $1.hidden))
        }
          == run(5) {
            RNNKernelsAVX2.gruBackward(size: size, $0, CellGradient(output: $1.input, cell: $1.hidden))
          })
    }
  #endif
}
