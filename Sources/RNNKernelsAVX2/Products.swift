import RNNKernels

// The packed product of the recurrence, compiled for AVX2 with fused multiply-add.

@export(interface) @inline(never)
public func multiplyPacked(
  rows: Int, depth: Int, columns: Int, _ a: UnsafePointer<Float>, aStride: Int, packed: UnsafePointer<Float>,
  panelStride: Int, _ c: UnsafeMutablePointer<Float>, cStride: Int, adding: Bool
) {
  PackedProduct<Float, AVX2>.multiply(
    rows: rows, depth: depth, columns: columns, a, aStride: aStride, packed: packed, panelStride: panelStride,
    c,
    cStride: cStride, adding: adding)
}

@export(interface) @inline(never)
public func multiplyPacked(
  rows: Int, depth: Int, columns: Int, _ a: UnsafePointer<Double>, aStride: Int,
  packed: UnsafePointer<Double>,
  panelStride: Int, _ c: UnsafeMutablePointer<Double>, cStride: Int, adding: Bool
) {
  PackedProduct<Double, AVX2>.multiply(
    rows: rows, depth: depth, columns: columns, a, aStride: aStride, packed: packed, panelStride: panelStride,
    c,
    cStride: cStride, adding: adding)
}
