import RNNKernels
import Testing

@testable import RNNEngine

/// How weights begin, and the generator they come from.
@Suite struct InitializationTests {
  /// The known answers of the authors' distribution of Philox4x32-10 (Random123, kat_vectors).
  @Test func philoxGivesKnownAnswers() {
    #expect(
      Philox(seed: 0, stream: 0).block(0) == SIMD4(0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8))
    #expect(
      Philox(seed: .max, stream: .max).block(.max)
        == SIMD4(0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd))
  }

  /// At the border of 32 bits, too, and in every lane.
  @Test(arguments: InstructionSets.available) func kernelsGiveTheSameWords(_ set: InstructionSet) {
    let random = Philox(seed: 0x0123_4567_89AB_CDEF, stream: 0xFEDC_BA98_7654_3210)
    for first: UInt64 in [0, 5, 0xFFFF_FFFB, .max - 3] {
      var words = [UInt32](repeating: 0, count: 64)
      Float.makeKernels(set).random(random, from: first, count: 16, to: &words)
      let expected = (UInt64(0)..<16).flatMap { block in
        let four = random.block(first &+ block)
        return (0..<4).map { four[$0] }
      }
      #expect(words == expected)
    }
  }

  private func parameters(_ description: LayerDescription, seed: UInt64 = 1) throws -> [[Double]] {
    let model = try Model<Double>([description])
    try model.initialize(seed: seed)
    return model.tensors.map { Array(model.parameters.values.part($0.start, $0.count)) }
  }

  @Test func sameSeedSameBits() throws {
    let description = layer(.lstm, 5, 6, layers: 2)
    #expect(try parameters(description) == parameters(description))
    #expect(try parameters(description) != parameters(description, seed: 2))
  }

  @Test func defaultIsUniformWithinPyTorchsBound() throws {
    for tensor in try parameters(layer(.gru, 30, 16, layers: 2)) {
      #expect(tensor.allSatisfy { abs($0) <= 0.25 })
      #expect(tensor.max()! > 0.2 && tensor.min()! < -0.2)
    }
    let embedding = try parameters(layer(.embedding, 100, 100))[0]
    let variance = embedding.reduce(0) { $0 + $1 * $1 } / 10_000
    #expect(abs(variance - 1) < 0.05)
  }

  @Test func xavierBoundAndZeroBiases() throws {
    var description = layer(.linear, 40, 20)
    description.weightInit = .xavier
    let tensors = try parameters(description)
    let bound = (6.0 / 60).squareRoot()
    #expect(tensors[0].allSatisfy { abs($0) <= bound } && tensors[0].max()! > 0.9 * bound)
    #expect(tensors[1].allSatisfy { $0 == 0 })
  }

  @Test(arguments: [3, 8, 20]) func orthogonalGateByGate(_ inputs: Int) throws {
    let size = 8
    var description = layer(.lstm, inputs, size)
    (description.weightInit, description.recurrentInit) = (.orthogonal, .orthogonal)
    let tensors = try parameters(description)
    for (tensor, columns) in [(tensors[0], inputs), (tensors[1], size)] {
      for gate in 0..<4 {
        let block = Array(tensor[gate * size * columns..<(gate + 1) * size * columns])
        #expect(deviationFromOrthogonal(block, rows: size, columns: columns) < 1e-14)
      }
      #expect(Array(tensor[0..<size * columns]) != Array(tensor[size * columns..<2 * size * columns]))
    }
  }

  /// The largest element of |W Wᵀ - 1|, or of |Wᵀ W - 1| if there are more rows than columns.
  private func deviationFromOrthogonal(_ w: [Double], rows: Int, columns: Int) -> Double {
    let (short, long) = (min(rows, columns), max(rows, columns))
    func element(_ i: Int, _ k: Int) -> Double { rows <= columns ? w[i * columns + k] : w[k * columns + i] }
    var worst = 0.0
    for i in 0..<short {
      for j in 0..<short {
        var product = 0.0
        for k in 0..<long { product += element(i, k) * element(j, k) }
        worst = max(worst, abs(product - (i == j ? 1 : 0)))
      }
    }
    return worst
  }

  @Test func identityAndForgetBias() throws {
    var elman = layer(.elman, 2, 4)
    (elman.weightInit, elman.recurrentInit) = (.xavier, .identity)
    let tensors = try parameters(elman)
    #expect(tensors[1] == (0..<16).map { $0 % 5 == 0 ? 1 : 0 })
    var lstm = layer(.lstm, 2, 3, layers: 2)
    lstm.forgetBias = 1
    let biases = try parameters(lstm)
    for level in 0..<2 {
      let (input, hidden) = (biases[4 * level + 2], biases[4 * level + 3])
      #expect((3..<6).allSatisfy { input[$0] + hidden[$0] == 1 })
      #expect(input[0] != 0 && input[0] + hidden[0] != 1)
    }
  }
}
