/// Which lane stands in which row. Active lanes fill the first rows without gaps, so that a step costs what they cost.
struct LaneTable {
  let count: Int
  private(set) var active: Int
  private let places: Buffer<Int>

  /// The last lanes are idle.
  init(count: Int, idle: Int) throws(RNNError) {
    if idle < 0 || idle > count {
      throw RNNError(.argument, "idle_lanes: expected 0 to \(count), got \(idle)")
    }
    (self.count, active, isWhole) = (count, count - idle, idle == 0)
    places = try Buffer(count: 2 * count)
    for lane in 0..<count {
      rowOfLane[lane] = lane < active ? lane : -1
      laneOfRow[lane] = lane
    }
  }

  private var rowOfLane: UnsafeMutablePointer<Int> { places.values.start }
  var laneOfRow: UnsafeMutablePointer<Int> { places.values.start + count }

  /// Whether the caller's rows are ours: every lane is active and stands in its own row.
  private(set) var isWhole: Bool

  @inline(__always)
  func lane(inRow row: Int) -> Int { laneOfRow[row] }

  func isActive(_ lane: Int) -> Bool { rowOfLane[lane] >= 0 }

  /// The row of an active lane.
  func row(of lane: Int) throws(Refusal) -> Int {
    try check(lane)
    let row = rowOfLane[lane]
    if row < 0 { throw Refusal(.argument, "lane: expected an active one, got \(lane), which is idle") }
    return row
  }

  func check(_ lane: Int) throws(Refusal) {
    if lane < 0 || lane >= count {
      throw Refusal(.argument, "lane: expected 0 to \(count - 1), got \(lane)")
    }
  }

  /// The row of a lane, which joins behind the others if it is idle.
  mutating func join(_ lane: Int) throws(Refusal) -> Int {
    try check(lane)
    if rowOfLane[lane] < 0 {
      place(lane, active)
      active += 1
      findWhetherWhole()
    }
    return rowOfLane[lane]
  }

  /// Takes a lane out. The last row is to be moved to where it stood.
  mutating func leave(_ lane: Int) throws(Refusal) -> (row: Int, last: Int) {
    let row = try row(of: lane)
    active -= 1
    place(laneOfRow[active], row)
    rowOfLane[lane] = -1
    isWhole = false
    return (row, active)
  }

  private func place(_ lane: Int, _ row: Int) {
    rowOfLane[lane] = row
    laneOfRow[row] = lane
  }

  private mutating func findWhetherWhole() {
    if active < count { return }
    isWhole = true
    for row in 0..<count where laneOfRow[row] != row { isWhole = false }
  }
}
