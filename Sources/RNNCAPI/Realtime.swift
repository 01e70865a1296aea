import CPlatform
import CRNN
import RNNEngine

/// Runs what a real-time function does with a stream: as `boundary`, but nothing is allocated, and no references are
/// counted. A refusal becomes a status; it has left its message.
@inline(never)
func realtime(
  _ handle: OpaquePointer?, _ body: (any AnyStream) throws(Refusal) -> Void
) -> rnn_status {
  let hostState = platform_set_float_state()
  defer { platform_restore_float_state(hostState) }
  do throws(Refusal) {
    try withStream(handle, "stream", body)
    return RNN_OK
  } catch {
    return status(of: error.code)
  }
}

/// Some steps of a stream: as `realtime`, on the shortest way.
@_optimize(speed)
@inline(__always)
func process(_ handle: OpaquePointer?, steps: Int, _ input: RawBuffer, _ output: RawBuffer) -> rnn_status {
  let hostState = platform_set_float_state()
  defer { platform_restore_float_state(hostState) }
  var refusal: Refusal?
  guard let handle, let object = Handles.object(handle) else {
    return status(of: unknown(handle, "stream").code)
  }
  object._withUnsafeGuaranteedRef { object in
    if let stream = object.borrowed {
      refusal = stream.process(steps: steps, input: input, output: output)
    } else {
      refusal = wrongType("stream")
    }
  }
  return refusal.map { status(of: $0.code) } ?? RNN_OK
}

/// Calls `body` with the stream of a handle.
@inline(__always)
func withStream(
  _ handle: OpaquePointer?, _ name: StaticString, _ body: (any AnyStream) throws(Refusal) -> Void
) throws(Refusal) {
  guard let handle, let object = Handles.object(handle) else { throw unknown(handle, name) }
  var refusal: Refusal?
  object._withUnsafeGuaranteedRef { object in
    do throws(Refusal) {
      guard case .stream(let stream) = object.content else {
        throw wrongType(name)
      }
      try body(stream)
    } catch {
      refusal = error
    }
  }
  if let refusal { throw refusal }
}

@inline(never)
private func wrongType(_ name: StaticString) -> Refusal {
  Refusal(.handle, "\(name): expected a handle of type rnn_stream, got one of another type")
}

@inline(never)
private func unknown(_ handle: OpaquePointer?, _ name: StaticString) -> Refusal {
  handle == nil
    ? Refusal(.handle, "\(name): expected an open handle, got NULL")
    : Refusal(.handle, "\(name): expected an open handle, got one that is closed or never was")
}
