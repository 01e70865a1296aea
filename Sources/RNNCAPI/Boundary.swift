import CPlatform
import CRNN
import RNNEngine

/// Runs what a C function does: an error becomes a status and this thread's last message. The host's
/// floating-point state is set aside meanwhile.
func boundary(_ body: () throws(RNNError) -> Void) -> rnn_status {
  let hostState = platform_set_float_state()
  defer { platform_restore_float_state(hostState) }
  do throws(RNNError) {
    try body()
    return RNN_OK
  } catch {
    setLastError(error.message)
    return status(of: error.code)
  }
}

func status(of code: RNNError.Code) -> rnn_status {
  switch code {
  case .argument: RNN_ERR_ARGUMENT
  case .structSize: RNN_ERR_STRUCT_SIZE
  case .handle: RNN_ERR_HANDLE
  case .shape: RNN_ERR_SHAPE
  case .dtype: RNN_ERR_DTYPE
  case .name: RNN_ERR_NAME
  case .model: RNN_ERR_MODEL
  case .nan: RNN_ERR_NAN
  case .nonFinite: RNN_ERR_NONFINITE
  case .outOfMemory: RNN_ERR_OUT_OF_MEMORY
  case .io: RNN_ERR_IO
  case .format: RNN_ERR_FORMAT
  }
}

private func setLastError(_ message: String) {
  platform_begin_error()
  message.bytes.withUnsafeBytes { text in
    guard let start = text.baseAddress else { return }
    platform_append_error(start.assumingMemoryBound(to: CChar.self), text.count)
  }
}

/// A pointer that must not be NULL.
func required<T>(_ pointer: T?, _ name: String) throws(RNNError) -> T {
  guard let pointer else { throw RNNError(.argument, "\(name): expected a pointer, got NULL") }
  return pointer
}

/// A number of a C enumeration as the engine's.
func option<T: RawRepresentable>(
  _ value: UInt32, _ name: String, _ type: T.Type
) throws(RNNError) -> T where T.RawValue == Int {
  guard let result = T(rawValue: Int(value)) else {
    throw RNNError(.argument, "\(name): expected one of the values in rnn.h, got \(Int32(bitPattern: value))")
  }
  return result
}

/// A flag: 0 or 1.
func flag(_ value: Int32, _ name: String) throws(RNNError) -> Bool {
  guard value == 0 || value == 1 else { throw RNNError(.argument, "\(name): expected 0 or 1, got \(value)") }
  return value == 1
}

/// A 64-bit size as the machine's.
func size(_ value: Int64, _ name: String) throws(RNNError) -> Int {
  guard let result = Int(exactly: value) else {
    throw RNNError(.argument, "\(name): expected a size of this machine, got \(value)")
  }
  return result
}

extension RawBuffer {
  init(_ buffer: rnn_in) { self.init(buffer.data, bytes: Int(clamping: buffer.bytes)) }
  init(_ buffer: rnn_out) { self.init(buffer.data, bytes: Int(clamping: buffer.bytes)) }
}
