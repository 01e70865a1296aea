import CPlatform

/// Workers that share out the rows of a loop. They sleep between loops; a loop that finds them busy, or that is
/// too small to be worth waking them, runs on the calling thread alone. Who computes a row never changes its
/// bits, so the result is the same at every count.
public final class ThreadPool: @unchecked Sendable {
  /// The pool in use; nil: the calling thread only. Set while nothing else runs.
  nonisolated(unsafe) private static var current: ThreadPool?

  private typealias Body = (Int) -> Void
  private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let wakeUp = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private let finished = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var workers: [pthread_t] = []
  private let process = platform_process_id()

  // Guarded by the lock.
  private var body: Body?
  private var round = 0
  private var unfinished = 0
  private var isBusy = false
  private var isClosing = false

  // MARK: The library's pool

  /// Threads that share a loop, the caller's included.
  public static var threadCount: Int { (current?.workers.count ?? 0) + 1 }

  public static func setThreadCount(_ count: Int) throws(RNNError) {
    guard count >= 1 && count <= 256 else {
      throw RNNError(.argument, "count: expected 1 to 256 threads, got \(count)")
    }
    if count == threadCount { return }
    current?.close()
    current = nil
    if count > 1 { current = try ThreadPool(workers: count - 1) }
  }

  /// Calls `body` with parts of 0 ..< count that together are the whole. `work` is the number of elements that
  /// one index stands for: below some thousands in all, waking a thread costs more than it saves.
  static func split(_ count: Int, work: Int, _ body: (Range<Int>) -> Void) {
    let worthwhile = 1 << 15
    guard let pool = current, count > 1, count &* work >= worthwhile, pool.begin() else {
      return body(0..<count)
    }
    let parts = pool.workers.count + 1
    pool.run { part in
      let range = part * count / parts..<(part + 1) * count / parts
      if !range.isEmpty { body(range) }
    }
  }

  // MARK: Workers

  private init(workers count: Int) throws(RNNError) {
    pthread_mutex_init(lock, nil)
    pthread_cond_init(wakeUp, nil)
    pthread_cond_init(finished, nil)
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
    var seen = 0
    pthread_mutex_lock(lock)
    while true {
      while round == seen && !isClosing { pthread_cond_wait(wakeUp, lock) }
      if isClosing { break }
      seen = round
      let body = body
      pthread_mutex_unlock(lock)
      body?(part)
      pthread_mutex_lock(lock)
      unfinished -= 1
      if unfinished == 0 { pthread_cond_signal(finished) }
    }
    pthread_mutex_unlock(lock)
  }

  /// Takes the pool, unless another thread has it or a fork has left the workers behind.
  private func begin() -> Bool {
    guard platform_process_id() == process else { return false }
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    if isBusy { return false }
    isBusy = true
    return true
  }

  private func run(_ body: (Int) -> Void) {
    withoutActuallyEscaping(body) { body in
      pthread_mutex_lock(lock)
      self.body = body
      unfinished = workers.count
      round += 1
      pthread_cond_broadcast(wakeUp)
      pthread_mutex_unlock(lock)
      body(0)
      pthread_mutex_lock(lock)
      while unfinished > 0 { pthread_cond_wait(finished, lock) }
      self.body = nil
      isBusy = false
      pthread_mutex_unlock(lock)
    }
  }

  /// Ends the workers and waits for them. In a forked child there are none to wait for.
  private func close() {
    guard platform_process_id() == process else { return }
    pthread_mutex_lock(lock)
    isClosing = true
    pthread_cond_broadcast(wakeUp)
    pthread_mutex_unlock(lock)
    for worker in workers { pthread_join(worker, nil) }
    workers = []
  }

  deinit {
    lock.deallocate()
    wakeUp.deallocate()
    finished.deallocate()
  }
}
