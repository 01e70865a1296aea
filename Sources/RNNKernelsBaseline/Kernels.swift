import CPlatform
import RNNKernels

// The kernels for any machine of the architecture. They have a module of their own, as those of other instruction sets
// have, so that they are compiled for speed where the engine is compiled for size.

@export(interface) @inline(never)
public func floatKernels() -> any Kernels<Float> {
  KernelSet<BaselineFloat>(cells: CellList<BaselineFloat>.all)
}

@export(interface) @inline(never)
public func doubleKernels() -> any Kernels<Double> {
  KernelSet<BaselineDouble>(cells: CellList<BaselineDouble>.all)
}

extension BaselineFloat: SmallMachine {
  public typealias Ints = SIMD4<Int32>
  @inline(__always)
  public static func firstDots(_ offsets: UnsafeRawPointer, _ negatives: Int32) -> Ints {
    Ints(repeating: 0)
  }
  @inline(__always)
  public static func dotBytes(_ sums: Ints, _ a: Bytes, _ weights: UnsafeRawPointer) -> Ints {
    platform_dot_bytes4(sums, a.values, weights)
  }
  @inline(__always)
  public static func dotHalves(_ sums: V, _ a: UInt32, _ weights: UnsafeRawPointer) -> V {
    platform_dot_halves4(sums, a, weights)
  }
  @inline(__always)
  public static func float(_ x: Ints) -> V { platform_float_of_ints4(x) }
  @inline(__always)
  public static func load(_ x: UnsafePointer<Float>, _ count: Int) -> V { platform_load4(x, count) }
  @inline(__always)
  public static func largerMagnitude(_ most: Ints, _ x: V) -> Ints { platform_larger_magnitude4(most, x) }
  @inline(__always)
  public static func largest(_ most: Ints) -> Float { platform_largest4(most) }
  @inline(__always)
  public static func storeBytes(_ x: V, _ target: UnsafeMutableRawPointer, _ stride: Int) -> Ints {
    platform_store_bytes4(x, target, stride)
  }
  @inline(__always)
  public static func storeHalves(_ x: V, _ target: UnsafeMutableRawPointer) {
    platform_store_halves4(x, target)
  }
}

@export(interface) @inline(never)
public func smallKernels() -> any SmallKernels { SmallKernelSet<BaselineFloat>() }
