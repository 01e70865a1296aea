import RNNKernels

// The kernels, compiled for AVX-512 (F, VL, BW, DQ). Nothing here may be inlined into a caller that is compiled
// for less; the engine asks for these only where the machine has the instructions. For Float alone: 75 KB more would only
// double the speed of what checks and measures, and the library is small.

enum AVX512Float: FusedMachine {
  typealias V = SIMD16<Float>
  typealias Wide = SIMD16<Double>
  static var registers: Int { 32 }
}

@export(interface) @inline(never)
public func floatKernels(cells: [any CellCode<Float>]) -> any Kernels<Float> {
  KernelSet<AVX512Float>(cells: cells)
}
