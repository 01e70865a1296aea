import CPlatform

/// Whole files, read and written so that nothing half done is ever seen.
enum File {
  /// How messages name a file.
  static func name(_ path: UnsafePointer<CChar>) -> String { text("path \"\(String(cString: path))\"") }

  static func read(_ path: UnsafePointer<CChar>) throws(RNNError) -> Buffer<UInt8> {
    let file = platform_open_for_reading(path)
    guard file >= 0 else { throw failure(path, "expected a file to read") }
    defer { close(file) }
    let size = platform_file_size(file)
    guard size >= 0 else {
      throw RNNError(.io, "\(name(path)): expected a regular file, got something else")
    }
    let contents = try Buffer<UInt8>(count: Int(size))
    guard platform_read_all(file, contents.values.start, Int(size)) == 0 else {
      throw failure(path, text("expected to read \(size) bytes"))
    }
    return contents
  }

  /// Writes a temporary file beside `path`, flushes it and renames it: whoever looks, and whenever the
  /// machine stops, sees the old contents or the new.
  static func write(_ path: UnsafePointer<CChar>, _ parts: [UnsafeRawBufferPointer]) throws(RNNError) {
    guard platform_may_replace(path) != 0 else {
      throw RNNError(.io, "\(name(path)): expected a regular file or a new one, got something else")
    }
    var (temporary, file) = try create(beside: path)
    platform_copy_mode(path, file)
    var written = true
    for part in parts where written && part.count > 0 {
      written = platform_write_all(file, part.baseAddress, part.count) == 0
    }
    written = written && fsync(file) == 0
    // A failing close can be the first word of a full disk.
    written = close(file) == 0 && written
    guard written, rename(&temporary, path) == 0 else {
      let error = failure(path, "expected to write")
      unlink(&temporary)
      throw error
    }
    platform_sync_directory_of(&temporary)
  }

  private static func create(beside path: UnsafePointer<CChar>) throws(RNNError) -> ([CChar], Int32) {
    for attempt in 0..<1000 {
      let suffix = text(".tmp-\(platform_process_id())-\(attempt)")
      var name = [CChar](UnsafeBufferPointer(start: path, count: strlen(path)))
      name.append(contentsOf: suffix.bytes.map { CChar(bitPattern: $0) })
      name.append(0)
      let file = platform_create(name)
      if file >= 0 { return (name, file) }
      if platform_errno() != EEXIST { break }
    }
    throw failure(path, "expected to create a file beside it")
  }

  private static func failure(_ path: UnsafePointer<CChar>, _ expected: String) -> RNNError {
    let reason = String(cString: strerror(platform_errno()))
    return RNNError(.io, "\(name(path)): \(expected), got: \(reason)")
  }
}
