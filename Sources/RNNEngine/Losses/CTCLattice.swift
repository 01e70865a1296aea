import CPlatform

/// The forward-backward algorithm of CTC for one sequence, in logarithms. States are blank, l_1, blank, l_2, ... blank,
/// S = 2U + 1 of them; E_t(s) = log p_t of the class of s; hop(s): s is a label other than that of s - 2.
///
///   α_t(s) = E_t(s) + log(e^α_{t-1}(s) + e^α_{t-1}(s-1) + [hop(s)] e^α_{t-1}(s-2))
///   log p(l) = log(e^α_T(S) + e^α_T(S-1))
///   β_t(s) = log(Σ of e^(β_{t+1} + E_{t+1}) over s, s+1 and, if hop(s+2), s+2)
///   γ_t(s) = e^(α_t(s) + β_t(s) - log p(l))
///
/// and -log p(l) has the derivative p_t(k) - Σ γ_t(s) over the states of class k.
struct CTCLattice {
  private typealias Row = UnsafeMutablePointer<Double>
  private let labels: Integers
  private let blank: Int
  let steps: Int
  /// [T, 1 + U]: E of blank and of each label; γ after `backward`.
  private let emissions: Row
  /// α, [T, 4 + S]; two places of no probability on each side.
  private let alphas: Row
  private let betas: Row

  /// Numbers that it takes.
  static func count(steps: Int, labels: Int) throws(RNNError) -> Int {
    let width = try Size.sum(Size.product(labels, 3), 6)
    return try Size.sum(Size.product(steps, width), Size.product(width, 2))
  }

  init(_ labels: Integers, steps: Int, blank: Int, _ memory: UnsafeMutablePointer<Double>) {
    (self.labels, self.steps, self.blank, emissions) = (labels, steps, blank, memory)
    alphas = memory + steps * (1 + labels.count)
    betas = alphas + steps * (2 * labels.count + 5)
  }

  private var states: Int { 2 * labels.count + 1 }
  private var width: Int { states + 4 }

  /// From the logits of a step and their partition sum.
  @inline(never)
  func load(_ logits: Numbers, step t: Int, partition: Partition) {
    let row = emissions + t * (1 + labels.count)
    row[0] = partition.logProbability(logits[blank])
    for u in 0..<labels.count { row[1 + u] = partition.logProbability(logits[labels[u]]) }
  }

  /// log p(l).
  @inline(never)
  func forward() -> Double {
    if steps == 0 { return labels.count == 0 ? 0 : -.infinity }
    for t in 0..<steps {
      let row = alphas + t * width
      clear(row)
      if t > 0 { advance(row - width, row, by: 1) } else { row[2] = 0 }
      if t == 0 && states > 1 { row[3] = 0 }
      for s in 0..<states { row[2 + s] += emission(t, s).pointee }
    }
    let last = alphas + (steps - 1) * width
    return logSum(last[states + 1], last[states], -.infinity)
  }

  /// Leaves γ where E was.
  @inline(never)
  func backward(_ likelihood: Double) {
    let (now, later) = (betas, betas + width)
    clear(now)
    clear(later)
    now[states + 1] = 0
    if states > 1 { now[states] = 0 }
    for t in (0..<steps).reversed() {
      if t < steps - 1 { advance(later, now, by: -1) }
      for s in 0..<states { later[2 + s] = now[2 + s] + emission(t, s).pointee }
      for i in 0...labels.count { emissions[t * (1 + labels.count) + i] = 0 }
      let alpha = alphas + t * width
      for s in 0..<states { emission(t, s).pointee += exp(alpha[2 + s] + now[2 + s] - likelihood) }
    }
  }

  /// From p to p - γ, each times `weight`.
  @inline(never)
  func subtract(step t: Int, from gradient: Numbers, weight: Double) {
    let row = emissions + t * (1 + labels.count)
    gradient[blank] -= weight * row[0]
    for u in 0..<labels.count { gradient[labels[u]] -= weight * row[1 + u] }
  }

  private func clear(_ row: Row) {
    for s in 0..<width { row[s] = -.infinity }
  }

  private func emission(_ t: Int, _ s: Int) -> Row {
    emissions + (t * (1 + labels.count) + (s % 2 == 0 ? 0 : (s + 1) / 2))
  }

  /// One step forward in time, or back.
  @inline(never)
  private func advance(_ from: Row, _ to: Row, by d: Int) {
    for s in 0..<states {
      let i = s + 2
      to[i] = logSum(from[i], from[i - d], hop(d > 0 ? s : s + 2) ? from[i - 2 * d] : -.infinity)
    }
  }

  private func hop(_ s: Int) -> Bool {
    s % 2 == 1 && s >= 3 && s < states && labels[(s - 1) / 2] != labels[(s - 3) / 2]
  }
}

/// log(e^a + e^b + e^c). NaN if a is.
@inline(never)
func logSum(_ a: Double, _ b: Double, _ c: Double) -> Double {
  var top = b > a ? b : a
  if c > top { top = c }
  if top == -.infinity { return top }
  return top + log(exp(a - top) + exp(b - top) + exp(c - top))
}
