import CPlatform

/// The safetensors format: the length of a JSON header, the header, then the tensors without gaps.
/// https://github.com/huggingface/safetensors describes it; docs/file-format.md says what we put in.
enum Safetensors {
  struct Entry {
    let name: String
    let dtype: DType
    let shape: [Int]
    let data: UnsafeRawBufferPointer
  }

  /// Above this a header is not believed.
  static let maximumHeader = 100_000_000
  private static let checksumKey = "\"crc32\":\""
  private static let noChecksum = "00000000"

  private static func typeName(_ dtype: DType) -> String {
    switch dtype {
    case .float32: "F32"
    case .float64: "F64"
    case .int32: "I32"
    case .int64: "I64"
    }
  }

  // MARK: Writing

  /// `metadata` goes to `__metadata__`, with a CRC-32 of the file in which its own digits are zeros.
  static func write(
    _ path: UnsafePointer<CChar>, _ entries: [Entry], metadata: [(key: String, value: JSON)]
  ) throws(RNNError) {
    var bytes = header(entries, metadata)
    var crc = CRC32()
    bytes.withUnsafeBytes { crc.add($0) }
    for entry in entries { crc.add(entry.data) }
    if let place = bytes.withUnsafeBufferPointer({ checksumPlace($0) }) {
      for (index, digit) in crc.digits.bytes.enumerated() { bytes[place + index] = digit }
    }
    let data = entries.map { $0.data }
    let result = bytes.withUnsafeBytes { header -> Result<Void, RNNError> in
      do throws(RNNError) { return .success(try File.write(path, [header] + data)) } catch {
        return .failure(error)
      }
    }
    try result.get()
  }

  private static func header(_ entries: [Entry], _ metadata: [(key: String, value: JSON)]) -> [UInt8] {
    var members: [(key: String, value: JSON)] = [
      ("__metadata__", .object(metadata + [("crc32", .string(noChecksum))]))
    ]
    var offset = 0
    for entry in entries {
      let end = offset + entry.data.count
      members.append(
        (
          entry.name,
          .object([
            ("dtype", .string(typeName(entry.dtype))),
            ("shape", .array(entry.shape.map { .number($0) })),
            ("data_offsets", .array([.number(offset), .number(end)])),
          ])
        ))
      offset = end
    }
    var text = JSON.object(members).bytes
    while text.count % 8 != 0 { text.append(UInt8(ascii: " ")) }
    let length = (0..<8).map { UInt8(truncatingIfNeeded: text.count >> ($0 * 8)) }
    return length + text
  }

  /// Where the digits of the checksum stand, if the header has one.
  fileprivate static func checksumPlace(_ bytes: UnsafeBufferPointer<UInt8>) -> Int? {
    let key = checksumKey.bytes
    guard bytes.count >= key.count + 8 else { return nil }
    return (0...bytes.count - key.count - 8).first { start in
      for index in key.indices where bytes[start + index] != key[index] { return false }
      return true
    }.map { $0 + key.count }
  }
}

/// A safetensors file that has been read and checked.
final class SafetensorsFile {
  /// As messages name it.
  let path: String
  let entries: [Safetensors.Entry]
  let metadata: JSON
  /// What the entries point into.
  private let contents: Buffer<UInt8>

  convenience init(_ file: UnsafePointer<CChar>) throws(RNNError) {
    let path = File.name(file)
    let contents = try File.read(file)
    let bytes = UnsafeBufferPointer(contents.values)
    let length = try Self.headerLength(bytes, path)
    let header = UnsafeBufferPointer(rebasing: bytes[8..<8 + length])
    let data = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[(8 + length)...])
    guard let json = JSONParser.parse(header), case .object(let members) = json else {
      throw RNNError(.format, "\(path): expected a JSON header, got something else")
    }
    let metadata = json["__metadata__"] ?? .object([])
    try Self.check(metadata["crc32"], bytes, headerEnd: 8 + length, path)
    self.init(path, try Self.entries(members, data, path), metadata, contents)
  }

  private init(
    _ path: String, _ entries: [Safetensors.Entry], _ metadata: JSON, _ contents: Buffer<UInt8>
  ) {
    (self.path, self.entries, self.metadata, self.contents) = (path, entries, metadata, contents)
  }

  private static func headerLength(_ bytes: UnsafeBufferPointer<UInt8>, _ path: String) throws(RNNError)
    -> Int
  {
    guard bytes.count >= 8 else {
      throw RNNError(.format, "\(path): expected at least 8 bytes, got \(bytes.count)")
    }
    var length: UInt64 = 0
    for index in 0..<8 { length |= UInt64(bytes[index]) << UInt64(index * 8) }
    guard length <= UInt64(Safetensors.maximumHeader), length <= UInt64(bytes.count - 8) else {
      throw RNNError(
        .format,
        "\(path): expected a header within the file of \(bytes.count) bytes, got one of \(length) bytes")
    }
    return Int(length)
  }

  /// The checksum of the file with its own digits read as zeros.
  private static func check(
    _ stored: JSON?, _ bytes: UnsafeBufferPointer<UInt8>, headerEnd: Int, _ path: String
  ) throws(RNNError) {
    guard let stored = stored?.text else {
      throw RNNError(.format, "\(path): expected the metadata \"crc32\" of a file of librnn, got none")
    }
    let header = UnsafeBufferPointer(rebasing: bytes[0..<headerEnd])
    guard let place = Safetensors.checksumPlace(header) else {
      throw RNNError(.format, "\(path): expected a crc32 of 8 digits, got another form")
    }
    let zeros = [UInt8](repeating: UInt8(ascii: "0"), count: 8)
    let raw = UnsafeRawBufferPointer(bytes)
    var crc = CRC32()
    crc.add(UnsafeRawBufferPointer(rebasing: raw[0..<place]))
    zeros.withUnsafeBytes { crc.add($0) }
    crc.add(UnsafeRawBufferPointer(rebasing: raw[(place + 8)...]))
    guard stored.isSame(as: crc.digits) else {
      throw RNNError(
        .format, "\(path): expected crc32 \(stored), got \(crc.digits): the file is damaged")
    }
  }

  private static func entries(
    _ members: [(key: String, value: JSON)], _ data: UnsafeRawBufferPointer, _ path: String
  ) throws(RNNError) -> [Safetensors.Entry] {
    var (entries, places) = ([Safetensors.Entry](), [platform_place]())
    for member in members where !member.key.isSame(as: "__metadata__") {
      guard let entry = Safetensors.Entry(member.key, member.value, data) else {
        throw RNNError(.format, "\(path): \(member.key): expected dtype, shape and offsets that fit the file")
      }
      entries.append(entry)
      if let start = entry.data.baseAddress, let first = data.baseAddress, entry.data.count > 0 {
        places.append(platform_place(begin: start - first, end: start - first + entry.data.count))
      }
    }
    platform_sort_places(&places, places.count)
    var covered = 0
    for place in places {
      guard place.begin == covered else { break }
      covered = place.end
    }
    guard covered == data.count, covered == places.last?.end ?? 0 else {
      throw RNNError(
        .format, "\(path): expected tensors that fill \(data.count) bytes without gaps or overlaps")
    }
    return entries
  }

  /// An error in what the file says, as an error of the file.
  func damaged(_ error: RNNError) -> RNNError { RNNError(.format, "\(path): \(error.message)") }

  /// Copies the one tensor of an entry's name, which must have its shape, into its memory.
  func read(_ target: Safetensors.Entry) throws(RNNError) {
    let found = entries.filter { $0.name.isSame(as: target.name) }
    guard found.count == 1, let data = found[0].data.baseAddress, let start = target.data.baseAddress else {
      throw RNNError(.format, "\(path): \(target.name): expected one tensor, got \(found.count)")
    }
    guard found[0].dtype == target.dtype, found[0].shape == target.shape else {
      throw RNNError(
        .format,
        "\(path): \(target.name): expected \(target.dtype.name) \(shapeText(target.shape)), got \(found[0].dtype.name) \(shapeText(found[0].shape))"
      )
    }
    memcpy(UnsafeMutableRawPointer(mutating: start), data, target.data.count)
  }
}

extension Safetensors.Entry {
  /// nil if anything about the description is not believable.
  init?(_ name: String, _ json: JSON, _ data: UnsafeRawBufferPointer) {
    let types: [(String, DType)] = [("F32", .float32), ("F64", .float64), ("I32", .int32), ("I64", .int64)]
    guard let typeName = json["dtype"]?.text,
      let dtype = types.first(where: { $0.0.isSame(as: typeName) })?.1,
      let sides = json["shape"]?.elements, let offsets = json["data_offsets"]?.elements, offsets.count == 2,
      let begin = offsets[0].int, let end = offsets[1].int, begin >= 0, begin <= end, end <= data.count
    else { return nil }
    var (shape, bytes) = ([Int](), dtype.bytes)
    for side in sides {
      guard let value = side.int, value >= 0,
        case let (product, overflow) = bytes.multipliedReportingOverflow(by: value),
        !overflow
      else { return nil }
      shape.append(value)
      bytes = product
    }
    guard bytes == end - begin else { return nil }
    self.init(
      name: name, dtype: dtype, shape: shape, data: UnsafeRawBufferPointer(rebasing: data[begin..<end]))
  }
}
