import CPlatform

/// A view of memory owned elsewhere: a base and a length. Layers and kernels work on these.
public typealias View<Element> = UnsafeMutableBufferPointer<Element>

extension UnsafeMutableBufferPointer {
  /// The first element. Views of the engine are never empty where this is used.
  @inline(__always)
  var start: UnsafeMutablePointer<Element> { baseAddress.unsafelyUnwrapped }

  /// `count` elements from `offset` on.
  @inline(__always)
  func part(_ offset: Int, _ count: Int) -> Self {
    assert(offset >= 0 && count >= 0 && offset + count <= self.count)
    return Self(start: start + offset, count: count)
  }

  /// Copies as many elements as this view has.
  @inline(__always)
  func copy(from other: UnsafeMutablePointer<Element>) where Element: BitwiseCopyable {
    memcpy(start, other, count &* MemoryLayout<Element>.stride)
  }

  /// All bytes zero: the number 0 in every element type of the library.
  @inline(__always)
  func clear() where Element: BitwiseCopyable {
    memset(start, 0, count &* MemoryLayout<Element>.stride)
  }
}

/// Memory that begins zeroed on a cache line. Allocation can fail, and says so.
/// `values` is good for as long as the buffer is held: keep it in a property, or extend its lifetime.
public final class Buffer<Element: BitwiseCopyable> {
  public let values: View<Element>

  // Whatever can fail comes before there is an object: in Embedded Swift one whose initialiser throws is lost.
  @inline(never)
  public convenience init(count: Int) throws(RNNError) {
    let bytes = try Size.product(count, MemoryLayout<Element>.stride)
    guard let memory = platform_allocate(bytes) else {
      throw RNNError(.outOfMemory, "memory: \(bytes) bytes are not to be had")
    }
    self.init(View(start: memory.bindMemory(to: Element.self, capacity: count), count: count))
  }

  private init(_ values: View<Element>) { self.values = values }

  deinit { platform_release(values.baseAddress, values.count &* MemoryLayout<Element>.stride) }
}

/// Carves views out of one buffer, in order. With no buffer it only counts: plan first, then carve.
struct Carver<Element: BitwiseCopyable> {
  private let buffer: View<Element>?
  private(set) var used = 0

  init(_ buffer: View<Element>? = nil) { self.buffer = buffer }

  /// The next `count` elements, beginning on a cache line.
  mutating func take(_ count: Int) throws(RNNError) -> View<Element> {
    let offset = used
    let line = 64 / MemoryLayout<Element>.stride
    used = try Size.sum(used, Size.product((Size.sum(count, line - 1)) / line, line))
    guard let buffer else { return View(start: nil, count: 0) }
    return buffer.part(offset, count)
  }
}
