import CPlatform

/// Connectionist temporal classification, Graves, Fernández, Gomez and Schmidhuber 2006: the loss of a sequence is
/// -log p of its labels l, summed over all paths that are l once repetitions, then blanks are taken out. A mean divides
/// it by the number of labels, at least 1, and is over the sequences: PyTorch's.
struct CTC {
  private let loss: Loss
  private let labels: LabelSequences
  private let memory: View<Double>
  /// Valid steps of each row; nil: all.
  private let lengths: Integers?
  /// Logits [T, B, O].
  private let outputs: Numbers
  private let gradient: Numbers?
  private let rows: Int
  private let steps: Int
  private let width: Int

  init<S: Scalar>(_ objective: Objective<S>, _ outputs: Numbers, _ gradient: Numbers?) {
    (loss, memory) = (objective.criterion.loss, objective.criterion.memory.values)
    labels = objective.criterion.labels.unsafelyUnwrapped
    (lengths, steps, rows) = (objective.sequence.lengths, objective.sequence.steps, objective.sequence.rows)
    (self.outputs, self.gradient, width) = (outputs, gradient, objective.width)
  }

  /// The loss of each sequence stands in the row of its last step, zeros elsewhere.
  @inline(never)
  func evaluate(_ rowLosses: View<Double>) {
    rowLosses.clear()
    let work = steps * (width + 64 * (1 + labels.longest))
    ThreadPool.split(rows, work: work, scratch: memory) { range, memory in
      for row in range { rowLosses[max(length(row) - 1, 0) * rows + row] = evaluate(row, memory) }
    }
  }

  private func length(_ row: Int) -> Int { Integers.length(lengths, row, steps) }

  private func part(_ numbers: Numbers, _ t: Int, _ row: Int) -> Numbers {
    numbers.part((t * rows + row) * width, width)
  }

  @inline(never)
  private func evaluate(_ row: Int, _ memory: UnsafeMutablePointer<Double>) -> Double {
    let lattice = CTCLattice(labels[row], steps: length(row), blank: loss.blank, memory)
    let weight = loss.reduction == .sum ? 1 : 1 / Double(rows * max(labels.length(row), 1))
    for t in 0..<lattice.steps {
      let logits = part(outputs, t, row)
      let partition = logits.partition()
      lattice.load(logits, step: t, partition: partition)
      guard let gradient else { continue }
      let target = part(gradient, t, row)
      for k in 0..<width { target[k] = weight * exp(partition.logProbability(logits[k])) }
    }
    let likelihood = lattice.forward()
    let isZero = likelihood == -.infinity && loss.zeroInfinity
    if let gradient {
      fill(gradient, row, from: lattice.steps, 0)
      if likelihood.isFinite {
        lattice.backward(likelihood)
        for t in 0..<lattice.steps { lattice.subtract(step: t, from: part(gradient, t, row), weight: weight) }
      } else {
        // The policy decides.
        fill(gradient, row, from: 0, isZero ? 0 : .nan)
      }
    }
    return isZero ? 0 : -weight * likelihood
  }

  private func fill(_ gradient: Numbers, _ row: Int, from first: Int, _ value: Double) {
    for t in first..<steps {
      let target = part(gradient, t, row)
      for k in 0..<width { target[k] = value }
    }
  }
}
