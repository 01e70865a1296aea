import CPlatform
import RNNKernels

// The kernels for small weights, compiled for AVX-512 with dot products of bytes (VNNI) and of bfloat16 numbers.

enum AVX512VNNIFloat: FusedMachine, SmallMachine {
  typealias V = SIMD16<Float>
  typealias Wide = SIMD16<Double>
  typealias Ints = SIMD16<Int32>
  static var registers: Int { 32 }

  @inline(__always)
  static func firstDots(_ offsets: UnsafeRawPointer, _ negatives: Int32) -> Ints {
    0 &- offsets.loadUnaligned(as: Ints.self)
  }
  @inline(__always)
  static func dotBytes(_ sums: Ints, _ a: Bytes, _ weights: UnsafeRawPointer) -> Ints {
    platform_dot_bytes16(sums, a.values, weights)
  }
  @inline(__always)
  static func dotHalves(_ sums: V, _ a: UInt32, _ weights: UnsafeRawPointer) -> V {
    platform_dot_halves16(sums, a, weights)
  }
  @inline(__always)
  static func float(_ x: Ints) -> V { platform_float_of_ints16(x) }
  @inline(__always)
  static func load(_ x: UnsafePointer<Float>, _ count: Int) -> V { platform_load16(x, count) }
  @inline(__always)
  static func largerMagnitude(_ most: Ints, _ x: V) -> Ints { platform_larger_magnitude16(most, x) }
  @inline(__always)
  static func largest(_ most: Ints) -> Float { platform_largest16(most) }
  @inline(__always)
  static func storeBytes(_ x: V, _ target: UnsafeMutableRawPointer, _ stride: Int) -> Ints {
    platform_store_bytes16(x, target, stride)
  }
  @inline(__always)
  static func storeHalves(_ x: V, _ target: UnsafeMutableRawPointer) { platform_store_halves16(x, target) }
}

@export(interface) @inline(never)
public func smallKernels() -> any SmallKernels { SmallKernelSet<AVX512VNNIFloat>() }
