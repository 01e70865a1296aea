import CPlatform

/// softmax(x / temperature) over some of the largest logits x, without memory of its own: what is kept is what is above
/// a floor, and so many that are equal to it, the first ones.
struct Distribution {
  private let logits: Numbers
  private let temperature: Double
  private let top: Double
  private var floor = -Double.infinity
  private var ties = Int.max

  init(_ logits: Numbers, temperature: Double) {
    (self.logits, self.temperature, top) = (logits, temperature, logits.largest() + 0)
  }

  /// exp((x - top) / temperature).
  private func weight(_ x: Double) -> Double { exp((x - top) / temperature) }

  /// A walk over what is kept.
  private struct Walk {
    var place = -1
    var x = 0.0
    var left: Int
  }

  private var walk: Walk { Walk(left: ties) }

  /// Goes on; false at the end. What is added takes the sign from -0, and from what is too small to be normal.
  @inline(never)
  private func advance(_ walk: inout Walk) -> Bool {
    while walk.place + 1 < logits.count {
      walk.place += 1
      walk.x = logits[walk.place] + 0
      if walk.x > floor { return true }
      if walk.x == floor && walk.left > 0 {
        walk.left -= 1
        return true
      }
    }
    return false
  }

  /// What is kept from x = `bound` on: its number or its mass, the least and, below the bound, the greatest of it.
  @inline(never)
  private func measure(from bound: Double, byMass: Bool) -> (sum: Double, least: Double, below: Double) {
    var (walk, result) = (walk, (sum: 0.0, least: top, below: -Double.infinity))
    while advance(&walk) {
      if walk.x < bound {
        result.below = max(result.below, walk.x)
      } else {
        result.sum += byMass ? weight(walk.x) : 1
        result.least = min(result.least, walk.x)
      }
    }
    return result
  }

  func mass() -> Double { measure(from: -.infinity, byMass: true).sum }

  /// Keeps the fewest of the largest whose number, or mass, reaches `target`. The floor is found by bisection: masses
  /// are summed in one order, so that they grow with what is kept.
  @inline(never)
  mutating func keep(byMass: Bool, _ target: Double) {
    var (low, high, sum) = (measure(from: -.infinity, byMass: false).least, top, 0.0)
    while low < high {
      let found = measure(from: Self.between(low, high), byMass: byMass)
      if found.sum >= target { low = found.least } else { (high, sum) = (found.below, found.sum) }
    }
    // `sum` is that of all above the floor.
    let most = min(low == floor ? ties : .max, logits.count)
    (floor, ties) = (low, 0)
    repeat {
      ties += 1
      sum += byMass ? weight(low) : 1
    } while sum < target && ties < most
  }

  /// A number above `low`, up to `high`, halfway in the order of doubles.
  private static func between(_ low: Double, _ high: Double) -> Double {
    let (a, b) = (order(low), order(high))
    let bits = a &+ (b &- a &+ 1) / 2
    let middle = Double(bitPattern: bits >> 63 == 1 ? bits ^ 1 << 63 : ~bits)
    // What is too small to be normal counts as zero.
    return middle > low && middle < high ? middle : high
  }

  /// Unsigned numbers in the order of the doubles.
  private static func order(_ x: Double) -> UInt64 {
    x < 0 ? ~x.bitPattern : x.bitPattern ^ 1 << 63
  }

  /// The first at which the cumulated mass is more than `uniform` times the whole; the last of any, if rounding leaves
  /// none.
  func token(_ uniform: Double) -> Int {
    let bound = uniform * mass()
    var (walk, sum, token) = (walk, 0.0, 0)
    while sum <= bound && advance(&walk) {
      let weight = weight(walk.x)
      if weight > 0 { token = walk.place }
      sum += weight
    }
    return token
  }
}
