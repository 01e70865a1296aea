import CPlatform

/// Workers that share out the parts of a loop; `Sharing.swift` says who uses them. Between loops they look out for the next one for some microseconds,
/// then sleep. A loop that finds them busy, or that is too small to be worth sharing, runs on the calling thread
/// alone. Who computes a part never changes its bits, so the result is the same at every count.
public final class ThreadPool: @unchecked Sendable {
  private typealias Body = (Int) -> Void
  private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let wakeUp = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private let finished = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  /// Counts loops; a worker that sees it change has work.
  private let round = UnsafeMutablePointer<UInt64>.allocate(capacity: 1)
  private let unfinished = UnsafeMutablePointer<UInt64>.allocate(capacity: 1)
  private let isClosing = UnsafeMutablePointer<UInt64>.allocate(capacity: 1)
  /// Counts parts that have ended a round.
  let arrived = UnsafeMutablePointer<UInt64>.allocate(capacity: 1)
  private let isBusy = UnsafeMutablePointer<UInt64>.allocate(capacity: 1)
  private var workers: [pthread_t] = []
  /// Of each worker, for products.
  private var scratch: [Buffer<UInt8>] = []
  let process = platform_process_id()

  /// Written before `round` is raised, read after.
  private var body: Body?
  // Guarded by the lock.
  private var sleepers = 0
  private var isWaiting = false

  // MARK: A loop

  /// Takes the pool, unless another thread has it or a fork has left the workers behind.
  func begin() -> Bool {
    platform_process_id() == process && platform_exchange_uint64(isBusy, 1) == 0
  }

  func end() { platform_store_uint64(isBusy, 0) }

  /// Sees to it that each worker has `bytes` of memory. False if they are not to be had.
  func reserve(_ bytes: Int) -> Bool {
    if let first = scratch.first, first.values.count >= bytes { return true }
    do throws(RNNError) {
      var buffers: [Buffer<UInt8>] = []
      for _ in workers { buffers.append(try Buffer(count: bytes)) }
      scratch = buffers
      return true
    } catch {
      return false
    }
  }

  func scratch<S: BitwiseCopyable>(_ part: Int, _ own: View<S>) -> UnsafeMutablePointer<S> {
    part == 0
      ? own.start : UnsafeMutableRawPointer(scratch[part - 1].values.start).assumingMemoryBound(to: S.self)
  }

  var parts: Int { workers.count + 1 }

  func share(_ count: Int, _ body: (Range<Int>, Int) -> Void) {
    let parts = parts
    run { part in
      let range = part * count / parts..<(part + 1) * count / parts
      if !range.isEmpty { body(range, part) }
    }
    end()
  }

  private func run(_ body: (Int) -> Void) {
    withoutActuallyEscaping(body) { body in
      self.body = body
      platform_store_uint64(unfinished, UInt64(workers.count))
      // Under the lock, so that no worker falls asleep in between.
      pthread_mutex_lock(lock)
      platform_store_uint64(round, round.pointee &+ 1)
      if sleepers > 0 { pthread_cond_broadcast(wakeUp) }
      pthread_mutex_unlock(lock)
      body(0)
      waitForWorkers()
      self.body = nil
    }
  }

  private func waitForWorkers() {
    if platform_spin_until_equal(unfinished, 0) != 0 { return }
    pthread_mutex_lock(lock)
    isWaiting = true
    while platform_load_uint64(unfinished) > 0 { pthread_cond_wait(finished, lock) }
    isWaiting = false
    pthread_mutex_unlock(lock)
  }

  // MARK: Workers

  init(workers count: Int) throws(RNNError) {
    pthread_mutex_init(lock, nil)
    pthread_cond_init(wakeUp, nil)
    pthread_cond_init(finished, nil)
    for counter in [round, unfinished, isClosing, arrived, isBusy] { counter.initialize(to: 0) }
    for index in 1...count {
      let seat = Unmanaged.passRetained(Seat(pool: self, part: index))
      var worker = pthread_t()
      let status = pthread_create(&worker, nil, { Seat.work($0) }, seat.toOpaque())
      if status != 0 {
        seat.release()
        close()
        throw RNNError(
          .outOfMemory, "count: expected to start \(count) threads, the system refused number \(index)")
      }
      workers.append(worker)
    }
  }

  /// A worker's place: which part of each loop is its own.
  private final class Seat {
    let pool: ThreadPool
    let part: Int

    init(pool: ThreadPool, part: Int) {
      self.pool = pool
      self.part = part
    }

    static func work(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
      guard let context else { return nil }
      let seat = Unmanaged<Seat>.fromOpaque(context).takeRetainedValue()
      seat.pool.work(part: seat.part)
      return nil
    }
  }

  private func work(part: Int) {
    var seen: UInt64 = 0
    _ = platform_set_float_state()
    while platform_load_uint64(isClosing) == 0 && waitForRound(after: seen) {
      seen = platform_load_uint64(round)
      body?(part)
      if platform_decrement_uint64(unfinished) == 0 { reportFinished() }
    }
  }

  /// False when the pool closes.
  private func waitForRound(after seen: UInt64) -> Bool {
    if platform_spin_while_equal(round, seen) != 0 { return true }
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    sleepers += 1
    while platform_load_uint64(round) == seen && platform_load_uint64(isClosing) == 0 {
      pthread_cond_wait(wakeUp, lock)
    }
    sleepers -= 1
    return platform_load_uint64(round) != seen
  }

  private func reportFinished() {
    pthread_mutex_lock(lock)
    if isWaiting { pthread_cond_signal(finished) }
    pthread_mutex_unlock(lock)
  }

  /// Ends the workers and waits for them. In a forked child there are none to wait for.
  func close() {
    guard platform_process_id() == process else { return }
    pthread_mutex_lock(lock)
    platform_store_uint64(isClosing, 1)
    pthread_cond_broadcast(wakeUp)
    pthread_mutex_unlock(lock)
    for worker in workers { pthread_join(worker, nil) }
    workers = []
  }

  deinit {
    lock.deallocate()
    wakeUp.deallocate()
    finished.deallocate()
    for counter in [round, unfinished, isClosing, arrived, isBusy] { counter.deallocate() }
  }
}
