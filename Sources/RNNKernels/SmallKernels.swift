/// The kernels of one machine for streams with small weights.
public protocol SmallKernels: AnyObject, Sendable {
  /// Where weights of a format lie. Whole floats.
  func layout(_ format: WeightFormat) -> SmallLayout
  /// As `Kernels.stream`.
  func stream(_ format: WeightFormat, _ call: UnsafeMutablePointer<StreamCall<Float>>)
}

/// The kernels compiled for machine `M`.
public final class SmallKernelSet<M: SmallMachine>: SmallKernels {
  public init() {}

  public func layout(_ format: WeightFormat) -> SmallLayout {
    SmallLayout(format: format, lanes: M.V.scalarCount)
  }

  public func stream(_ format: WeightFormat, _ call: UnsafeMutablePointer<StreamCall<Float>>) {
    if format == .int8 { return StreamKernel<SmallStages<ByteFormat<M>>>.run(call, []) }
    StreamKernel<SmallStages<HalfFormat<M>>>.run(call, [])
  }
}
