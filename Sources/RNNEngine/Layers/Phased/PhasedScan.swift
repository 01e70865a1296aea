import CPlatform
import RNNKernels

/// A scan over T, of cells whose activations see x alone, where rows are too few for the threads: they share the steps.
///
/// Every part of the block is walked at the same time, from the state that the block begins with: true of the first
/// part, a guess for others. Then, part after part, the true state is carried in, as long as that changes any bit. States
/// forget, so that few steps are walked again; and if they do not, what is walked again has no products and no
/// activations. The result has the bits of a walk step by step, in however many parts.
extension PhasedLayer {
  /// Steps in parts of about the same size.
  struct ScanParts {
    let steps: Range<Int>
    let count: Int

    subscript(part: Int) -> Range<Int> {
      steps.lowerBound + part * steps.count / count..<steps.lowerBound + (part + 1) * steps.count / count
    }
  }

  /// nil: there are at least as many rows to be shared, or nothing to be scanned.
  func scanParts(_ steps: Range<Int>, _ context: Context) -> ScanParts? {
    let rows = context.pass.rows
    guard form.isScanned && steps.lowerBound >= 0 else { return nil }
    // Of fewer steps most would be walked again.
    let parts = ThreadPool.parts(of: steps.count / 32, work: 32 &* rows &* rowWork)
    return rows == 1 || parts > rows ? ScanParts(steps: steps, count: parts) : nil
  }

  /// Runs `body(steps, scratch)` for all parts.
  private func forEachPart(
    _ parts: ScanParts, _ context: Context, _ body: (_ steps: Range<Int>, UnsafeMutablePointer<S>) -> Void
  ) {
    let work = parts[0].count &* context.pass.rows &* rowWork
    ThreadPool.split(parts.count, work: work, scratch: context.scratch.product.part(0, Blocking.tile)) {
      range, scratch in
      for part in range { body(parts[part], scratch) }
    }
  }

  /// Does a step again. Returns whether that has changed what it leaves.
  private func changes(_ left: UnsafeMutablePointer<S>, _ context: Context, _ step: () -> Void) -> Bool {
    let old = context.scratch.old
    old.copy(from: left)
    step()
    return memcmp(old.start, left, old.count * MemoryLayout<S>.stride) != 0
  }

  // MARK: Forward

  func scan(_ parts: ScanParts, _ parameters: CellParameters<S>, _ context: Context) {
    let start = context.numbers(parts.steps.lowerBound, 0).previousOutput
    forEachPart(parts, context) { steps, scratch in
      var first = context.steps(steps.prefix(1), parameters, scratch)
      first.numbers.previousOutput = start
      S.kernels.forward(&first, code)
      var others = context.steps(steps.dropFirst(), parameters, scratch)
      S.kernels.forward(&others, code)
    }
    for part in 1..<parts.count {
      for t in parts[part] {
        var step = context.steps(t..<t + 1, parameters, context.scratch.product.start)
        if !changes(step.numbers.output, context, { S.kernels.end(&step, code) }) { break }
      }
    }
  }

  // MARK: Backward

  /// First what goes to h_{t-1}, which is a scan; then gradients of sums, which do not depend on one another.
  func scanBack(_ parts: ScanParts, _ back: StepsBack) {
    let (context, first) = (back.context, back.steps.lowerBound)
    forEachPart(parts, context) { steps, scratch in
      var later = context.scratch.gradOutput.start
      for t in steps.reversed() {
        carryBack(t, from: later, back, scratch)
        later = context.carried(t - first)
      }
    }
    for part in (0..<parts.count - 1).reversed() {
      for t in parts[part].reversed() {
        let isChanged = changes(context.carried(t - first), context) {
          carryBack(t, from: context.carried(t + 1 - first), back, context.scratch.product.start)
        }
        if !isChanged { break }
      }
    }
    context.scratch.gradOutput.copy(from: context.carried(0))
    setSums(parts, back)
  }

  /// ∂L/∂h_t, and what of it goes to h_{t-1}.
  private func carryBack(
    _ t: Int, from later: UnsafeMutablePointer<S>, _ back: StepsBack, _ scratch: UnsafeMutablePointer<S>
  ) {
    let context = back.context
    var gradients = context.scanGradients(t, back)
    memcpy(gradients.output, later, context.outputWidth * MemoryLayout<S>.stride)
    var step = hear(t, 0..<context.pass.rows, &gradients, back, scratch)
    S.kernels.backwardEnd(&step, gradients, code)
  }

  private func setSums(_ parts: ScanParts, _ back: StepsBack) {
    // What is summed up row by row has an order.
    if options.isNormalized {
      let scratch = back.context.scratch.product.start
      for t in back.steps.reversed() { setSums(t..<t + 1, back, scratch) }
      return
    }
    forEachPart(parts, back.context) { steps, scratch in
      setSums(steps.prefix(1), back, scratch)
      setSums(steps.dropFirst(), back, scratch)
    }
  }

  /// ∂L/∂v_t of some steps, of which only the first may be that without an output before it.
  private func setSums(_ steps: Range<Int>, _ back: StepsBack, _ scratch: UnsafeMutablePointer<S>) {
    let context = back.context
    var step = context.steps(steps, back.parameters, scratch, isBackward: true)
    S.kernels.backwardBegin(&step, context.scanGradients(steps.lowerBound, back), code)
  }
}

extension PhasedLayer.Context {
  /// All rows of some steps, as rows of one: those before the first step's lie elsewhere if it begins the sequences.
  fileprivate func steps(
    _ steps: Range<Int>, _ parameters: CellParameters<S>, _ scratch: UnsafeMutablePointer<S>,
    isBackward: Bool = false
  ) -> PhasedStep<S> {
    var step = step(steps.lowerBound, 0..<pass.rows, parameters, scratch, isBackward: isBackward)
    step.rows = steps.count * pass.rows
    return step
  }

  /// What goes to h_{t-1} past W_hh, of a step of a block.
  fileprivate func carried(_ index: Int) -> UnsafeMutablePointer<S> {
    scratch.carried.start + index * outputWidth
  }

  /// Those of a step that keeps its own.
  fileprivate func scanGradients(_ t: Int, _ back: PhasedLayer.StepsBack) -> CellGradients<S> {
    let index = t - back.steps.lowerBound
    var gradients = gradients(t, 0..<pass.rows)
    gradients.output = carried(index)
    gradients.made += index * pass.rows * layer.size
    return gradients
  }
}
