import RNNKernels

// The kernels, compiled for AVX-512 (F, VL, BW, DQ). Nothing here may be inlined into a caller that is compiled
// for less; the engine asks for these only where the machine has the instructions.

enum AVX512Float: FusedMachine {
  typealias V = SIMD16<Float>
  typealias Wide = SIMD16<Double>
  static var registers: Int { 32 }
}

enum AVX512Double: FusedMachine {
  typealias V = SIMD8<Double>
  typealias Wide = SIMD8<Double>
  static var registers: Int { 32 }
}

@export(interface) @inline(never)
public func floatKernels() -> any Kernels<Float> { KernelSet<AVX512Float>() }

@export(interface) @inline(never)
public func doubleKernels() -> any Kernels<Double> { KernelSet<AVX512Double>() }
