import RNNKernels

/// The functions that layers may be asked for. Raw values are those of `rnn_nonlinearity`.
public enum Nonlinearity: Int, Sendable {
  case tanh = 0
  case relu = 1
  /// The linear recurrence.
  case identity = 2
  case sigmoid = 3
  case hardSigmoid = 4
  case softsign = 5

  private static let all: [Nonlinearity] = [.tanh, .relu, .identity, .sigmoid, .hardSigmoid, .softsign]

  /// As kernels know it.
  var kind: FunctionKind {
    switch self {
    case .tanh: .tanh
    case .relu: .relu
    case .identity: .identity
    case .sigmoid: .sigmoid
    case .hardSigmoid: .hardSigmoid
    case .softsign: .softsign
    }
  }

  /// In files.
  var name: String {
    switch self {
    case .tanh: "tanh"
    case .relu: "relu"
    case .identity: "identity"
    case .sigmoid: "sigmoid"
    case .hardSigmoid: "hard_sigmoid"
    case .softsign: "softsign"
    }
  }

  static func named(_ text: String?) -> Nonlinearity? {
    all.first { $0.name.isSame(as: text) }
  }
}
