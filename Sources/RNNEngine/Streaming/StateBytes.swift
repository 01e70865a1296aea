import CPlatform
import RNNKernels

/// The state of one lane as plain bytes: "RNNSTATE", then four numbers of 32 bits, which are the version, the element
/// type, the mark of the layers and the number of elements; then the elements. Addresses need not be aligned.
struct StateBytes<S: Scalar> {
  private static var version: UInt32 { 1 }
  private static var headerBytes: Int { 24 }
  /// "RNNSTATE" as it lies in memory.
  private static var magic: UInt64 { UInt64(bigEndian: 0x524E_4E53_5441_5445) }

  private let start: UnsafeMutableRawPointer

  static func count(_ signature: StreamSignature<S>) -> Int {
    headerBytes + signature.stateCount * MemoryLayout<S>.stride
  }

  init(_ buffer: RawBuffer, _ signature: StreamSignature<S>) throws(Refusal) {
    guard let start = buffer.start else { throw Refusal(.argument, "state: expected a pointer, got NULL") }
    let expected = Self.count(signature)
    if buffer.bytes != expected {
      throw Refusal(.shape, "state: expected \(expected) bytes, got \(buffer.bytes) bytes")
    }
    self.start = start
  }

  func writeHeader(_ signature: StreamSignature<S>) {
    start.storeBytes(of: Self.magic, as: UInt64.self)
    let numbers = header(signature)
    for index in 0..<4 { start.storeBytes(of: numbers[index], toByteOffset: 8 + 4 * index, as: UInt32.self) }
  }

  /// Whether the bytes are a state of such a model.
  func check(_ signature: StreamSignature<S>) throws(Refusal) {
    if start.loadUnaligned(as: UInt64.self) != Self.magic {
      throw Refusal(.format, "state: expected bytes of rnn_stream_export, got others")
    }
    let numbers = header(signature)
    let names: InlineArray<4, StaticString> = [
      "version", "element type", "mark of the layers", "element count",
    ]
    for index in 0..<4 {
      let number = start.loadUnaligned(fromByteOffset: 8 + 4 * index, as: UInt32.self)
      if number != numbers[index] {
        throw Refusal(
          .format, "state: \(names[index]): expected \(Int(numbers[index])), got \(Int(number))")
      }
    }
    for index in 0..<signature.stateCount where element(index).isNaN {
      throw Refusal(.nan, "state: expected numbers, got NaN at position \(index)")
    }
  }

  func write(_ numbers: UnsafeMutablePointer<S>, _ offset: Int, _ count: Int) {
    memcpy(elements + offset * MemoryLayout<S>.stride, numbers, count * MemoryLayout<S>.stride)
  }

  func read(_ numbers: UnsafeMutablePointer<S>, _ offset: Int, _ count: Int) {
    memcpy(numbers, elements + offset * MemoryLayout<S>.stride, count * MemoryLayout<S>.stride)
  }

  private var elements: UnsafeMutableRawPointer { start + Self.headerBytes }

  private func element(_ index: Int) -> S {
    elements.loadUnaligned(fromByteOffset: index * MemoryLayout<S>.stride, as: S.self)
  }

  private func header(_ signature: StreamSignature<S>) -> InlineArray<4, UInt32> {
    [
      Self.version, UInt32(S.dtype.rawValue), signature.mark,
      UInt32(truncatingIfNeeded: signature.stateCount),
    ]
  }
}
