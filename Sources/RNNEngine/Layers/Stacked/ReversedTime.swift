import RNNKernels

/// Time as the backward direction sees it: each sequence turned round by itself, its padding left where it is.
struct ReversedTime {
  let steps: Int
  let rows: Int
  let lengths: Lengths

  func length(_ row: Int) -> Int { lengths.values.map { $0[row] } ?? steps }

  /// The step whose values a step shows: at padding the last valid one.
  func last(_ step: Int, _ row: Int) -> Int { max(min(step, length(row) - 1), 0) }

  /// Where a valid step stands in the other time.
  func mirror(_ step: Int, _ row: Int) -> Int { max(length(row) - 1 - step, 0) }

  /// x [T, B, width] turned round; padding is zero.
  func turn<S: Scalar>(_ x: View<S>, to y: View<S>, width: Int) {
    ThreadPool.split(steps, work: rows * width / 4) { part in
      for t in part {
        for row in 0..<rows {
          let target = y.part((t * rows + row) * width, width)
          if t < length(row) {
            target.copy(from: x.start + (mirror(t, row) * rows + row) * width)
          } else {
            target.clear()
          }
        }
      }
    }
  }

  /// y += x turned back.
  func addTurned<S: Scalar>(_ x: View<S>, to y: View<S>, width: Int) {
    ThreadPool.split(steps, work: rows * width / 4) { part in
      for t in part {
        for row in 0..<rows where t < length(row) {
          S.kernels.add(
            x.start + (mirror(t, row) * rows + row) * width, to: y.start + (t * rows + row) * width,
            count: width)
        }
      }
    }
  }
}
