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

  /// The same for any number of vectors up to 4. One piece of code for all cells.
  @inline(never)
  static func add(
    _ group: UnsafeRawPointer, _ depth: Int, _ a: UnsafeRawPointer, _ scale: Float,
    to sums: UnsafeMutablePointer<Float>, columns: Int
  ) {
    switch columns {
    case 1: add(group, depth, a, scale, to: sums, Columns<1>.self)
    case 2: add(group, depth, a, scale, to: sums, Columns<2>.self)
    case 3: add(group, depth, a, scale, to: sums, Columns<3>.self)
    default: add(group, depth, a, scale, to: sums, Columns<4>.self)
    }
  }
}
