"""The gradient on its way back through 100 steps: linear, tanh and LSTM, before any training.

python Examples/python/stability/backwards.py
"""

from __future__ import annotations

import librnn
import numpy as np
from figures import BLUE, GREEN, GREY, ORANGE, RED, Floats, plots, save, set_weights, with_radius

UNITS, STEPS, ROWS = 32, 100, 16


def elman(radius: float, nonlinearity: str) -> librnn.Model:
    """Return a network with a recurrent matrix of this spectral radius."""
    generator = np.random.default_rng(1)
    model = librnn.Model(librnn.RNN(1, UNITS, nonlinearity=nonlinearity), dtype="float64")
    return set_weights(
        model,
        weight_hh_l0=with_radius(generator, UNITS, radius),
        weight_ih_l0=0.3 * generator.standard_normal((UNITS, 1)),
    )


def lstm(forget_bias: float) -> librnn.Model:
    """Return an LSTM with the default weights but this bias of its forget gates."""
    return librnn.Model(librnn.LSTM(1, UNITS, forget_bias=forget_bias), dtype="float64", seed=1)


def measure(model: librnn.Model) -> tuple[Floats, librnn.LayerFlow]:
    """Return |dL/ds_t| of a loss at the last step, s = h or c, relative to that at the last."""
    generator = np.random.default_rng(2)
    x, y = generator.standard_normal((STEPS, ROWS, 1)), np.zeros((STEPS, ROWS, UNITS))
    y[-1] = generator.standard_normal((ROWS, UNITS))
    last = np.zeros((STEPS, ROWS))
    last[-1] = 1
    trainer = librnn.Trainer(model, librnn.MSELoss(), librnn.SGD(lr=0))
    flow = trainer.step(x, y, weights=last, observe=True).flow.layers[0]
    norms = flow.grad_h_mean if flow.grad_c_mean is None else flow.grad_c_mean
    return norms / norms[-1], flow


def main() -> None:
    """Draw the norms against the steps back."""
    models = {
        "linear, ρ = 1.1": (elman(1.1, "identity"), RED, "-"),
        "linear, ρ = 0.9": (elman(0.9, "identity"), BLUE, "-"),
        "tanh, ρ = 1.1": (elman(1.1, "tanh"), RED, "--"),
        "tanh, ρ = 0.9": (elman(0.9, "tanh"), BLUE, "--"),
        "LSTM, forget bias 1": (lstm(1.0), ORANGE, "-"),
        "LSTM, forget bias 4": (lstm(4.0), GREEN, "-"),
    }
    figure, axes = plots(1, 3.4)
    for name, (model, color, dashes) in models.items():
        norms, flow = measure(model)
        axes.semilogy(norms[::-1], dashes, color=color, label=name)
        print(f"{name}: after {STEPS - 1} steps {norms[0]:.2g}, {flow.rate:.3f} a step, ", end="")
        print(f"horizon {flow.horizon:.0f}: {flow.verdict}")
    axes.axhline(0.01, color=GREY, lw=0.8)
    axes.set(xlabel="steps back from the loss", ylim=(1e-8, 1e6))
    axes.set_title("|dL/dh_t|, of LSTMs |dL/dc_t|, relative to the last step")
    axes.legend(ncols=3, loc="upper left")
    save(figure, "backwards")


if __name__ == "__main__":
    main()
