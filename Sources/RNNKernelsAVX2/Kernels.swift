import RNNKernels

// The kernels, compiled for AVX2 with fused multiply-add. Nothing here may be inlined into a caller that is compiled
// for less; the engine asks for these only where the machine has the instructions.

enum AVX2Float: FusedMachine {
  typealias V = SIMD8<Float>
  typealias Wide = SIMD8<Double>
  static var registers: Int { 16 }
}

enum AVX2Double: FusedMachine {
  typealias V = SIMD4<Double>
  typealias Wide = SIMD4<Double>
  static var registers: Int { 16 }
}

@export(interface) @inline(never)
public func floatKernels() -> any Kernels<Float> { KernelSet<AVX2Float>() }

@export(interface) @inline(never)
public func doubleKernels() -> any Kernels<Double> { KernelSet<AVX2Double>() }
