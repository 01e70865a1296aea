import RNNKernels

// A stack of levels in a stream, where time is walked one way.

extension StackedLayer {
  func stages(_ format: WeightFormat, inputStride: Int) -> [StagePlan] { [] }
  func streamedCount(_ format: WeightFormat) throws(RNNError) -> Int { 0 }
  func copyForStream(_ format: WeightFormat, _ parameters: View<S>, to memory: View<S>) {}
  func round(_ parameters: View<S>, _ format: WeightFormat) {}
}

extension PhasedLayer {
  func stages(_ format: WeightFormat, inputStride: Int) -> [StagePlan] { [] }
  func streamedCount(_ format: WeightFormat) throws(RNNError) -> Int { 0 }
  func copyForStream(_ format: WeightFormat, _ parameters: View<S>, to memory: View<S>) {}
  func round(_ parameters: View<S>, _ format: WeightFormat) {}
}
