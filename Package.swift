// swift-tools-version: 6.2
import PackageDescription

// One source, two builds. `LIBRNN_EMBEDDED=1` gives what is shipped: Embedded Swift, no runtime library.
// Without it the same source is an ordinary module, which is what `swift test` runs.
let embedded = Context.environment["LIBRNN_EMBEDDED"] == "1"

// What the Embedded build adds to `-O`:
// - no dynamic exclusivity checks: they would trap in the host;
// - a section for each function, so that the linker can drop what is not used;
// - no outlined constant arrays: Swift 6.3 numbers those of a function in each module by itself and lets the
//   linker merge equal names, so that one array can stand in for another (seen with two lists of names).
let embeddedFlags = [
  "-wmo", "-enforce-exclusivity=unchecked", "-Xfrontend", "-function-sections",
  "-Xllvm", "-sil-disable-pass=object-outliner",
]
// Said to every C module, for the compiler's own of processor instructions reads system headers, too.
let gnu: [SwiftSetting] = [.unsafeFlags(["-Xcc", "-D_GNU_SOURCE"])]
let settings: [SwiftSetting] =
  gnu + (embedded ? [.enableExperimentalFeature("Embedded"), .unsafeFlags(embeddedFlags)] : [])

// The kernels are compiled for speed, once for each instruction set; what is not a kernel for size. There no function
// is compiled again for each closure that it is given: 18 KB.
func kernels(_ name: String, _ flags: [String] = []) -> Target {
  .target(
    name: "RNNKernels\(name)", dependencies: ["CPlatform", "RNNKernels"],
    swiftSettings: settings + [.unsafeFlags(flags + ["-disable-cmo"])])
}
let small =
  settings
  + (embedded ? [.unsafeFlags(["-Osize", "-Xllvm", "-sil-disable-pass=closure-specialize"])] : [])

#if arch(x86_64)
  let instructionSets = [
    kernels("Baseline"), kernels("AVX2", ["-target-cpu", "haswell"]),
    kernels("AVX512", ["-target-cpu", "skylake-avx512"]), kernels("VNNI", ["-target-cpu", "cooperlake"]),
  ]
#else
  let instructionSets = [kernels("Baseline")]
#endif

// Arrows point down only: C API -> engine -> kernels -> platform.
let package = Package(
  name: "librnn",
  products: [.library(name: "rnn", type: .static, targets: ["RNNCAPI"])],
  targets: [
    .systemLibrary(name: "CRNN", path: "include"),
    .systemLibrary(
      name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
    .target(name: "CPlatform"),
    .target(name: "RNNKernels", dependencies: ["CPlatform"], swiftSettings: settings),
    .target(
      name: "RNNEngine",
      dependencies: ["COpenBLAS", "CPlatform", "RNNKernels"]
        + instructionSets.map { .target(name: $0.name) },
      swiftSettings: small),
    .target(
      name: "RNNCAPI", dependencies: ["CRNN", "CPlatform", "RNNEngine"],
      swiftSettings: small),
    .testTarget(
      name: "RNNEngineTests",
      dependencies: ["CPlatform", "RNNKernels", "RNNEngine"] + instructionSets.map { .target(name: $0.name) },
      swiftSettings: gnu),
  ] + instructionSets
)
