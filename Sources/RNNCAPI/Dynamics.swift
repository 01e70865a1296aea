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
      var numbers: [Double] = []
      for value in found.eigenvalues { numbers += [value.real, value.imaginary] }
      try RawBuffer(UnsafeMutableRawPointer(eigenvalues), bytes: bytes).write(numbers[...], "eigenvalues")
    }
    var result = rnn_spectrum()
    result.size = Int64(found.eigenvalues.count)
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
    let model = try RNNCAPI.model(model)
    let call = try Struct.read(lyapunov, "lyapunov", rnn_lyapunov())
    let batch = try Batch(Struct.read(batch, "batch", rnn_batch()))
    let options = try LyapunovOptions(call)
    let count = options.count ?? model.info.stateNumbersPerRow
    // Outputs are looked at first: the measurement may take long.
    try RawBuffer(call.exponents).check("exponents", [batch.rows, count], isOptional: false)
    try RawBuffer(call.errors).check("errors", [batch.rows, count], isOptional: true)
    try RawBuffer(call.dimension).check("dimension", [batch.rows], isOptional: true)
    try RawBuffer(call.entropy).check("entropy", [batch.rows], isOptional: true)
    let spectra = try model.lyapunov(batch, options)
    try RawBuffer(call.exponents).write(spectra.flatMap { $0.exponents }[...], "exponents")
    try RawBuffer(call.errors).writeIfGiven(spectra.flatMap { $0.errors }, "errors")
    try RawBuffer(call.dimension).writeIfGiven(spectra.map { $0.dimension }, "dimension")
    try RawBuffer(call.entropy).writeIfGiven(spectra.map { $0.entropy }, "entropy")
  }
}

extension RawBuffer {
  fileprivate func writeIfGiven(_ numbers: [Double], _ name: String) throws(RNNError) {
    if isGiven { try write(numbers[...], name) }
  }
}

extension LyapunovOptions {
  init(_ call: rnn_lyapunov) throws(RNNError) {
    self.init()
    count = call.count == 0 ? nil : try size(call.count, "count")
    warmUp = try size(call.warm_up, "warm_up")
    interval = call.interval == 0 ? 1 : try size(call.interval, "interval")
  }
}
