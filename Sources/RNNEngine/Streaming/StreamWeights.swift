import RNNKernels

/// The weights that a stream reads: a copy of a model's in the order of reading, which nothing changes any more. The
/// thread that streams borrows it and never counts references: `Handover` says who releases it.
final class StreamWeights<S: Scalar> {
  private let memory: Buffer<S>
  /// Of every stage.
  let starts: Buffer<UnsafePointer<S>>
  /// Of those that a stream has done with: the one that it had done with before.
  var older: Unmanaged<StreamWeights<S>>?

  var bytes: Int { memory.values.count * MemoryLayout<S>.stride }

  init(_ model: Model<S>) throws(RNNError) {
    let parts = try model.streamedCounts()
    var plan = Carver<S>()
    for count in parts { _ = try plan.take(count) }
    memory = try Buffer(count: plan.used)
    var (carver, starts) = (Carver(memory.values), [UnsafePointer<S>]())
    for (index, layer) in model.layers.enumerated() {
      let part = try carver.take(parts[index])
      layer.copyForStream(model.format, model.layerPart(index, of: model.parameters.values), to: part)
      for stage in layer.stages(model.format, inputStride: 0) {
        starts.append(UnsafePointer(part.start + stage.weights))
      }
    }
    self.starts = try Buffer(count: starts.count)
    _ = self.starts.values.update(from: starts)
  }
}
