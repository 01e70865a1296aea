import CPlatform
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
public func floatKernels() -> any Kernels<Float> { KernelSet<AVX2Float>(cells: floatCells()) }

@export(interface) @inline(never)
public func floatCells() -> [any CellCode<Float>] { CellList<AVX2Float>.all }

@export(interface) @inline(never)
public func doubleKernels() -> any Kernels<Double> {
  KernelSet<AVX2Double>(cells: CellList<AVX2Double>.all)
}

extension AVX2Float: SmallMachine {
  typealias Ints = SIMD8<Int32>
  @inline(__always)
  static func firstDots(_ offsets: UnsafeRawPointer, _ negatives: Int32) -> Ints {
    Ints(repeating: negatives)
  }
  @inline(__always)
  static func dotBytes(_ sums: Ints, _ a: Bytes, _ weights: UnsafeRawPointer) -> Ints {
    platform_dot_bytes8(sums, a.magnitudes, a.negative, weights)
  }
  @inline(__always)
  static func dotHalves(_ sums: V, _ a: UInt32, _ weights: UnsafeRawPointer) -> V {
    platform_dot_halves8(sums, a, weights)
  }
  @inline(__always)
  static func float(_ x: Ints) -> V { platform_float_of_ints8(x) }
  @inline(__always)
  static func load(_ x: UnsafePointer<Float>, _ count: Int) -> V { platform_load8(x, count) }
  @inline(__always)
  static func largerMagnitude(_ most: Ints, _ x: V) -> Ints { platform_larger_magnitude8(most, x) }
  @inline(__always)
  static func largest(_ most: Ints) -> Float { platform_largest8(most) }
  @inline(__always)
  static func storeBytes(_ x: V, _ target: UnsafeMutableRawPointer, _ stride: Int) -> Ints {
    platform_store_bytes8(x, target, stride)
  }
  @inline(__always)
  static func storeHalves(_ x: V, _ target: UnsafeMutableRawPointer) {
    platform_store_halves8(x, target)
  }
}

@export(interface) @inline(never)
public func smallKernels() -> any SmallKernels { SmallKernelSet<AVX2Float>() }
