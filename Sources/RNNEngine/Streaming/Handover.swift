import CPlatform

/// Hands weights from any thread to the one that streams, which neither waits nor releases: it takes what is offered
/// and leaves what it has done with to be collected by the others.
struct Handover<S: Scalar> {
  typealias Weights = Unmanaged<StreamWeights<S>>
  /// Two places: weights that are offered, and a list of those to be collected.
  private let places: Buffer<UnsafeMutableRawPointer?>

  init() throws(RNNError) { places = try Buffer(count: 2) }

  private var offered: UnsafeMutablePointer<UnsafeMutableRawPointer?> { places.values.start }
  private var done: UnsafeMutablePointer<UnsafeMutableRawPointer?> { places.values.start + 1 }

  /// Offers weights. Those that were offered before and not taken, and those that are done with, are released.
  func offer(_ weights: StreamWeights<S>) {
    let new = Unmanaged.passRetained(weights).toOpaque()
    if let untaken = platform_exchange_pointer(offered, new) { Weights.fromOpaque(untaken).release() }
    collect()
  }

  /// On the thread that streams: takes what is offered in the place of what there was. Whether there was an offer.
  @inline(__always)
  func take(_ current: inout Weights) -> Bool {
    if platform_load_pointer(offered) == nil { return false }
    guard let new = platform_exchange_pointer(offered, nil) else { return false }
    leave(current)
    current = Weights.fromOpaque(new)
    return true
  }

  /// Only this thread adds to the list, so between the two steps it can only become empty.
  private func leave(_ weights: Weights) {
    let older = platform_exchange_pointer(done, nil)
    weights._withUnsafeGuaranteedRef { $0.older = older.map { Weights.fromOpaque($0) } }
    platform_store_pointer(done, weights.toOpaque())
  }

  private func collect() {
    var next = platform_exchange_pointer(done, nil).map { Weights.fromOpaque($0) }
    while let weights = next {
      next = weights._withUnsafeGuaranteedRef { $0.older }
      weights.release()
    }
  }

  /// At the end, when nobody streams and nobody offers any more.
  func close(_ current: Weights) {
    if let untaken = platform_exchange_pointer(offered, nil) { Weights.fromOpaque(untaken).release() }
    collect()
    current.release()
  }
}
