import CPlatform
import RNNKernels

/// Networks for inference that nobody uses at the moment, so that the next call need not plan, clear and pack again.
/// Callers at the same time each have their own.
final class IdleNetworks<S: Scalar> {
  /// For so many shapes, or callers, memory is kept.
  private static var most: Int { 4 }

  private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  /// The one that waits longest first.
  private var networks: [Network<S>] = []

  init() {
    pthread_mutex_init(lock, nil)
    networks.reserveCapacity(Self.most)
  }

  deinit { lock.deallocate() }

  func take(_ model: Model<S>, steps: Int, rows: Int) throws(RNNError) -> Network<S> {
    if let network = taken(steps: steps, rows: rows) { return network }
    return try Network(model, maximumSteps: steps, rows: rows, training: false)
  }

  private func taken(steps: Int, rows: Int) -> Network<S>? {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    for index in networks.indices where networks[index].rows == rows && networks[index].maximumSteps == steps
    {
      return networks.remove(at: index)
    }
    return nil
  }

  func giveBack(_ network: Network<S>) {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    if networks.count == Self.most { networks.removeFirst() }
    networks.append(network)
  }
}
