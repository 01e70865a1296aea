import RNNKernels

/// A layer alone, whatever its numbers.
public protocol AnySingleLayer: AnyObject {
  func sizes(steps: Int, rows: Int) throws(RNNError) -> LayerSizes
  func initialize(_ parameters: RawBuffer, seed: UInt64) throws(RNNError)
  func forward(_ call: LayerCall) throws(RNNError)
  func backward(_ call: LayerCall) throws(RNNError)
}

@export(interface) @inline(never)
public func makeSingleLayer(
  _ description: LayerDescription, dtype: DType
) throws(RNNError) -> any AnySingleLayer {
  switch dtype {
  case .float32: return try SingleLayer<Float>(description)
  case .float64: return try SingleLayer<Double>(description)
  case .int32, .int64: throw RNNError(.dtype, "dtype: expected float32 or float64, got \(dtype.name)")
  }
}

/// Checks a call and runs it.
final class SingleLayer<S: Scalar>: AnySingleLayer {
  private let layer: any Layer<S>
  private let description: LayerDescription

  convenience init(_ description: LayerDescription) throws(RNNError) {
    try description.validate(description.kind.name)
    if description.isTied || description.addsInput {
      throw RNNError(.model, "Linear: tied, skip: expected 0 of a layer without a model, got 1")
    }
    self.init(description, try makeLayer(description, as: S.self))
  }

  private init(_ description: LayerDescription, _ layer: any Layer<S>) {
    (self.description, self.layer) = (description, layer)
  }

  func sizes(steps: Int, rows: Int) throws(RNNError) -> LayerSizes {
    try Size.checkBatch(steps: steps, rows: rows)
    let height = steps * rows
    let plan = try layer.plan(steps: steps, rows: rows, isTraining: true)
    let input = description.kind == .embedding ? 0 : try Size.product(height, description.inputSize)
    var workspace = Carver<S>()
    _ = try Scratch(&workspace, plan, input: input, rows: rows)
    let all = try Size.sum(
      layer.parameterCount, input, plan.output, plan.state, plan.reserve, workspace.used)
    _ = try Size.product(all, S.dtype.bytes)
    return LayerSizes(
      dtype: S.dtype, tensors: layer.tensors, parameters: layer.parameterCount, input: input,
      output: plan.output, state: plan.state, reserve: plan.reserve, workspace: workspace.used)
  }

  func initialize(_ parameters: RawBuffer, seed: UInt64) throws(RNNError) {
    let view = try parameters.view("parameters", Shape(layer.parameterCount), as: S.self)
    view.clear()
    try layer.initialize(view, generator: Philox(seed: seed, stream: 0))
  }

  func forward(_ call: LayerCall) throws(RNNError) {
    let pass = try Checked(self, call).pass
    layer.pack(pass.parameters, to: pass.packed)
    layer.forward(pass)
  }

  func backward(_ call: LayerCall) throws(RNNError) {
    let checked = try Checked(self, call)
    layer.backward(checked.pass, try checked.gradients())
  }

  /// The workspace: what the layer needs, and room for input and gradient with their padding cleared.
  private struct Scratch {
    var layer: View<S>
    var packed: View<S>
    var input: View<S>
    var gradient: View<S>
    /// One Int for each row, in as many numbers as hold it.
    var lengths: View<S>

    init(_ carver: inout Carver<S>, _ plan: LayerPlan, input: Int, rows: Int) throws(RNNError) {
      layer = try carver.take(plan.workspace)
      packed = try carver.take(plan.packed)
      self.input = try carver.take(input)
      gradient = try carver.take(plan.output)
      lengths = try carver.take(Size.product(rows, 8 / S.dtype.bytes))
    }
  }

  /// A call whose buffers have the right sizes.
  private struct Checked {
    let call: LayerCall
    let isLastStep: Bool
    let sizes: LayerSizes
    let scratch: Scratch
    let lengths: Lengths
    var pass: LayerPass<S>

    init(_ single: SingleLayer, _ call: LayerCall) throws(RNNError) {
      self.call = call
      isLastStep = single.description.lastStep
      sizes = try single.sizes(steps: call.steps, rows: call.rows)
      var carver = Carver(try call.workspace.view("workspace", Shape(sizes.workspace), as: S.self))
      let plan = try single.layer.plan(steps: call.steps, rows: call.rows, isTraining: true)
      scratch = try Scratch(&carver, plan, input: sizes.input, rows: call.rows)
      lengths = try Self.lengths(call, scratch, isLastStep: isLastStep)
      pass = LayerPass(
        steps: call.steps, rows: call.rows, lengths: lengths,
        parameters: try call.parameters.view("parameters", Shape(sizes.parameters), as: S.self),
        input: .features(View(start: nil, count: 0)),
        state: try Self.optional(call.state, "state", sizes.state),
        output: try call.output.view("output", Shape(sizes.output), as: S.self),
        stateOut: try Self.optional(call.stateOut, "state_out", sizes.state),
        reserve: try Self.reserve(call, sizes.reserve), workspace: scratch.layer,
        packed: scratch.packed, isTraining: true,
        dropout: call.isTraining
          ? Dropout(generator: Philox(seed: call.dropoutSeed, stream: 1 << 63), firstStep: 0) : nil)
      if let state = pass.state { try Check.noNaN(state, "state", Shape(1, 1, state.count)) }
      pass.input = try input(single.description)
    }

    private static func optional(_ buffer: RawBuffer, _ name: String, _ count: Int) throws(RNNError) -> View<
      S
    >? {
      buffer.isGiven ? try buffer.view(name, Shape(count), as: S.self) : nil
    }

    /// Layers that keep nothing need no reserve.
    private static func reserve(_ call: LayerCall, _ count: Int) throws(RNNError) -> View<S> {
      if count == 0 && !call.reserve.isGiven { return View(start: nil, count: 0) }
      return try call.reserve.view("reserve", Shape(count), as: S.self)
    }

    private static func lengths(
      _ call: LayerCall, _ scratch: Scratch, isLastStep: Bool
    ) throws(RNNError) -> Lengths {
      guard call.lengths.isGiven else { return Lengths(values: nil) }
      let given = try call.lengths.integers("lengths", .int64, Shape(call.rows))
      let start = UnsafeMutableRawPointer(scratch.lengths.start).bindMemory(to: Int.self, capacity: call.rows)
      for row in 0..<call.rows {
        guard given[row] >= (isLastStep ? 1 : 0), given[row] <= call.steps else {
          throw RNNError(
            .argument, "lengths[\(row)]: expected \(isLastStep ? 1 : 0) to \(call.steps), got \(given[row])")
        }
        start[row] = given[row]
      }
      return Lengths(values: View(start: start, count: call.rows))
    }

    private func input(_ description: LayerDescription) throws(RNNError) -> LayerInput<S> {
      let shape = Shape(call.steps, call.rows, description.inputSize)
      if description.kind == .embedding {
        let tokens = try call.input.integers("input", call.tokenType, Shape(call.steps, call.rows))
        try Check.range(tokens, "input", limit: description.inputSize, ignoring: nil) {
          lengths.isValid(step: $0 / call.rows, row: $0 % call.rows)
        }
        return .tokens(tokens)
      }
      let features = try call.input.view("input", shape, as: S.self)
      let given = call.lengths.isGiven ? try call.lengths.integers("lengths", .int64, Shape(call.rows)) : nil
      try Check.noNaN(features, "input", shape, lengths: given)
      return .features(clearingPadding(features, into: scratch.input, width: description.inputSize))
    }

    func gradients() throws(RNNError) -> LayerGradients<S> {
      let given = try call.gradOutput.view("grad_output", Shape(sizes.output), as: S.self)
      return LayerGradients(
        output: isLastStep
          ? given
          : clearingPadding(given, into: scratch.gradient, width: sizes.output / (call.steps * call.rows)),
        stateOut: try Self.optional(call.gradStateOut, "grad_state_out", sizes.state),
        input: try Self.optional(call.gradInput, "grad_input", sizes.input),
        state: try Self.optional(call.gradState, "grad_state", sizes.state),
        parameters: try call.gradParameters.view("grad_parameters", Shape(sizes.parameters), as: S.self))
    }

    /// With lengths, a copy in which padding is zero: it must not reach a matrix product.
    private func clearingPadding(_ values: View<S>, into copy: View<S>, width: Int) -> View<S> {
      guard lengths.values != nil else { return values }
      for position in 0..<call.steps * call.rows {
        let place = copy.part(position * width, width)
        if lengths.isValid(step: position / call.rows, row: position % call.rows) {
          place.copy(from: values.start + position * width)
        } else {
          place.clear()
        }
      }
      return copy
    }
  }
}
