import RNNKernels

/// A model together with the memory to run it: planned once for a number of steps and rows, then reused.
/// It runs a stretch of consecutive steps at a time, which is how long sequences fit into bounded memory and
/// how the unfolded graph is cut.
final class Network<S: Scalar> {
  /// Held by whoever holds the network: a trainer, a stream, or the model itself.
  unowned(unsafe) let model: Model<S>
  let maximumSteps: Int
  let rows: Int
  private let isTraining: Bool
  private let memory: Buffer<S>
  private let places: Places
  private let lengths: Buffer<Int>
  private let losses: Buffer<Double>
  /// The version of the parameters that is packed for forward; nil: none.
  private var packedVersion: Int?

  /// Views into `memory`.
  private struct Places {
    /// The features of a stretch with its padding cleared.
    var input: View<S>
    var outputs: [View<S>] = []
    var reserves: [View<S>] = []
    var workspace: View<S>
    /// Weights of each layer as its kernels read them.
    var packed: [View<S>] = []
    /// Gradients of a layer's outputs and inputs, in turn.
    var gradients: [View<S>]
    /// State between stretches.
    var state: View<S>

    init(_ carver: inout Carver<S>, _ model: Model<S>, steps: Int, rows: Int, training: Bool) throws(RNNError)
    {
      input = try carver.take(model.takesTokens ? 0 : Size.product(steps, rows, model.inputSize))
      var (workspace, width) = (0, 0)
      for layer in model.layers {
        let plan = try layer.plan(steps: steps, rows: rows, isTraining: training)
        outputs.append(try carver.take(plan.output))
        reserves.append(try carver.take(plan.reserve))
        packed.append(try carver.take(plan.packed))
        workspace = max(workspace, plan.workspace)
        width = max(width, plan.output)
      }
      self.workspace = try carver.take(workspace)
      gradients = [try carver.take(training ? width : 0), try carver.take(training ? width : 0)]
      state = try carver.take(Size.product(rows, model.stateCountPerRow))
    }
  }

  init(_ model: Model<S>, maximumSteps: Int, rows: Int, training: Bool) throws(RNNError) {
    self.model = model
    (self.maximumSteps, self.rows, isTraining) = (maximumSteps, rows, training)
    var plan = Carver<S>()
    _ = try Places(&plan, model, steps: maximumSteps, rows: rows, training: training)
    memory = try Buffer(count: plan.used)
    var carver = Carver(memory.values)
    places = try Places(&carver, model, steps: maximumSteps, rows: rows, training: training)
    lengths = try Buffer(count: rows)
    losses = try Buffer(count: training ? (model.isLastStep ? rows : maximumSteps * rows) : 0)
  }

  /// One number for each row of outputs of a stretch.
  var rowLosses: View<Double> { losses.values }

  /// The state that the next stretch begins with.
  var state: View<S> { places.state }

  func begin(with state: View<S>?) {
    if places.state.isEmpty { return }
    if let state { places.state.copy(from: state.start) } else { places.state.clear() }
  }

  /// Where the gradient of a stretch's outputs belongs.
  func outputGradient(_ stretch: Range<Int>) -> View<S> {
    places.gradients[0].part(0, outputCount(stretch))
  }

  /// Runs the layers over a stretch, from `state` on, which is left as it was. Returns the last outputs,
  /// [steps, B, O] or [B, O].
  func forward(_ sequence: Sequence<S>, _ stretch: Range<Int>, stateOut: View<S>, dropout: Dropout?) -> View<
    S
  > {
    loadLengths(sequence, stretch)
    clearPadding(sequence, stretch)
    packParameters()
    for index in model.layers.indices {
      model.layers[index].forward(pass(index, sequence, stretch, stateOut: stateOut, dropout: dropout))
    }
    return output(model.layers.count - 1, sequence, stretch)
  }

  /// The way back over the stretch that `forward` has just run. Adds to the flat `gradient`. `stateGradient`, if it
  /// is given, is that of the state after the stretch and becomes that of the state before it.
  func backward(
    _ sequence: Sequence<S>, _ stretch: Range<Int>, gradient: View<S>, stateGradient: View<S>?,
    dropout: Dropout?, supervisor: Supervisor<S>
  ) {
    packedVersion = nil
    var (upper, lower) = (places.gradients[0], places.gradients[1])
    for index in model.layers.indices.reversed() {
      let pass = pass(index, sequence, stretch, stateOut: nil, dropout: dropout)
      let outputCount = gradientCount(index, stretch, supervisor)
      let inputCount = gradientCount(index - 1, stretch, supervisor)
      let gradients = LayerGradients(
        output: upper.part(0, outputCount), isOutputFinal: hasFinalGradient(index, supervisor),
        stateOut: stateGradient.flatMap { statePart(index, $0) },
        input: index == 0 ? nil : lower.part(0, inputCount),
        isInputFinal: hasFinalGradient(index - 1, supervisor),
        state: stateGradient.flatMap { statePart(index, $0) },
        parameters: model.layerPart(index, of: gradient),
        supervision: supervisor.forLayer(index, firstStep: stretch.lowerBound))
      if let activations = supervisor.activations, activations.layer == index {
        activations.add(
          pass.output, gradients.output, steps: pass.steps, rows: rows, lengths: pass.lengths)
      }
      model.layers[index].backward(pass, gradients)
      swap(&upper, &lower)
    }
  }

  /// Whether all that a layer hears from above is from a last-step head, and it can do with that.
  private func hasFinalGradient(_ index: Int, _ supervisor: Supervisor<S>) -> Bool {
    index >= 0 && supervisor.activations?.layer != index && index == model.layers.count - 2
      && model.isLastStep
      && model.layers[index].takesFinalGradient
  }

  /// Elements of the gradient of a layer's outputs.
  private func gradientCount(_ index: Int, _ stretch: Range<Int>, _ supervisor: Supervisor<S>) -> Int {
    if index < 0 { return 0 }
    if index == model.layers.count - 1 { return outputCount(stretch) }
    let places = hasFinalGradient(index, supervisor) ? rows : stretch.count * rows
    return places * model.descriptions[index].width
  }

  private func packParameters() {
    if packedVersion == model.version { return }
    for index in model.layers.indices {
      model.layers[index].pack(model.layerPart(index, of: model.parameters.values), to: places.packed[index])
    }
    packedVersion = model.version
  }

  // MARK: One layer's pass

  /// What a layer worked on in a stretch that `forward` has just run.
  func pass(_ index: Int, _ sequence: Sequence<S>, _ stretch: Range<Int>) -> LayerPass<S> {
    pass(index, sequence, stretch, stateOut: nil, dropout: nil)
  }

  private func pass(
    _ index: Int, _ sequence: Sequence<S>, _ stretch: Range<Int>, stateOut: View<S>?, dropout: Dropout?
  ) -> LayerPass<S> {
    LayerPass(
      steps: stretch.count, rows: rows,
      lengths: Lengths(values: sequence.lengths == nil ? nil : lengths.values),
      parameters: model.layerPart(index, of: model.parameters.values),
      input: index == 0 ? input(sequence, stretch) : .features(output(index - 1, sequence, stretch)),
      state: statePart(index, places.state), output: output(index, sequence, stretch),
      stateOut: stateOut.flatMap { statePart(index, $0) }, reserve: places.reserves[index],
      workspace: places.workspace, packed: places.packed[index], isTraining: isTraining,
      dropout: dropout?.forLayer(index), isBeginning: stretch.lowerBound == 0 && sequence.state == nil)
  }

  private func input(_ sequence: Sequence<S>, _ stretch: Range<Int>) -> LayerInput<S> {
    let count = stretch.count * rows
    switch sequence.input {
    case .tokens(let tokens): return .tokens(tokens.part(stretch.lowerBound * rows, count))
    case .features(let features):
      if sequence.lengths != nil { return .features(places.input.part(0, count * model.inputSize)) }
      return .features(features.part(stretch.lowerBound * rows * model.inputSize, count * model.inputSize))
    }
  }

  /// The last layer writes straight into the caller's output where that has every step.
  private func output(_ index: Int, _ sequence: Sequence<S>, _ stretch: Range<Int>) -> View<S> {
    let isLast = index == model.layers.count - 1
    let count = isLast ? outputCount(stretch) : stretch.count * rows * model.descriptions[index].width
    if isLast, !sequence.isLastStep, let output = sequence.output {
      return output.part(stretch.lowerBound * rows * model.outputSize, count)
    }
    return places.outputs[index].part(0, count)
  }

  private func outputCount(_ stretch: Range<Int>) -> Int {
    (model.isLastStep ? rows : stretch.count * rows) * model.outputSize
  }

  private func statePart(_ index: Int, _ state: View<S>) -> View<S>? {
    let end = index + 1 < model.layers.count ? model.stateStart[index + 1] : model.stateCountPerRow
    let count = end - model.stateStart[index]
    return count == 0 ? nil : state.part(model.stateStart[index] * rows, count * rows)
  }

  /// How much of each row's length falls into the stretch.
  private func loadLengths(_ sequence: Sequence<S>, _ stretch: Range<Int>) {
    for row in 0..<rows {
      lengths.values[row] = min(max(sequence.length(row) - stretch.lowerBound, 0), stretch.count)
    }
  }

  /// Whatever stands at padding, NaN too, must not reach a matrix product.
  private func clearPadding(_ sequence: Sequence<S>, _ stretch: Range<Int>) {
    guard sequence.lengths != nil, case .features(let features) = sequence.input else { return }
    let width = model.inputSize
    for position in 0..<stretch.count * rows {
      let place = places.input.part(position * width, width)
      if position / rows < lengths.values[position % rows] {
        place.copy(from: features.start + (stretch.lowerBound * rows + position) * width)
      } else {
        place.clear()
      }
    }
  }
}

extension Dropout {
  func forLayer(_ index: Int) -> Dropout {
    let stream = generator.stream &+ UInt64(index) << 16
    return Dropout(generator: Philox(seed: generator.seed, stream: stream), firstStep: firstStep)
  }
}
