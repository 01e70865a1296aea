import RNNKernels

/// How far an update moves each tensor: ‖Δw‖ and ‖w‖ before it.
final class UpdateFlow<S: Scalar> {
  /// One for each tensor.
  let updateNorms: Buffer<Double>
  let weightNorms: Buffer<Double>
  private let starts: [Int]
  /// Of each part of a range: Σ Δw² and Σ w².
  private let partials: Buffer<Double>
  /// Elements of a part, and room for them as they were.
  private static var part: Int { 1024 }
  private let before: Buffer<S>

  init(_ tensors: [NamedTensor]) throws(RNNError) {
    starts = tensors.map { $0.start }
    updateNorms = try Buffer(count: tensors.count)
    weightNorms = try Buffer(count: tensors.count)
    let largest = tensors.reduce(0) { max($0, $1.count) }
    partials = try Buffer(count: 2 * (largest / Self.part + 1))
    before = try Buffer(count: Self.part)
  }

  func clear() {
    updateNorms.values.clear()
    weightNorms.values.clear()
  }

  /// Whether a tensor begins at an element of flat parameters.
  func begins(at place: Int) -> Bool { starts[tensor(of: place)] == place }

  /// Runs `update` over the parts of a range within one tensor, and looks at what it moves while that is in the cache.
  func watch(_ parameters: View<S>, _ range: Range<Int>, _ update: (Range<Int>) -> Void) {
    let parts = (range.count + Self.part - 1) / Self.part
    ThreadPool.split(parts, work: Self.part / 16 * 48, scratch: before.values) { indices, before in
      for index in indices {
        let first = range.lowerBound + index * Self.part
        let values = parameters.part(first, min(Self.part, range.upperBound - first))
        View(start: before, count: values.count).copy(from: values.start)
        update(first..<first + values.count)
        partials.values[2 * index] = S.kernels.squaredDistance(values.start, before, count: values.count)
        partials.values[2 * index + 1] = S.kernels.sumOfSquares(
          before, count: values.count, limit: .infinity)
      }
    }
    let tensor = tensor(of: range.lowerBound)
    for index in 0..<parts {
      updateNorms.values[tensor] += partials.values[2 * index]
      weightNorms.values[tensor] += partials.values[2 * index + 1]
    }
  }

  /// From squares to norms.
  func finish() {
    for index in starts.indices {
      updateNorms.values[index] = updateNorms.values[index].squareRoot()
      weightNorms.values[index] = weightNorms.values[index].squareRoot()
    }
  }

  /// The last tensor that does not begin behind a place.
  private func tensor(of place: Int) -> Int {
    var (low, high) = (0, starts.count)
    while low + 1 < high {
      let middle = (low + high) / 2
      if starts[middle] <= place { low = middle } else { high = middle }
    }
    return low
  }
}
