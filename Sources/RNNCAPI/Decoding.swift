import CRNN
import RNNEngine

// From logits to tokens and labels: section 11 of rnn.h.

@_cdecl("rnn_sample") @implementation
public func rnn_sample(
  _ sampling: UnsafePointer<rnn_sampling>?, _ logits: UnsafeRawPointer?, _ logitBytes: Int,
  _ random: UnsafeMutablePointer<rnn_random>?, _ tokens: UnsafeMutableRawPointer?, _ tokenBytes: Int
) -> rnn_status {
  boundary { () throws(RNNError) in
    let c = try Struct.readOptional(sampling, "sampling", rnn_sampling())
    let sampling = Sampling(
      dtype: try option(c.dtype.rawValue, "dtype", DType.self),
      tokenType: try integerType(c.token_type, "token_type"),
      rows: c.batch_size == 0 ? 1 : try size(c.batch_size, "batch_size"),
      temperature: c.temperature == 0 ? 1 : c.temperature == RNN_ZERO ? 0 : c.temperature,
      topK: try size(c.top_k, "top_k"), topP: c.top_p == 0 ? 1 : c.top_p)
    // The two structs are one.
    let places = UnsafeMutableRawPointer(random)?.assumingMemoryBound(to: RandomPlace.self)
    try sampling.draw(
      RawBuffer(logits, bytes: logitBytes), places, RawBuffer(tokens, bytes: tokenBytes))
  }
}

@_cdecl("rnn_ctc_decode") @implementation
public func rnn_ctc_decode(_ decoding: UnsafePointer<rnn_ctc_decoding>?) -> rnn_status {
  boundary { () throws(RNNError) in
    let c = try Struct.read(decoding, "decoding", rnn_ctc_decoding())
    var decoder = CTCDecoder()
    decoder.dtype = try option(c.dtype.rawValue, "dtype", DType.self)
    decoder.steps = try size(c.time_steps, "time_steps")
    decoder.rows = try size(c.batch_size, "batch_size")
    decoder.classes = try size(c.classes, "classes")
    decoder.blank = try size(c.blank, "blank")
    decoder.beams = try size(c.beam_width, "beam_width")
    try decoder.decode(
      RawBuffer(c.logits), lengths: RawBuffer(c.lengths), labels: RawBuffer(c.labels),
      counts: RawBuffer(c.label_lengths), scores: RawBuffer(c.log_probabilities))
  }
}
