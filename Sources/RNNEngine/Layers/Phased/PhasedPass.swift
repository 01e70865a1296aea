import RNNKernels

extension PhasedLayer {
  func plan(steps: Int, rows: Int, isTraining: Bool) throws(RNNError) -> LayerPlan {
    let height = try Size.product(steps, rows)
    var (reserve, workspace) = (Carver<S>(), Carver<S>())
    _ = try PhasedReserve(&reserve, self, steps: steps, rows: rows, isTraining: isTraining)
    _ = try PhasedScratch(&workspace, self, height: height, rows: rows, isTraining: isTraining)
    return LayerPlan(
      output: try Size.product(height, outputSize),
      state: try Size.product(rows, Size.sum(outputSize, hasCell ? size : 0)), reserve: reserve.used,
      workspace: workspace.used, packed: try weightCount(goesBack: true))
  }

  func forward(_ pass: LayerPass<S>) {
    guard let context = Context(self, pass) else { return }
    if let dropout = pass.dropout { drawMasks(dropout, context) }
    context.loadInitialState()
    let parameters = context.weights.forward(multipliesInput: false)
    for index in 0..<pass.blockCount {
      let steps = pass.block(index)
      project(steps, context)
      walk(steps, parameters, context)
    }
    context.storeFinalState()
  }

  /// For the steps of a block: v_t = W_ih x_t + b_ih. Where sums are normalised, b_ih is added after that.
  private func project(_ steps: Range<Int>, _ context: Context) {
    let weight = Matrix(
      tensor(PhasedParts.inputWeight, of: context.pass.parameters), rows: gateWidth, columns: sizes.input)
    matmul(
      context.matrix(context.input, sizes.input, steps), weight.transposed,
      packed: context.weights.packedInput, into: context.inner(steps),
      from: options.isNormalized ? .zero : .row(context.weights.inputBias), scratch: context.scratch.product)
  }

  /// Those of one pass, by counter: the way back finds them where forward has left them.
  private func drawMasks(_ dropout: Dropout, _ context: Context) {
    let (reserve, rows) = (context.reserve, context.pass.rows)
    dropout.fillZones(
      reserve.outputZone.all, rows: rows, width: outputSize, probability: options.zoneout, site: MaskSite.zone
    )
    dropout.fillZones(
      reserve.cellZone.all, rows: rows, width: size, probability: options.cellZoneout, site: MaskSite.cellZone
    )
    dropout.fillMask(reserve.mask, probability: options.recurrentDropout, site: MaskSite.recurrent)
  }

  // MARK: Backpropagation through time

  func backward(_ pass: LayerPass<S>, _ gradients: LayerGradients<S>) {
    guard let context = Context(self, pass) else { return }
    context.loadFinalGradient(gradients.stateOut)
    context.loadInitialState()
    context.weights.packBackward(pass.parameters)
    context.scratch.sums.clearIfAny()
    let supervision = gradients.supervision
    for index in (0..<pass.blockCount).reversed() {
      let steps = pass.block(index)
      if let flow = supervision.flow, flow.recordsActivations { recordActivations(steps, flow, context) }
      walkBack(StepsBack(steps, gradients.output, supervision, context))
      if let flow = supervision.flow { recordGradients(steps, flow, context) }
      accumulate(steps, gradients, context)
      guard let gradInput = gradients.input else { continue }
      // dx_t = W_ihᵀ dv_t
      let weight = Matrix(
        tensor(PhasedParts.inputWeight, of: pass.parameters), rows: gateWidth, columns: sizes.input)
      matmul(
        context.inner(steps), weight, into: context.matrix(gradInput, sizes.input, steps),
        scratch: context.scratch.product)
    }
    // ∂L/∂h_0
    if gradients.state != nil { walkBack(StepsBack(-1..<0, gradients.output, supervision, context)) }
    context.storeInitialGradient(gradients.state)
  }

  // MARK: Parameters

  /// The shared weights take part in every step: their gradients are sums over all of them.
  private func accumulate(_ steps: Range<Int>, _ gradients: LayerGradients<S>, _ context: Context) {
    let (flat, product) = (gradients.parameters, context.scratch.product)
    // dW_ih += Σ_t dv_t x_tᵀ
    matmul(
      context.inner(steps).transposed, context.matrix(context.input, sizes.input, steps),
      into: Matrix(tensor(PhasedParts.inputWeight, of: flat), rows: gateWidth, columns: sizes.input),
      from: .current, scratch: product)
    if hasHidden {
      // dW_hh += Σ_t du_t h_{t-1}ᵀ; of a gate that sees s, Σ_t du_t s_tᵀ
      matmul(
        context.hidden(steps, gates: 0..<directGates).transposed, context.operands(steps),
        into: directWeight(flat), from: .current, scratch: product)
    }
    if form.hidden == .reset {
      matmul(
        context.hidden(steps, gates: directGates..<form.gateCount).transposed,
        context.reserve.reset.matrix(steps), into: lastWeight(flat), from: .current, scratch: product)
    }
    if let part = parts.projection {
      // dW_hr += Σ_t dh_t m_tᵀ
      matmul(
        context.reserve.projected.matrix(steps).transposed, context.reserve.made.matrix(steps),
        into: Matrix(tensor(part, of: flat), rows: outputSize, columns: size), from: .current,
        scratch: product)
    }
    addVectors(steps, flat, context)
  }

  /// Biases are sums over the steps; what else has no matrix has been summed up row by row.
  private func addVectors(_ steps: Range<Int>, _ flat: View<S>, _ context: Context) {
    if !options.isNormalized {
      addSums(of: context.inner(steps), to: tensor(parts.inputBias, of: flat), context)
      if let part = parts.hiddenBias {
        addSums(of: context.hidden(steps, gates: 0..<form.gateCount), to: tensor(part, of: flat), context)
      }
    }
    let places = sums
    guard places.count > 0 else { return }
    func add(_ place: Int, _ part: Int?) {
      guard let part else { return }
      let (target, rows) = (tensor(part, of: flat), context.pass.rows)
      let values = context.scratch.sums.part(place, (rows - 1) * places.count + target.count)
      addSums(
        of: Matrix(values, rows: rows, columns: target.count, stride: places.count), to: target, context)
    }
    add(0, parts.peepholes)
    if options.isNormalized {
      add(places.inputScale, parts.inputScale)
      add(places.inputBias, parts.inputBias)
      add(places.hiddenScale, parts.hiddenScale)
      add(places.hiddenBias, parts.hiddenBias)
      add(places.cellScale, parts.cellScale)
      add(places.cellShift, parts.cellShift)
    }
    context.scratch.sums.clear()
  }

  /// target += Σ_rows, the sum of the block first.
  private func addSums(of matrix: Matrix<S>, to target: View<S>, _ context: Context) {
    let sums = context.scratch.gateRow.part(0, target.count)
    sums.clear()
    addColumnSums(matrix, to: sums.start)
    S.kernels.add(sums.start, to: target.start, count: target.count)
  }
}

extension UnsafeMutableBufferPointer where Element: BitwiseCopyable {
  /// An empty view has no place.
  func clearIfAny() { if !isEmpty { clear() } }
}
