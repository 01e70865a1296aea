import CPlatform
import RNNKernels

#if canImport(RNNKernelsAVX2)
  import RNNKernelsAVX2
#endif

/// The kernels of the recurrence, in the form that this machine runs best. All forms of a cell give the same bits.
public protocol RecurrentKernels: Real {
  /// C = A · P for a packed P, see `PackedProduct`. Only where `hasFastPackedProduct`.
  static func multiplyPacked(
    rows: Int, depth: Int, columns: Int, _ a: UnsafePointer<Self>, aStride: Int, packed: UnsafePointer<Self>,
    panelStride: Int, _ c: UnsafeMutablePointer<Self>, cStride: Int, adding: Bool)

  static func lstmForward(size: Int, _ row: CellRow<Self>, _ biases: CellBiases<Self>)
  static func lstmBackward(size: Int, _ row: CellRow<Self>, _ gradient: CellGradient<Self>)
  static func gruForward(size: Int, _ row: CellRow<Self>, _ biases: CellBiases<Self>)
  static func gruBackward(size: Int, _ row: CellRow<Self>, _ gradient: CellGradient<Self>)
  static func elmanForward(size: Int, relu: Bool, _ row: CellRow<Self>, _ biases: CellBiases<Self>)
  static func elmanBackward(size: Int, relu: Bool, _ row: CellRow<Self>, _ gradient: CellGradient<Self>)
}

extension RecurrentKernels {
  /// Without fused multiply-add in hardware the packed product is slower than BLAS.
  static var hasFastPackedProduct: Bool {
    #if canImport(RNNKernelsAVX2)
      platform_has_avx2() != 0
    #else
      false
    #endif
  }
}

extension Float: RecurrentKernels {
  public static func multiplyPacked(
    rows: Int, depth: Int, columns: Int, _ a: UnsafePointer<Float>, aStride: Int,
    packed: UnsafePointer<Float>,
    panelStride: Int, _ c: UnsafeMutablePointer<Float>, cStride: Int, adding: Bool
  ) {
    #if canImport(RNNKernelsAVX2)
      RNNKernelsAVX2.multiplyPacked(
        rows: rows, depth: depth, columns: columns, a, aStride: aStride, packed: packed,
        panelStride: panelStride, c, cStride: cStride, adding: adding)
    #endif
  }

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

extension Double: RecurrentKernels {
  public static func multiplyPacked(
    rows: Int, depth: Int, columns: Int, _ a: UnsafePointer<Double>, aStride: Int,
    packed: UnsafePointer<Double>,
    panelStride: Int, _ c: UnsafeMutablePointer<Double>, cStride: Int, adding: Bool
  ) {
    #if canImport(RNNKernelsAVX2)
      RNNKernelsAVX2.multiplyPacked(
        rows: rows, depth: depth, columns: columns, a, aStride: aStride, packed: packed,
        panelStride: panelStride, c, cStride: cStride, adding: adding)
    #endif
  }

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
