/// The weights with which the gradient was finite last, and what belongs to them: the optimiser's state and the average.
final class LastGood<S: Scalar> {
  let parameters: Buffer<S>
  let slots: Buffer<S>
  /// nil: there is none.
  let average: Buffer<S>?
  var updates = 0
  /// Whether there are any.
  var isKept = false
  /// The model's version after the update that followed. Whoever writes the weights since then wants them to stay.
  var version = 0

  init(_ model: Model<S>, _ optimizer: Optimizer<S>, hasAverage: Bool) throws(RNNError) {
    parameters = try Buffer(count: model.parameters.values.count)
    slots = try Buffer(count: optimizer.slots.values.count)
    average = hasAverage ? try Buffer(count: model.parameters.values.count) : nil
  }

  /// Whether there are any to go back to, with nobody having written the model's weights since.
  func holds(for model: Model<S>) -> Bool { isKept && version == model.version }

  /// Running average `index`.
  func slot(_ index: Int) -> View<S> {
    slots.values.part(index * parameters.values.count, parameters.values.count)
  }

  func keep(_ model: Model<S>, _ optimizer: Optimizer<S>, _ average: Buffer<S>?) {
    copy(model.parameters.values, to: parameters.values)
    copy(optimizer.slots.values, to: slots.values)
    if let average, let kept = self.average { copy(average.values, to: kept.values) }
    (updates, isKept) = (optimizer.updates, true)
  }

  func restore(_ model: Model<S>, _ optimizer: Optimizer<S>, _ average: Buffer<S>?) {
    copy(parameters.values, to: model.parameters.values)
    copy(slots.values, to: optimizer.slots.values)
    if let average, let kept = self.average { copy(kept.values, to: average.values) }
    optimizer.updates = updates
    model.parametersHaveChanged()
  }
}
