/// A number and its derivative in one direction: x + x' ε, where ε² = 0. Clifford 1871. What is computed with duals is
/// differentiated on the way.
struct Dual {
  var value: Double
  var slope: Double

  init(_ value: Double, _ slope: Double = 0) { (self.value, self.slope) = (value, slope) }

  /// y = σ(a), from y and a'.
  static func sigmoid(_ y: Double, _ slope: Double) -> Dual { Dual(y, y * (1 - y) * slope) }

  /// y = tanh(a), from y and a'.
  static func tanh(_ y: Double, _ slope: Double) -> Dual { Dual(y, (1 - y * y) * slope) }

  static func + (x: Dual, y: Dual) -> Dual { Dual(x.value + y.value, x.slope + y.slope) }
  static func - (x: Dual, y: Dual) -> Dual { Dual(x.value - y.value, x.slope - y.slope) }
  static func - (x: Double, y: Dual) -> Dual { Dual(x - y.value, -y.slope) }
  static func * (x: Dual, y: Dual) -> Dual { Dual(x.value * y.value, x.slope * y.value + x.value * y.slope) }
}
