/// Numbers of 32 or 64 bits as doubles: for code that is not worth having twice.
struct Numbers {
  private let base: UnsafeMutableRawPointer
  private let isWide: Bool
  let count: Int

  init<S: Scalar>(_ view: View<S>) {
    (base, isWide, count) = (UnsafeMutableRawPointer(view.start), S.dtype == .float64, view.count)
  }

  private init(_ base: UnsafeMutableRawPointer, isWide: Bool, count: Int) {
    (self.base, self.isWide, self.count) = (base, isWide, count)
  }

  /// Of a caller, in an array of this shape.
  init(_ buffer: RawBuffer, _ name: String, _ dtype: DType, _ shape: Shape) throws(RNNError) {
    guard dtype == .float32 || dtype == .float64 else {
      throw RNNError(.dtype, "dtype: expected float32 or float64, got \(dtype.name)")
    }
    let start = try buffer.checked(name, dtype, shape)
    self.init(start, isWide: dtype == .float64, count: buffer.bytes / dtype.bytes)
  }

  subscript(_ j: Int) -> Double {
    @inline(__always)
    get {
      isWide
        ? base.load(fromByteOffset: j &* 8, as: Double.self)
        : Double(base.load(fromByteOffset: j &* 4, as: Float.self))
    }
    @inline(never)
    nonmutating set {
      if isWide {
        base.storeBytes(of: newValue, toByteOffset: j &* 8, as: Double.self)
      } else {
        base.storeBytes(of: Float(newValue), toByteOffset: j &* 4, as: Float.self)
      }
    }
  }

  @inline(never)
  func part(_ offset: Int, _ count: Int) -> Numbers {
    Numbers(base + offset * (isWide ? 8 : 4), isWide: isWide, count: count)
  }
}
