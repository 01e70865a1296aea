import CPlatform
import RNNKernels

#if canImport(RNNKernelsAVX2)
  import RNNKernelsAVX2
#endif

/// The kernels of the cells, in the form that this machine runs best. All forms give the same bits.
public protocol CellKernels: Real {
  static func lstmForward(size: Int, _ row: CellRow<Self>, _ biases: CellBiases<Self>)
  static func lstmBackward(size: Int, _ row: CellRow<Self>, _ gradient: CellGradient<Self>)
  static func gruForward(size: Int, _ row: CellRow<Self>, _ biases: CellBiases<Self>)
  static func gruBackward(size: Int, _ row: CellRow<Self>, _ gradient: CellGradient<Self>)
  static func elmanForward(size: Int, relu: Bool, _ row: CellRow<Self>, _ biases: CellBiases<Self>)
  static func elmanBackward(size: Int, relu: Bool, _ row: CellRow<Self>, _ gradient: CellGradient<Self>)
}

extension Float: CellKernels {
  public static func lstmForward(size: Int, _ row: CellRow<Float>, _ biases: CellBiases<Float>) {
    #if canImport(RNNKernelsAVX2)
      if platform_has_avx2() != 0 { return RNNKernelsAVX2.lstmForward(size: size, row, biases) }
    #endif
    LSTMKernel<Float, Baseline>.forward(size: size, row, biases)
  }

  public static func lstmBackward(size: Int, _ row: CellRow<Float>, _ gradient: CellGradient<Float>) {
    #if canImport(RNNKernelsAVX2)
      if platform_has_avx2() != 0 { return RNNKernelsAVX2.lstmBackward(size: size, row, gradient) }
    #endif
    LSTMKernel<Float, Baseline>.backward(size: size, row, gradient)
  }

  public static func gruForward(size: Int, _ row: CellRow<Float>, _ biases: CellBiases<Float>) {
    #if canImport(RNNKernelsAVX2)
      if platform_has_avx2() != 0 { return RNNKernelsAVX2.gruForward(size: size, row, biases) }
    #endif
    GRUKernel<Float, Baseline>.forward(size: size, row, biases)
  }

  public static func gruBackward(size: Int, _ row: CellRow<Float>, _ gradient: CellGradient<Float>) {
    #if canImport(RNNKernelsAVX2)
      if platform_has_avx2() != 0 { return RNNKernelsAVX2.gruBackward(size: size, row, gradient) }
    #endif
    GRUKernel<Float, Baseline>.backward(size: size, row, gradient)
  }

  public static func elmanForward(size: Int, relu: Bool, _ row: CellRow<Float>, _ biases: CellBiases<Float>) {
    #if canImport(RNNKernelsAVX2)
      if platform_has_avx2() != 0 { return RNNKernelsAVX2.elmanForward(size: size, relu: relu, row, biases) }
    #endif
    ElmanKernel<Float, Baseline>.forward(size: size, relu: relu, row, biases)
  }

  public static func elmanBackward(
    size: Int, relu: Bool, _ row: CellRow<Float>, _ gradient: CellGradient<Float>
  ) {
    #if canImport(RNNKernelsAVX2)
      if platform_has_avx2() != 0 {
        return RNNKernelsAVX2.elmanBackward(size: size, relu: relu, row, gradient)
      }
    #endif
    ElmanKernel<Float, Baseline>.backward(size: size, relu: relu, row, gradient)
  }
}

extension Double: CellKernels {
  public static func lstmForward(size: Int, _ row: CellRow<Double>, _ biases: CellBiases<Double>) {
    #if canImport(RNNKernelsAVX2)
      if platform_has_avx2() != 0 { return RNNKernelsAVX2.lstmForward(size: size, row, biases) }
    #endif
    LSTMKernel<Double, Baseline>.forward(size: size, row, biases)
  }

  public static func lstmBackward(size: Int, _ row: CellRow<Double>, _ gradient: CellGradient<Double>) {
    #if canImport(RNNKernelsAVX2)
      if platform_has_avx2() != 0 { return RNNKernelsAVX2.lstmBackward(size: size, row, gradient) }
    #endif
    LSTMKernel<Double, Baseline>.backward(size: size, row, gradient)
  }

  public static func gruForward(size: Int, _ row: CellRow<Double>, _ biases: CellBiases<Double>) {
    #if canImport(RNNKernelsAVX2)
      if platform_has_avx2() != 0 { return RNNKernelsAVX2.gruForward(size: size, row, biases) }
    #endif
    GRUKernel<Double, Baseline>.forward(size: size, row, biases)
  }

  public static func gruBackward(size: Int, _ row: CellRow<Double>, _ gradient: CellGradient<Double>) {
    #if canImport(RNNKernelsAVX2)
      if platform_has_avx2() != 0 { return RNNKernelsAVX2.gruBackward(size: size, row, gradient) }
    #endif
    GRUKernel<Double, Baseline>.backward(size: size, row, gradient)
  }

  public static func elmanForward(size: Int, relu: Bool, _ row: CellRow<Double>, _ biases: CellBiases<Double>)
  {
    #if canImport(RNNKernelsAVX2)
      if platform_has_avx2() != 0 { return RNNKernelsAVX2.elmanForward(size: size, relu: relu, row, biases) }
    #endif
    ElmanKernel<Double, Baseline>.forward(size: size, relu: relu, row, biases)
  }

  public static func elmanBackward(
    size: Int, relu: Bool, _ row: CellRow<Double>, _ gradient: CellGradient<Double>
  ) {
    #if canImport(RNNKernelsAVX2)
      if platform_has_avx2() != 0 {
        return RNNKernelsAVX2.elmanBackward(size: size, relu: relu, row, gradient)
      }
    #endif
    ElmanKernel<Double, Baseline>.backward(size: size, relu: relu, row, gradient)
  }
}
