/// Cross-entropy with a weight w_c for each class, and label smoothing ε, Szegedy et al. 2016, in PyTorch's form:
///
///   (1 - ε) w_y ℓ_y + ε/O Σ_c w_c ℓ_c,   ℓ_c = log Σ_k exp(x_k) - x_c
///
/// With a = (1 - ε) w_y, a_c = ε/O w_c and A = a + Σ_c a_c it is A ℓ_y + Σ_c a_c (x_y - x_c), and its derivative by
/// x_c is A p_c - a_c - [c = y] a.
struct ClassTerms {
  private let label: Int
  /// w; empty: 1 each.
  private let weights: View<Double>
  /// ε/O.
  private let part: Double
  /// a.
  private let own: Double
  /// A.
  private(set) var total: Double
  /// Σ_c a_c (x_y - x_c).
  private var spread = 0.0

  @inline(never)
  init(_ logits: Numbers, label: Int, _ smoothing: Double, _ weights: View<Double>) {
    (self.label, self.weights) = (label, weights)
    part = smoothing / Double(logits.count)
    own = (1 - smoothing) * (weights.isEmpty ? 1 : weights[label])
    total = own
    if part == 0 { return }
    for c in 0..<logits.count {
      let weight = part * (weights.isEmpty ? 1 : weights[c])
      total += weight
      spread += weight * (logits[label] - logits[c])
    }
  }

  /// The loss, from ℓ_y.
  func loss(_ plain: Double) -> Double { total * plain + spread }

  /// From A (p - onehot(y)), times `scale`, to the derivative, times `scale`.
  @inline(never)
  func correct(_ gradient: Numbers, weight scale: Double) {
    if part == 0 { return }
    gradient[label] += scale * (total - own)
    for c in 0..<gradient.count { gradient[c] -= scale * part * (weights.isEmpty ? 1 : weights[c]) }
  }
}
