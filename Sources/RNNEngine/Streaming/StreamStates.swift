import CPlatform
import RNNKernels

// The states of a stream's lanes: out, in, from lane to lane.

extension Stream {
  public func reset() {
    for row in 0..<lanes.active { clear(row) }
  }

  /// All lanes as a model's forward pass takes and gives them: of each part [L, B, H].
  public func getState(_ state: RawBuffer) throws(Refusal) {
    guard let start = try signature.checkedState(state) else { return }
    View(start: start, count: lanes.count &* signature.stateCount).clear()
    for row in 0..<lanes.active {
      memory.forEachPart(row) { own, offset, width in
        let place = start + self.offset(offset, width, row)
        View(start: place, count: width).copy(from: own)
      }
    }
  }

  public func setState(_ state: RawBuffer) throws(Refusal) {
    guard let start = try signature.checkedState(state) else { return }
    for row in 0..<lanes.active {
      try memory.forEachPart(row) { (_, offset, width) throws(Refusal) in
        try signature.checkState(start + self.offset(offset, width, row), width)
      }
    }
    for row in 0..<lanes.active {
      memory.forEachPart(row) { own, offset, width in
        View(start: own, count: width).copy(
          from: start + self.offset(offset, width, row))
      }
    }
  }

  public func exportState(lane: Int, to bytes: RawBuffer) throws(Refusal) {
    let row = try lanes.row(of: lane)
    let target = try StateBytes(bytes, signature)
    target.writeHeader(signature)
    memory.forEachPart(row) { own, offset, width in target.write(own, offset, width) }
  }

  public func importState(lane: Int, from bytes: RawBuffer) throws(Refusal) {
    try lanes.check(lane)
    if bytes.start == nil && bytes.bytes == 0 { return clear(try lanes.join(lane)) }
    let source = try StateBytes(bytes, signature)
    try source.check(signature)
    memory.forEachPart(try lanes.join(lane)) { own, offset, width in source.read(own, offset, width) }
  }

  /// From a lane of this stream to a lane of another, or of this one.
  public func copyState(lane: Int, to other: Stream<S>, lane otherLane: Int) throws(Refusal) {
    let row = try lanes.row(of: lane)
    if !signature.hasLayers(of: other.signature) {
      throw Refusal(.model, "other: expected a stream of a model with these layers, got one with others")
    }
    let otherRow = try other.lanes.join(otherLane)
    if other === self && row == otherRow { return }
    memory.copyRow(row, to: other.memory, otherRow)
  }

  /// The last row takes the place of the one that becomes free.
  public func leave(lane: Int) throws(Refusal) {
    let (row, last) = try lanes.leave(lane)
    if row != last { memory.copyRow(last, to: memory, row) }
  }

  /// Where a row's numbers stand in the states of all lanes.
  private func offset(_ part: Int, _ width: Int, _ row: Int) -> Int {
    part &* lanes.count &+ lanes.lane(inRow: row) &* width
  }

  private func clear(_ row: Int) {
    memory.begin(row: row)
  }
}
