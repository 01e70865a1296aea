/// Labels of whole sequences, [B, U], of which row b has `length(b)`.
struct LabelSequences {
  private let labels: Integers
  private let lengths: Integers?
  /// U.
  let longest: Int

  func length(_ row: Int) -> Int { Integers.length(lengths, row, longest) }

  subscript(_ row: Int) -> Integers { labels.part(row * longest, length(row)) }

  /// Checks the targets of a batch whose input has been checked.
  init(_ batch: Batch, classes: Int, blank: Int) throws(RNNError) {
    let (target, type) = (batch.target, batch.labelType)
    longest = target.bytes / (batch.rows * type.bytes)
    labels =
      target.bytes == 0
      ? Integers(base: UnsafeRawPointer(bitPattern: 8).unsafelyUnwrapped, isWide: true, count: 0)
      : try target.integers("target", type, Shape(batch.rows, longest))
    lengths = try Check.lengths(batch.targetLengths, "target_lengths", rows: batch.rows, 0, longest)
    for row in 0..<batch.rows {
      for place in 0..<length(row) { try Self.check(self[row][place], place, row, classes, blank) }
    }
  }

  private static func check(
    _ label: Int, _ place: Int, _ row: Int, _ classes: Int, _ blank: Int
  ) throws(RNNError) {
    if label >= 0 && label < classes && label != blank { return }
    throw RNNError(
      .argument,
      "target: expected labels from 0 to \(classes - 1) but for blank, \(blank), got \(label) at [\(row), \(place)]"
    )
  }
}
