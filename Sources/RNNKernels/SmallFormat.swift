/// How small weights are.
public enum WeightFormat: Int, BitwiseCopyable, Sendable {
  /// Numbers of the model's own type.
  case own = 0
  case bfloat16 = 1
  /// Whole numbers from -127 to 127, times one number for each row of a matrix.
  case int8 = 2
}

/// Activations of one format, and products with weights that lie as `SmallLayout` says.
protocol SmallFormat<M> {
  associatedtype M: SmallMachine
  static var format: WeightFormat { get }

  /// Activations in the format, with zeros up to a whole step, and the number that they are to be multiplied by.
  static func store(_ x: UnsafePointer<Float>, _ depth: Int, to target: UnsafeMutableRawPointer) -> Float
  /// sums += W a for some groups beside one another.
  static func add<let columns: Int, let groups: Int>(
    _ start: UnsafeRawPointer, _ place: SmallGroups, _ a: Activations,
    to sums: UnsafeMutablePointer<Float>, _: Groups<columns, groups>.Type)
}

/// Some groups of some vectors each, as a type.
enum Groups<let columns: Int, let count: Int> {}

/// Activations as a format stores them.
struct Activations {
  let start: UnsafeRawPointer
  let depth: Int
  /// What they are to be multiplied by.
  let scale: Float

  @inline(__always)
  init<F: SmallFormat>(
    _ x: UnsafePointer<Float>, _ depth: Int, at memory: UnsafeMutableRawPointer, _: F.Type
  ) {
    scale = F.store(x, depth, to: memory)
    (start, self.depth) = (UnsafeRawPointer(memory), depth)
  }
}

/// Groups of a matrix, and how far apart they and their sums are.
struct SmallGroups {
  let start: UnsafeRawPointer
  let count: Int
  /// In bytes, and in numbers.
  let stride: Int
  let sumStride: Int
  /// To and fro: what was read last is still in the cache.
  var isBackwards = false
}

extension SmallFormat {
  typealias V = M.V
  @inline(__always)
  static var lanes: Int { V.scalarCount }
  @inline(__always)
  static var layout: SmallLayout { SmallLayout(format: format, lanes: lanes) }

  /// sums += W a for all groups of a matrix, of up to 4 vectors each. One piece of code for all cells.
  @inline(never)
  static func add(
    _ groups: SmallGroups, _ a: Activations, to sums: UnsafeMutablePointer<Float>, columns: Int
  ) {
    switch columns {
    case 1: add(groups, a, to: sums, pairs: 0, Groups<1, 1>.self, Groups<1, 1>.self)
    case 2: add(groups, a, to: sums, pairs: 0, Groups<2, 1>.self, Groups<2, 1>.self)
    case 3: add(groups, a, to: sums, pairs: pairs(groups), Groups<3, 1>.self, Groups<3, 2>.self)
    default: add(groups, a, to: sums, pairs: pairs(groups), Groups<4, 1>.self, Groups<4, 2>.self)
    }
  }

  /// Two groups at once have as many sums under way as a chain of operations is long.
  @inline(__always)
  private static func pairs(_ groups: SmallGroups) -> Int { M.isFused ? groups.count / 2 : 0 }

  @inline(__always)
  private static func add<let columns: Int, let two: Int>(
    _ groups: SmallGroups, _ a: Activations, to sums: UnsafeMutablePointer<Float>, pairs: Int,
    _ one: Groups<columns, 1>.Type, _ pair: Groups<columns, two>.Type
  ) {
    for index in 0..<pairs {
      let first = groups.isBackwards ? groups.count &- 2 &- 2 &* index : 2 &* index
      add(groups.start + first &* groups.stride, groups, a, to: sums + first &* groups.sumStride, pair)
    }
    for index in 2 &* pairs..<groups.count {
      let first = groups.isBackwards ? groups.count &- 1 &- index : index
      add(groups.start + first &* groups.stride, groups, a, to: sums + first &* groups.sumStride, one)
    }
  }
}
