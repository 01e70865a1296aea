import CPlatform
import CRNN
import RNNEngine

// Versions, errors and threads: section 1 of rnn.h.

@_cdecl("rnn_version") @implementation
public func rnn_version() -> UInt32 {
  UInt32(RNN_VERSION_MAJOR * 10000 + RNN_VERSION_MINOR * 100 + RNN_VERSION_PATCH)
}

@_cdecl("rnn_version_string") @implementation
public func rnn_version_string() -> UnsafePointer<CChar>? { constant("0.1.0") }

@_cdecl("rnn_status_name") @implementation
public func rnn_status_name(_ status: rnn_status) -> UnsafePointer<CChar>? {
  switch status {
  case RNN_OK: constant("RNN_OK")
  case RNN_ERR_ARGUMENT: constant("RNN_ERR_ARGUMENT")
  case RNN_ERR_STRUCT_SIZE: constant("RNN_ERR_STRUCT_SIZE")
  case RNN_ERR_HANDLE: constant("RNN_ERR_HANDLE")
  case RNN_ERR_SHAPE: constant("RNN_ERR_SHAPE")
  case RNN_ERR_DTYPE: constant("RNN_ERR_DTYPE")
  case RNN_ERR_NAME: constant("RNN_ERR_NAME")
  case RNN_ERR_MODEL: constant("RNN_ERR_MODEL")
  case RNN_ERR_NAN: constant("RNN_ERR_NAN")
  case RNN_ERR_NONFINITE: constant("RNN_ERR_NONFINITE")
  case RNN_ERR_OUT_OF_MEMORY: constant("RNN_ERR_OUT_OF_MEMORY")
  case RNN_ERR_IO: constant("RNN_ERR_IO")
  case RNN_ERR_FORMAT: constant("RNN_ERR_FORMAT")
  default: constant("unknown status")
  }
}

@_cdecl("rnn_last_error") @implementation
public func rnn_last_error() -> UnsafePointer<CChar>? { UnsafePointer(platform_error_text()) }

/// A literal as a C string: literals end in a zero byte.
private func constant(_ text: StaticString) -> UnsafePointer<CChar> {
  UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
}

@_cdecl("rnn_set_num_threads") @implementation
public func rnn_set_num_threads(_ count: Int32) -> rnn_status {
  boundary { () throws(RNNError) in try ThreadPool.setThreadCount(Int(count)) }
}

@_cdecl("rnn_get_num_threads") @implementation
public func rnn_get_num_threads() -> Int32 { Int32(ThreadPool.threadCount) }
