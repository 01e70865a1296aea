import RNNKernels

/// What the last observed step saw, by itself: other steps leave it alone. Its memory is planned before the step.
final class Observation<S: Scalar> {
  let levels: [LevelObservation]
  /// ‖g‖ of each tensor, before clipping.
  let gradientNorms: Buffer<Double>
  let updates: UpdateFlow<S>

  init(_ flow: GradientFlow<S>, _ tensors: [NamedTensor]) throws(RNNError) {
    var levels: [LevelObservation] = []
    for record in flow.records {
      levels.append(
        try LevelObservation(
          layer: record.layer, level: record.k, record.form, steps: record.steps))
    }
    self.levels = levels
    gradientNorms = try Buffer(count: tensors.count)
    updates = try UpdateFlow(tensors)
  }

  /// After the way back, before the update.
  func take(_ flow: GradientFlow<S>, _ norms: View<Double>) {
    for (record, level) in zip(flow.records, levels) {
      FlowSummary.write(record, lengths: flow.lengths.values, stretch: flow.stretch, to: level)
    }
    gradientNorms.values.copy(from: norms.start)
    updates.clear()
  }
}

extension Trainer {
  /// Where a gradient that is not finite began: `flow` has just seen all of it. On the way forward a layer at a time and
  /// each from the first step on, then the loss, then the way back in reverse.
  func origin(_ flow: GradientFlow<S>, _ gradientNorms: View<Double>) -> NonFiniteOrigin {
    for record in flow.records {
      for step in 0..<record.steps where !record.statistics(step)[0].isFinite {
        return origin(.activation, record, step, gradientNorms)
      }
    }
    let last = model.tensors.indices.last { !gradientNorms[$0].isFinite } ?? model.tensors.count - 1
    if let step = badLossStep {
      return NonFiniteOrigin(kind: .loss, step: step, tensor: model.tensors[last].name)
    }
    for record in flow.records.reversed() {
      for step in (0..<record.steps).reversed() {
        for row in 0..<record.rows where !record.output[step * record.rows + row].isFinite {
          return origin(.stateGradient, record, step, gradientNorms)
        }
      }
    }
    return NonFiniteOrigin(kind: .tensorGradient, tensor: model.tensors[last].name)
  }

  /// The tensor is W_hh of the stacked layer, if its gradient is not finite, else the last of all with such a gradient.
  private func origin(
    _ kind: NonFiniteOrigin.Kind, _ record: FlowRecord<S>, _ step: Int, _ gradientNorms: View<Double>
  ) -> NonFiniteOrigin {
    let hidden = levelTensors[record.index]
    let tensor =
      gradientNorms[hidden].isFinite ? gradientNorms.indices.last { !gradientNorms[$0].isFinite } : hidden
    return NonFiniteOrigin(
      kind: kind, layer: record.layer, level: record.k, step: step,
      tensor: model.tensors[tensor ?? hidden].name)
  }
}

extension NonFiniteOrigin {
  /// "the activations of layer 1, stacked layer 0, at step 17, tensor 1.weight_hh_l0".
  var place: String {
    let place = text("layer \(layer), stacked layer \(level), at step \(step), tensor \(tensor)")
    switch kind {
    case .activation: return text("the activations of \(place)")
    case .loss: return text("the loss at step \(step), tensor \(tensor)")
    case .stateGradient: return text("the gradient by the state of \(place)")
    case .tensorGradient: return text("the sums of tensor \(tensor)")
    }
  }
}
