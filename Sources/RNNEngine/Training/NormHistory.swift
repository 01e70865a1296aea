/// The norms of the last steps and their quantile: a threshold that follows the gradient. After Seetharaman et al. 2020,
/// "AutoClip", which keeps all norms.
struct NormHistory {
  /// In the order in which they came, the oldest first; and sorted.
  private(set) var norms: [Double] = []
  private var sorted: [Double] = []
  private let window: Int

  /// Fewer say nothing about a quantile.
  static var fewest: Int { 10 }

  init(window: Int) {
    self.window = window
    norms.reserveCapacity(window + 1)
    sorted.reserveCapacity(window + 1)
  }

  mutating func add(_ norm: Double) {
    norms.append(norm)
    sorted.insert(norm, at: place(of: norm))
    if norms.count > window { sorted.remove(at: place(of: norms.removeFirst())) }
  }

  /// Between neighbours by their distance, as numpy has it; nil while there are too few.
  func quantile(_ q: Double) -> Double? {
    guard sorted.count >= Self.fewest else { return nil }
    let position = q * Double(sorted.count - 1)
    let below = min(Int(position), sorted.count - 2)
    return sorted[below] + (position - Double(below)) * (sorted[below + 1] - sorted[below])
  }

  /// The first place whose number is not smaller.
  private func place(of norm: Double) -> Int {
    var (low, high) = (0, sorted.count)
    while low < high {
      let middle = (low + high) / 2
      if sorted[middle] < norm { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
