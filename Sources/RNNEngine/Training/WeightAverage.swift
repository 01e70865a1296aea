/// An average of the weights that fades, avg ← d avg + (1 - d) w after each update: Polyak and Juditsky 1992 averaged all
/// alike. It begins as the weights at creation, and needs no correction.
extension Trainer {
  func updateAverage() {
    guard let average, let decay = options.emaDecay else { return }
    forEachTensor(frozen: false) { range in
      let (start, count) = (range.lowerBound, range.count)
      move(
        average.values.part(start, count), towards: model.parameters.values.part(start, count), by: 1 - decay)
    }
  }

  /// A model of its own with the averaged weights.
  public func makeAverage() throws(RNNError) -> any AnyModel {
    guard let average else {
      throw RNNError(.argument, "ema_decay: expected a trainer with a decay in (0, 1), got one without")
    }
    let result = try Model<S>(model.descriptions)
    copy(average.values, to: result.parameters.values)
    result.parametersHaveChanged()
    return result
  }
}
