import CRNN
import RNNEngine

// The dynamics of a model: section 10 of rnn.h.

@_cdecl("rnn_model_spectrum") @implementation
public func rnn_model_spectrum(
  _ model: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ gate: Int32,
  _ spectrum: UnsafeMutablePointer<rnn_spectrum>?, _ eigenvalues: UnsafeMutablePointer<Double>?, _ bytes: Int
) -> rnn_status {
  boundary { () throws(RNNError) in
    let model = try RNNCAPI.model(model)
    try Struct.check(spectrum, "spectrum")
    let found = try model.spectrum(tensor(model, name), gate: Int(gate))
    if eigenvalues != nil || bytes != 0 {
      try RawBuffer(UnsafeMutableRawPointer(eigenvalues), bytes: bytes)
        .write(UnsafeBufferPointer(found.eigenvalues.values), "eigenvalues")
    }
    var result = rnn_spectrum()
    result.size = Int64(found.size)
    result.spectral_radius = found.radius
    result.spectral_norm = found.norm
    try Struct.write(result, to: spectrum, "spectrum")
  }
}

@_cdecl("rnn_model_jacobian") @implementation
public func rnn_model_jacobian(
  _ model: OpaquePointer?, _ batch: UnsafePointer<rnn_batch>?, _ from: Int64, _ to: Int64,
  _ jacobian: UnsafeMutablePointer<Double>?, _ bytes: Int
) -> rnn_status {
  boundary { () throws(RNNError) in
    try RNNCAPI.model(model).jacobian(
      Batch(Struct.read(batch, "batch", rnn_batch())), from: size(from, "from"), to: size(to, "to"),
      into: RawBuffer(UnsafeMutableRawPointer(jacobian), bytes: bytes))
  }
}

@_cdecl("rnn_model_lyapunov") @implementation
public func rnn_model_lyapunov(
  _ model: OpaquePointer?, _ batch: UnsafePointer<rnn_batch>?, _ lyapunov: UnsafePointer<rnn_lyapunov>?
) -> rnn_status {
  boundary { () throws(RNNError) in
    try RNNCAPI.model(model).lyapunov(
      Batch(Struct.read(batch, "batch", rnn_batch())),
      LyapunovOptions(Struct.read(lyapunov, "lyapunov", rnn_lyapunov())))
  }
}

extension LyapunovOptions {
  init(_ call: rnn_lyapunov) throws(RNNError) {
    self.init(
      exponents: RawBuffer(call.exponents), errors: RawBuffer(call.errors),
      dimension: RawBuffer(call.dimension), entropy: RawBuffer(call.entropy))
    count = call.count == 0 ? nil : try size(call.count, "count")
    warmUp = try size(call.warm_up, "warm_up")
    interval = call.interval == 0 ? 1 : try size(call.interval, "interval")
  }
}
