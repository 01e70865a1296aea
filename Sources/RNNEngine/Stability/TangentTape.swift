import RNNKernels

/// What the way back through tangents that are orthonormalised now and then must know of the way there.
final class TangentTape {
  /// Directions before each step and after the last, [T + 1, m, n].
  private let directions: Buffer<Double>
  /// R of the factors after each step, [T, m, m], and whether there were any.
  private let triangles: Buffer<Double>
  private var isFactored: [Bool]
  private let count: Int
  private let width: Int

  init(_ tangents: Tangents, steps: Int) throws(RNNError) {
    (count, width) = (tangents.count, tangents.values.values.count)
    directions = try Buffer(count: Size.product(Size.sum(steps, 1), width))
    triangles = try Buffer(count: Size.product(steps, count, count))
    isFactored = [Bool](repeating: false, count: steps)
  }

  func keep(_ tangents: Tangents, before t: Int) { self[t].copy(from: tangents.values.values.start) }

  /// Directions before step t.
  subscript(_ t: Int) -> View<Double> { directions.values.part(t * width, width) }

  /// Where R belongs.
  func makeTriangle(after t: Int) -> View<Double> {
    isFactored[t] = true
    return triangles.values.part(t * count * count, count * count)
  }

  /// nil: nothing was factored.
  func triangle(after t: Int) -> View<Double>? { isFactored[t] ? makeTriangle(after: t) : nil }
}
