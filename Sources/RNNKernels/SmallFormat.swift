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
  /// sums += W a for a group.
  static func add<let columns: Int>(
    _ group: UnsafeRawPointer, _ depth: Int, _ a: UnsafeRawPointer, _ scale: Float,
    to sums: UnsafeMutablePointer<Float>, _: Columns<columns>.Type)
}

/// A number of vectors, as a type.
enum Columns<let count: Int> {}

extension SmallFormat {
  typealias V = M.V
  @inline(__always)
  static var lanes: Int { V.scalarCount }
  @inline(__always)
  static var layout: SmallLayout { SmallLayout(format: format, lanes: lanes) }

  /// The same for all groups of a matrix, of up to 4 vectors each. One piece of code for all cells.
  @inline(never)
  static func add(
    _ groups: SmallGroups, _ depth: Int, _ a: UnsafeRawPointer, _ scale: Float,
    to sums: UnsafeMutablePointer<Float>, columns: Int
  ) {
    switch columns {
    case 1: add(groups, depth, a, scale, to: sums, each: Columns<1>.self)
    case 2: add(groups, depth, a, scale, to: sums, each: Columns<2>.self)
    case 3: add(groups, depth, a, scale, to: sums, each: Columns<3>.self)
    default: add(groups, depth, a, scale, to: sums, each: Columns<4>.self)
    }
  }

  @inline(__always)
  private static func add<let columns: Int>(
    _ groups: SmallGroups, _ depth: Int, _ a: UnsafeRawPointer, _ scale: Float,
    to sums: UnsafeMutablePointer<Float>, each _: Columns<columns>.Type
  ) {
    for index in 0..<groups.count {
      // To and fro: what was read last is still in the cache.
      let place = groups.isBackwards ? groups.count &- 1 &- index : index
      add(
        groups.start + place &* groups.stride, depth, a, scale, to: sums + place &* groups.sumStride,
        Columns<columns>.self)
    }
  }
}

/// Groups of a matrix, and how far apart they and their sums are.
struct SmallGroups {
  let start: UnsafeRawPointer
  let count: Int
  /// In bytes, and in numbers.
  let stride: Int
  let sumStride: Int
  var isBackwards = false
}
