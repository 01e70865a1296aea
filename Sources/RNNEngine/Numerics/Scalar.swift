import COpenBLAS
import CPlatform
import RNNKernels

import RNNKernelsBaseline

#if canImport(RNNKernelsAVX2)
  import RNNKernelsAVX2
  import RNNKernelsAVX512
  import RNNKernelsVNNI
#endif

/// The instruction sets that kernels are compiled for, each a superset of the one before. Raw values are those of
/// `platform_instruction_set`.
public enum InstructionSet: Int32, Sendable {
  case baseline = 0
  case avx2 = 1
  case avx512 = 2
  case vnni = 3

  /// The best that this machine has; the environment variable LIBRNN_INSTRUCTION_SET may ask for less.
  static var best: InstructionSet { InstructionSet(rawValue: platform_instruction_set()) ?? .baseline }
}

/// The kernels for small weights on this machine.
enum Small {
  static let kernels = makeKernels(.best)

  static func makeKernels(_ set: InstructionSet) -> any SmallKernels {
    switch set {
    #if canImport(RNNKernelsAVX2)
      case .vnni: RNNKernelsVNNI.smallKernels()
      case .avx2, .avx512: RNNKernelsAVX2.smallKernels()
    #endif
    default: RNNKernelsBaseline.smallKernels()
    }
  }
}

/// A scalar the engine computes with.
public protocol Scalar: Real {
  static var dtype: DType { get }
  /// The kernels for this machine.
  static var kernels: any Kernels<Self> { get }
  static func gemm(
    _ transposeA: CBLAS_TRANSPOSE, _ transposeB: CBLAS_TRANSPOSE, _ m: Int32, _ n: Int32, _ k: Int32,
    _ a: UnsafePointer<Self>, _ lda: Int32, _ b: UnsafePointer<Self>, _ ldb: Int32, _ beta: Self,
    _ c: UnsafeMutablePointer<Self>, _ ldc: Int32)
}

extension Float: Scalar {
  public static var dtype: DType { .float32 }
  public static let kernels = makeKernels(.best)

  static func makeKernels(_ set: InstructionSet) -> any Kernels<Float> {
    switch set {
    #if canImport(RNNKernelsAVX2)
      case .avx512, .vnni: RNNKernelsAVX512.floatKernels(cells: RNNKernelsAVX2.floatCells())
      case .avx2: RNNKernelsAVX2.floatKernels()
    #endif
    default: RNNKernelsBaseline.floatKernels()
    }
  }

  public static func gemm(
    _ transposeA: CBLAS_TRANSPOSE, _ transposeB: CBLAS_TRANSPOSE, _ m: Int32, _ n: Int32, _ k: Int32,
    _ a: UnsafePointer<Float>, _ lda: Int32, _ b: UnsafePointer<Float>, _ ldb: Int32, _ beta: Float,
    _ c: UnsafeMutablePointer<Float>, _ ldc: Int32
  ) {
    cblas_sgemm(CblasRowMajor, transposeA, transposeB, m, n, k, 1, a, lda, b, ldb, beta, c, ldc)
  }
}

extension Double: Scalar {
  public static var dtype: DType { .float64 }
  public static let kernels = makeKernels(.best)

  static func makeKernels(_ set: InstructionSet) -> any Kernels<Double> {
    switch set {
    #if canImport(RNNKernelsAVX2)
      case .avx2, .avx512, .vnni: RNNKernelsAVX2.doubleKernels()
    #endif
    default: RNNKernelsBaseline.doubleKernels()
    }
  }

  public static func gemm(
    _ transposeA: CBLAS_TRANSPOSE, _ transposeB: CBLAS_TRANSPOSE, _ m: Int32, _ n: Int32, _ k: Int32,
    _ a: UnsafePointer<Double>, _ lda: Int32, _ b: UnsafePointer<Double>, _ ldb: Int32, _ beta: Double,
    _ c: UnsafeMutablePointer<Double>, _ ldc: Int32
  ) {
    cblas_dgemm(CblasRowMajor, transposeA, transposeB, m, n, k, 1, a, lda, b, ldb, beta, c, ldc)
  }
}
