/// The weights with which the gradient was finite last, and the optimiser's state that belongs to them.
final class LastGood<S: Scalar> {
  let parameters: Buffer<S>
  let slots: Buffer<S>
  var updates = 0
  /// Whether there are any.
  var isKept = false
  /// The model's version after the update that followed. Whoever writes the weights since then wants them to stay.
  var version = 0

  init(_ model: Model<S>, _ optimizer: Optimizer<S>) throws(RNNError) {
    parameters = try Buffer(count: model.parameters.values.count)
    slots = try Buffer(count: optimizer.slots.values.count)
  }

  /// Running average `index`.
  func slot(_ index: Int) -> View<S> {
    slots.values.part(index * parameters.values.count, parameters.values.count)
  }

  func keep(_ model: Model<S>, _ optimizer: Optimizer<S>) {
    copy(model.parameters.values, to: parameters.values)
    copy(optimizer.slots.values, to: slots.values)
    (updates, isKept) = (optimizer.updates, true)
  }

  func restore(_ model: Model<S>, _ optimizer: Optimizer<S>) {
    copy(parameters.values, to: model.parameters.values)
    copy(slots.values, to: optimizer.slots.values)
    optimizer.updates = updates
    model.parametersHaveChanged()
  }
}
