import CPlatform
import CRNN
import RNNEngine

/// What a handle stands for: one of three.
final class Object {
  enum Content {
    case model(any AnyModel)
    case trainer(any AnyTrainer)
    case stream(any AnyStream)
  }

  let content: Content
  /// Of a stream: itself, to be borrowed without counting.
  let borrowed: BorrowedStream?

  init(_ content: Content) {
    self.content = content
    if case .stream(let stream) = content { borrowed = stream.borrowed } else { borrowed = nil }
  }
}

/// Handles are not addresses. A handle names a slot of a table and the generation of its content, so a
/// handle that was closed, or never was one, is recognised without being followed.
///
/// Looking a handle up takes no lock. Slots live in chunks that double in size and are never freed.
enum Handles {
  private struct Slot {
    /// Odd while occupied; grows by one whenever the slot is filled or emptied.
    var generation: UInt64
    var object: UnsafeMutableRawPointer?
    var nextFree: Int
  }

  /// Guarded by the lock.
  private struct Bookkeeping {
    var used = 0
    var firstFree = -1
  }
  nonisolated(unsafe) private static var book = Bookkeeping()

  private static let firstChunk = 64
  private static let indexBits = UInt(Int.bitWidth / 2 - 8)

  // MARK: Opening and closing

  static func open(_ content: Object.Content) throws(RNNError) -> OpaquePointer {
    let object = Unmanaged.passRetained(Object(content)).toOpaque()
    pthread_mutex_lock(platform_handle_lock())
    defer { pthread_mutex_unlock(platform_handle_lock()) }
    guard let index = takeSlot(), let slot = slot(index) else {
      Unmanaged<Object>.fromOpaque(object).release()
      throw RNNError(.outOfMemory, "handle: the table of handles cannot grow")
    }
    slot.pointee.object = object
    let generation = slot.pointee.generation + 1
    platform_store_uint64(address(of: slot), generation)
    return encode(index, generation)
  }

  /// Forgets the handle. What it stood for lives on while others need it.
  static func close(_ handle: OpaquePointer) {
    pthread_mutex_lock(platform_handle_lock())
    guard let index = index(handle), let pointer = slot(index),
      platform_load_uint64(address(of: pointer)) & 1 == 1, encode(index, pointer.pointee.generation) == handle
    else {
      pthread_mutex_unlock(platform_handle_lock())
      return
    }
    let object = pointer.pointee.object
    platform_store_uint64(address(of: pointer), pointer.pointee.generation + 1)
    pointer.pointee.object = nil
    pointer.pointee.nextFree = book.firstFree
    book.firstFree = index
    pthread_mutex_unlock(platform_handle_lock())
    if let object { Unmanaged<Object>.fromOpaque(object).release() }
  }

  // MARK: Looking up

  /// The content of a handle, or nil if the handle is not open. The caller keeps the handle open meanwhile.
  @inline(__always)
  static func object(_ handle: OpaquePointer) -> Unmanaged<Object>? {
    guard let index = index(handle), let slot = slot(index) else { return nil }
    let generation = platform_load_uint64(address(of: slot))
    guard generation & 1 == 1, encode(index, generation) == handle, let object = slot.pointee.object else {
      return nil
    }
    return Unmanaged<Object>.fromOpaque(object)
  }

  /// The slot that a handle names, if it is one.
  @inline(__always)
  private static func index(_ handle: OpaquePointer) -> Int? {
    let bits = UInt(bitPattern: handle)
    return bits & 1 == 1 ? Int(bits >> 1 & (1 << indexBits - 1)) : nil
  }

  // MARK: The table

  /// Never NULL and never even, so never the address of an object.
  @inline(__always)
  private static func encode(_ index: Int, _ generation: UInt64) -> OpaquePointer {
    let high = UInt(truncatingIfNeeded: generation) << (indexBits + 1)
    return OpaquePointer(bitPattern: high | UInt(index) << 1 | 1).unsafelyUnwrapped
  }

  private static func address(of slot: UnsafeMutablePointer<Slot>) -> UnsafeMutablePointer<UInt64> {
    UnsafeMutableRawPointer(slot).assumingMemoryBound(to: UInt64.self)
  }

  /// Slot `index`, if its chunk exists: chunk k holds 64 · 2^k slots.
  @inline(__always)
  private static func slot(_ index: Int) -> UnsafeMutablePointer<Slot>? {
    if index >= firstChunk { return laterSlot(index) }
    let start = platform_handle_chunks().flatMap { platform_load_pointer($0) }
    return start.map { $0.assumingMemoryBound(to: Slot.self) + index }
  }

  @inline(never)
  private static func laterSlot(_ index: Int) -> UnsafeMutablePointer<Slot>? {
    let position = index / firstChunk + 1
    let chunk = Int.bitWidth - 1 - position.leadingZeroBitCount
    guard chunk < Int(PLATFORM_HANDLE_CHUNKS), let chunks = platform_handle_chunks(),
      let start = platform_load_pointer(chunks + chunk)
    else { return nil }
    let first = (1 << chunk - 1) * firstChunk
    return start.assumingMemoryBound(to: Slot.self) + (index - first)
  }

  private static func takeSlot() -> Int? {
    if book.firstFree >= 0, let slot = slot(book.firstFree) {
      let index = book.firstFree
      book.firstFree = slot.pointee.nextFree
      return index
    }
    guard slot(book.used) != nil || grow() else { return nil }
    book.used += 1
    return book.used - 1
  }

  private static func grow() -> Bool {
    let chunk = Int.bitWidth - 1 - (book.used / firstChunk + 1).leadingZeroBitCount
    guard chunk < Int(PLATFORM_HANDLE_CHUNKS), let chunks = platform_handle_chunks(),
      let memory = platform_allocate((firstChunk << chunk) * MemoryLayout<Slot>.stride)
    else { return false }
    platform_store_pointer(chunks + chunk, memory)
    return true
  }
}

// MARK: Handles of a type

private func content(_ handle: OpaquePointer?, _ name: String) throws(RNNError) -> Object.Content {
  guard let handle else { throw RNNError(.handle, "\(name): expected an open handle, got NULL") }
  guard let object = Handles.object(handle) else {
    throw RNNError(.handle, "\(name): expected an open handle, got one that is closed or never was")
  }
  return object.takeUnretainedValue().content
}

private func wrongType(_ name: String) -> RNNError {
  RNNError(.handle, "\(name): expected a handle of type rnn_\(name), got one of another type")
}

func model(_ handle: OpaquePointer?) throws(RNNError) -> any AnyModel {
  guard case .model(let model) = try content(handle, "model") else { throw wrongType("model") }
  return model
}

func trainer(_ handle: OpaquePointer?) throws(RNNError) -> any AnyTrainer {
  guard case .trainer(let trainer) = try content(handle, "trainer") else { throw wrongType("trainer") }
  return trainer
}

func stream(_ handle: OpaquePointer?) throws(RNNError) -> any AnyStream {
  guard case .stream(let stream) = try content(handle, "stream") else { throw wrongType("stream") }
  return stream
}

/// Closes a handle that has been found to be of the right type. NULL has nothing to close.
func closeHandle(_ handle: OpaquePointer?, _ check: () throws(RNNError) -> Void) -> rnn_status {
  boundary { () throws(RNNError) in
    guard let handle else { return }
    try check()
    Handles.close(handle)
  }
}
