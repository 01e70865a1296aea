import RNNKernels

extension Trajectory {
  /// ∂s_last/∂s_first of the states after two steps, -1 for the initial state, to `jacobian` [n, n]: row i has the
  /// derivatives of number i of the later state.
  func jacobian(from first: Int, to last: Int, _ jacobian: View<Double>) throws(RNNError) {
    let tangents = try Tangents(stages, count: stateSize)
    let values = tangents.values.values
    for j in 0..<stateSize { values[j * stateSize + j] = 1 }
    for t in 0..<max(first + 1, 0) { move(to: t) }
    for t in stride(from: first + 1, through: last, by: 1) { push(tangents, through: t) }
    try checkState(through: last)
    for i in 0..<stateSize {
      for j in 0..<stateSize { jacobian[i * stateSize + j] = values[j * stateSize + i] }
    }
    withExtendedLifetime(tangents) {}
  }
}
