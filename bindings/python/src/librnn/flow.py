"""What an observed training step saw of the gradient on its way back through time."""

from __future__ import annotations

from typing import NamedTuple

from ._arrays import Array


class TensorFlow(NamedTuple):
    """Norms of one tensor in an observed step.

    Attributes
    ----------
    grad_norm
        Of its gradient, before clipping.
    weight_norm
        Of the tensor before the update; 0 if there was no update.
    update_norm
        Of the update.
    """

    grad_norm: float
    weight_norm: float
    update_norm: float

    @property
    def update_ratio(self) -> float:
        """How far the update moved the tensor: ‖Δw‖ / ‖w‖; NaN if w was zero."""
        return self.update_norm / self.weight_norm if self.weight_norm else float("nan")


class LayerFlow(NamedTuple):
    """One stacked recurrent layer in an observed step. Arrays are [T], or [G, T] of gates.

    Attributes
    ----------
    layer, level
        Place in the stack of layers, and within the layer.
    hidden_size
        H.
    verdict
        "healthy", "vanishing", "exploding", "saturated", "dead" or "diverged".
    reason
        Of the verdict, a sentence.
    rate
        By which a step back multiplies the gradient's norm: the geometric mean of `gain`.
    horizon
        Steps back after which a hundredth of the norm is left: ln(0.01) / ln(rate), or infinite.
    saturated_fraction
        Of the activations of g, n or h that are a tanh: beyond 0.9; NaN if none is.
    dead_fraction
        Of the units: at zero in every sequence at every step.
    gates
        Names of the gates.
    grad_h_mean, grad_h_max
        ‖∂L/∂h_t‖, mean and maximum over the batch.
    grad_c_mean, grad_c_max
        The same of an LSTM's c; None for others.
    gain
        ‖(∂s_{t+1}/∂s_t)ᵀ d‖ / ‖d‖, d = ∂L/∂s_{t+1}, s = h or (h, c); NaN at the last step, at cuts
        of the gradient, and where d is zero.
    h_mean, h_std, h_max
        Of h_t over batch and units: mean, standard deviation, largest magnitude.
    gate_low, gate_high
        Part of the activations of each gate below 0.1 (-0.9 of a tanh), and above 0.9; NaN of relu
        and identity.
    """

    layer: int
    level: int
    hidden_size: int
    verdict: str
    reason: str
    rate: float
    horizon: float
    saturated_fraction: float
    dead_fraction: float
    gates: tuple[str, ...]
    grad_h_mean: Array
    grad_h_max: Array
    grad_c_mean: Array | None
    grad_c_max: Array | None
    gain: Array
    h_mean: Array
    h_std: Array
    h_max: Array
    gate_low: Array
    gate_high: Array

    @property
    def name(self) -> str:
        """Where it is: "1.l0" is stacked layer 0 of layer 1."""
        return f"{self.layer}.l{self.level}"


class GradientFlow(NamedTuple):
    """What an observed step saw.

    Attributes
    ----------
    layers
        Every stacked recurrent layer, from the first on.
    tensors
        Every tensor of the state dictionary, by name.
    """

    layers: tuple[LayerFlow, ...]
    tensors: dict[str, TensorFlow]

    def __str__(self) -> str:
        """Return the verdicts and the norms, a line each."""
        lines = [f"{layer.name}: {layer.verdict}: {layer.reason}" for layer in self.layers]
        lines += [
            f"{name}: gradient {tensor.grad_norm:.3g}, update / weight {tensor.update_ratio:.3g}"
            for name, tensor in self.tensors.items()
        ]
        return "\n".join(lines)
