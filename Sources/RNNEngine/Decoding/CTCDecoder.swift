/// From logits to labels: the engine's form of `rnn_ctc_decoding`.
public struct CTCDecoder {
  public var dtype = DType.float32
  public var steps = 0
  public var rows = 0
  public var classes = 0
  public var blank = 0
  /// 0: the likeliest path.
  public var beams = 0

  public init() {}

  private func validate() throws(RNNError) {
    try Size.checkBatch(steps: steps, rows: rows)
    try Check.integer(classes, "classes", 1, Int(Int32.max))
    try Check.integer(blank, "blank", 0, classes - 1)
    try Check.integer(beams, "beam_width", 0, 1 << 20)
  }

  /// Writes labels [B, T], filled up with -1, their numbers [B] and, if asked, logarithms of probabilities [B].
  @export(interface) @inline(never)
  public func decode(
    _ logits: RawBuffer, lengths: RawBuffer, labels: RawBuffer, counts: RawBuffer, scores: RawBuffer
  ) throws(RNNError) {
    try validate()
    let numbers = try Numbers(logits, "logits", dtype, Shape(steps, rows, classes))
    let lengths = try Check.lengths(lengths, "lengths", rows: rows, 0, steps)
    let labels = try labels.checked("labels", .int64, Shape(rows, steps)).assumingMemoryBound(to: Int64.self)
    let counts = try counts.checked("label_lengths", .int64, Shape(rows)).assumingMemoryBound(to: Int64.self)
    if scores.isGiven { _ = try scores.checked("log_probabilities", .float64, Shape(rows)) }
    let search = try PrefixSearch(steps: steps, beams: max(beams, 1), classes: classes, blank: blank)
    for place in 0..<steps * rows where place / rows < Integers.length(lengths, place % rows, steps) {
      try numbers.part(place * classes, classes).checkDistribution(place)
    }
    for row in 0..<rows {
      search.begin()
      for t in 0..<Integers.length(lengths, row, steps) {
        search.read(numbers.part((t * rows + row) * classes, classes), isGreedy: beams == 0)
      }
      counts[row] = Int64(search.finish(View(start: labels + row * steps, count: steps)))
      scores.start?.storeBytes(of: search.score, toByteOffset: row * 8, as: Double.self)
    }
  }
}
