/// What a trainer asks for on the way back, layer by layer.
struct Supervisor<S: Scalar> {
  var clip: StepClip?
  var flow: GradientFlow<S>?
  var recordsActivations = false
  var omega: Omega<S>?
  var activations: ActivationPenalty<S>?

  func forLayer(_ index: Int, firstStep: Int) -> Supervision<S> {
    Supervision(
      clip: clip, flow: flow?.part(index, firstStep: firstStep, activations: recordsActivations), omega: omega
    )
  }
}
