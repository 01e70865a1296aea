import CPlatform

/// The library's one pool: as many threads as were asked for, or as the process has processors, started when a loop
/// is first worth sharing.
extension ThreadPool {
  /// Threads that share a loop, the caller's included.
  public static var threadCount: Int {
    let wanted = Int(platform_load_uint64(platform_wanted_threads()))
    return wanted > 0 ? wanted : min(Int(platform_processor_count()), mostThreads)
  }

  private static var mostThreads: Int { 256 }

  /// Not while anything else runs.
  public static func setThreadCount(_ count: Int) throws(RNNError) {
    guard count >= 1 && count <= mostThreads else {
      throw RNNError(.argument, "count: expected 1 to \(mostThreads) threads, got \(count)")
    }
    if count != threadCount { stop() }
    let pool = count > 1 && current == nil ? try ThreadPool(workers: count - 1) : nil
    if let pool { keep(pool) }
    platform_store_uint64(platform_wanted_threads(), UInt64(count))
  }

  /// Ends the workers and waits for them: also when the library is unloaded.
  fileprivate static func stop() {
    guard let kept = platform_load_pointer(platform_thread_pool()) else { return }
    platform_store_pointer(platform_thread_pool(), nil)
    let pool = Unmanaged<ThreadPool>.fromOpaque(kept).takeRetainedValue()
    pool.close()
  }

  private static var current: ThreadPool? {
    guard let kept = platform_load_pointer(platform_thread_pool()) else { return nil }
    return Unmanaged<ThreadPool>.fromOpaque(kept).takeUnretainedValue()
  }

  private static func keep(_ pool: ThreadPool) {
    platform_store_pointer(platform_thread_pool(), Unmanaged.passRetained(pool).toOpaque())
  }

  /// The pool, started if it has to be; nil: the calling thread is all there is. A forked child has none of its
  /// parent's workers and starts its own.
  private static func started() -> ThreadPool? {
    if let current, current.process == platform_process_id() { return current }
    guard threadCount > 1 else { return nil }
    pthread_mutex_lock(platform_thread_lock())
    defer { pthread_mutex_unlock(platform_thread_lock()) }
    if let current, current.process == platform_process_id() { return current }
    guard let pool = try? ThreadPool(workers: threadCount - 1) else { return nil }
    keep(pool)
    return pool
  }

  // MARK: Loops

  /// Below so many vector operations in all, sharing a loop costs more than it saves.
  private static var worthwhile: Int { 1 << 15 }
  /// And below so many in a round, meeting after it does.
  static var worthMeeting: Int { 1 << 12 }

  /// The pool, taken for a loop; nil: run it alone.
  private static func taken(for count: Int, work: Int) -> ThreadPool? {
    guard count > 1, count.multipliedOrMax(by: work) >= worthwhile, let pool = started(), pool.begin() else {
      return nil
    }
    return pool
  }

  /// The same with memory for each worker.
  private static func taken(for count: Int, work: Int, bytes: Int) -> ThreadPool? {
    guard let pool = taken(for: count, work: work) else { return nil }
    if pool.reserve(bytes) { return pool }
    pool.end()
    return nil
  }

  /// How many threads would share a loop.
  static func parts(of count: Int, work: Int) -> Int {
    count.multipliedOrMax(by: work) >= worthwhile ? min(count, threadCount) : 1
  }

  /// Calls `body` with parts of 0 ..< count that together are the whole. `work` is the number of vector operations
  /// that one index stands for.
  @inline(never)
  static func split(_ count: Int, work: Int, _ body: (Range<Int>) -> Void) {
    guard let pool = taken(for: count, work: work) else { return body(0..<count) }
    pool.share(count) { range, _ in body(range) }
  }

  /// The same with memory for each part: the caller's for its own, as large elsewhere.
  @inline(never)
  static func split<S: BitwiseCopyable>(
    _ count: Int, work: Int, scratch: View<S>, _ body: (Range<Int>, UnsafeMutablePointer<S>) -> Void
  ) {
    let bytes = scratch.count * MemoryLayout<S>.stride
    guard let pool = taken(for: count, work: work, bytes: bytes) else {
      return body(0..<count, scratch.start)
    }
    pool.share(count) { range, part in body(range, pool.scratch(part, scratch)) }
  }

  /// Calls `body` for every round in turn, each shared out by the same parts: none begins a round before all have
  /// ended the one before.
  @inline(never)
  static func split<S: BitwiseCopyable>(
    _ count: Int, rounds: Int, work: Int, scratch: View<S>,
    _ body: (_ round: Int, Range<Int>, UnsafeMutablePointer<S>) -> Void
  ) {
    let bytes = scratch.count * MemoryLayout<S>.stride
    guard count >= threadCount, let pool = taken(for: count, work: work, bytes: bytes) else {
      for round in 0..<rounds { body(round, 0..<count, scratch.start) }
      return
    }
    platform_store_uint64(pool.arrived, 0)
    pool.share(count) { range, part in
      for round in 0..<rounds {
        body(round, range, pool.scratch(part, scratch))
        platform_meet(pool.arrived, UInt64((round + 1) * pool.parts))
      }
    }
  }
}

/// Called when the library is unloaded or the process ends: see platform.c.
@_cdecl("librnn_stop_threads")
public func stopThreads() { ThreadPool.stop() }

extension Int {
  /// The product, or `max` where it does not fit.
  fileprivate func multipliedOrMax(by other: Int) -> Int {
    let (value, overflow) = multipliedReportingOverflow(by: other)
    return overflow ? .max : value
  }
}
