import RNNKernels

// The kernels for any machine of the architecture. They have a module of their own, as those of other instruction sets
// have, so that they are compiled for speed where the engine is compiled for size.

@export(interface) @inline(never)
public func floatKernels() -> any Kernels<Float> { KernelSet<BaselineFloat>() }

@export(interface) @inline(never)
public func doubleKernels() -> any Kernels<Double> { KernelSet<BaselineDouble>() }
