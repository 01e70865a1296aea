import RNNKernels

/// The weights of a level as its steps read them, in one piece of memory: matrices packed, vectors behind them. A stream
/// has its own; training adds what goes the other way.
struct PhasedWeights<S: Scalar> {
  private let layer: PhasedLayer<S>
  private let input: View<S>
  private let hidden: View<S>
  private let candidate: View<S>
  private let projection: View<S>
  /// b_ih and b_hh, peepholes, γ of v, u and c, β of c.
  private var vectors: InlineArray<7, View<S>>
  private let hiddenBack: View<S>
  private let candidateBack: View<S>
  private let projectionBack: View<S>

  /// Which tensors these are.
  private static func vectorParts(_ parts: PhasedParts) -> InlineArray<7, Int?> {
    [
      parts.inputBias, parts.hiddenBias, parts.peepholes, parts.inputScale, parts.hiddenScale,
      parts.cellScale,
      parts.cellShift,
    ]
  }

  init(_ carver: inout Carver<S>, _ layer: PhasedLayer<S>, goesBack: Bool) throws(RNNError) {
    self.layer = layer
    let (size, output, gates) = (layer.size, layer.outputSize, layer.directGates * layer.size)
    func take(_ depth: Int, _ columns: Int, if wanted: Bool = true) throws(RNNError) -> View<S> {
      try carver.take(wanted ? S.kernels.packedProductCount(depth: depth, columns: columns) : 0)
    }
    let (hasReset, hasProjection) = (layer.form.hidden == .reset, layer.options.projection > 0)
    input = try take(layer.sizes.input, layer.gateWidth)
    hidden = try take(output, gates, if: layer.hasHidden)
    candidate = try take(size, size, if: hasReset)
    projection = try take(size, output, if: hasProjection)
    let parts = Self.vectorParts(layer.parts)
    vectors = InlineArray(repeating: View(start: nil, count: 0))
    for index in 0..<7 {
      vectors[index] = try carver.take(parts[index].map { layer.tensors[$0].count } ?? 0)
    }
    hiddenBack = try take(gates, output, if: layer.hasHidden && goesBack)
    candidateBack = try take(size, size, if: hasReset && goesBack)
    projectionBack = try take(output, size, if: hasProjection && goesBack)
  }

  // MARK: Packing

  func pack(_ parameters: View<S>) {
    packMatrix(matrix(PhasedParts.inputWeight, of: parameters).transposed, to: input)
    if layer.hasHidden { packMatrix(direct(parameters).transposed, to: hidden) }
    if layer.form.hidden == .reset { packMatrix(last(parameters).transposed, to: candidate) }
    if let part = layer.parts.projection {
      packMatrix(matrix(part, of: parameters).transposed, to: projection)
    }
    packVectors(parameters)
  }

  private func packVectors(_ parameters: View<S>) {
    let parts = Self.vectorParts(layer.parts)
    for index in 0..<7 {
      if let part = parts[index] { vectors[index].copy(from: layer.tensor(part, of: parameters).start) }
    }
  }

  /// All that the way back reads: what `pack` has written need not be there any more.
  func packBackward(_ parameters: View<S>) {
    packVectors(parameters)
    if layer.hasHidden { packMatrix(direct(parameters), to: hiddenBack) }
    if layer.form.hidden == .reset { packMatrix(last(parameters), to: candidateBack) }
    if let part = layer.parts.projection { packMatrix(matrix(part, of: parameters), to: projectionBack) }
  }

  /// A whole tensor as a matrix.
  private func matrix(_ part: Int, of parameters: View<S>) -> Matrix<S> {
    let shape = layer.tensors[part].shape
    return Matrix(layer.tensor(part, of: parameters), rows: shape[0], columns: shape[1])
  }

  private func direct(_ parameters: View<S>) -> Matrix<S> { layer.directWeight(parameters) }
  private func last(_ parameters: View<S>) -> Matrix<S> { layer.lastWeight(parameters) }

  // MARK: Reading

  /// For steps forward. `multipliesInput`: those of a stream, which have x.
  func forward(multipliesInput: Bool) -> CellParameters<S> {
    var result = common
    if multipliesInput { result.input = pointer(input) }
    (result.hidden, result.candidate) = (pointer(hidden), pointer(candidate))
    result.projection = pointer(projection)
    return result
  }

  var backward: CellParameters<S> {
    var result = common
    (result.hidden, result.candidate) = (pointer(hiddenBack), pointer(candidateBack))
    result.projection = pointer(projectionBack)
    return result
  }

  private var common: CellParameters<S> {
    var result = CellParameters<S>()
    (result.inputBias, result.hiddenBias) = (pointer(vectors[0]), pointer(vectors[1]))
    (result.peepholes, result.inputScale) = (pointer(vectors[2]), pointer(vectors[3]))
    (result.hiddenScale, result.cellScale) = (pointer(vectors[4]), pointer(vectors[5]))
    result.cellShift = pointer(vectors[6])
    return result
  }

  /// W_ih packed, and b_ih.
  var packedInput: View<S> { input }
  var inputBias: View<S> { vectors[0] }

  private func pointer(_ view: View<S>) -> UnsafePointer<S>? {
    view.isEmpty ? nil : UnsafePointer(view.start)
  }
}

extension PhasedLayer {
  /// Elements that the weights take, with those of the way back or without.
  func weightCount(goesBack: Bool) throws(RNNError) -> Int {
    var carver = Carver<S>()
    _ = try PhasedWeights(&carver, self, goesBack: goesBack)
    return carver.used
  }

  /// The weights in a piece of memory that has been planned for them; nil only if sizes overflow, which `plan` excludes.
  func weights(in memory: View<S>, goesBack: Bool) -> PhasedWeights<S>? {
    var carver = Carver(memory)
    return try? PhasedWeights(&carver, self, goesBack: goesBack)
  }

  /// The rows of W_hh, or of its gradient, that see h_{t-1}, and those that see s.
  func directWeight(_ flat: View<S>) -> Matrix<S> {
    Matrix(hiddenPart(flat, 0, directGates), rows: directGates * size, columns: outputSize)
  }

  func lastWeight(_ flat: View<S>) -> Matrix<S> {
    Matrix(hiddenPart(flat, form.gateCount - 1, 1), rows: size, columns: size)
  }

  private func hiddenPart(_ flat: View<S>, _ first: Int, _ count: Int) -> View<S> {
    let whole = tensor(parts.hiddenWeight ?? 0, of: flat)
    return whole.part(first * size * outputSize, count * size * outputSize)
  }

  // MARK: In a pass

  func pack(_ parameters: View<S>, to packed: View<S>) {
    weights(in: packed, goesBack: true)?.pack(parameters)
  }
}
