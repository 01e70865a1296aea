"""Eigenvalues to the power t: states and gradients of the recurrence without activation.

python Examples/python/stability/powers.py
"""

from __future__ import annotations

import librnn
import numpy as np
from figures import BLUE, GREEN, RED, Floats, plots, save, set_weights

UNITS, STEPS = 16, 100
RADII = {0.9: BLUE, 1.0: GREEN, 1.1: RED}


def symmetric(radius: float) -> tuple[Floats, Floats, Floats]:
    """Return W = Q Λ Qᵀ, Q and Λ."""
    generator = np.random.default_rng(1)
    q, _ = np.linalg.qr(generator.standard_normal((UNITS, UNITS)))
    values = radius * np.linspace(1, -0.9, UNITS)
    return (q * values) @ q.T, q, values


def measure(matrix: Floats, start: Floats) -> tuple[Floats, Floats]:
    """Return |h_t| and |dL/dh_t|, L = |h_T|² / 2."""
    model = librnn.Model(librnn.RNN(1, UNITS, nonlinearity="identity"), dtype="float64")
    set_weights(model, weight_hh_l0=matrix)
    trainer = librnn.Trainer(model, librnn.MSELoss("sum"), librnn.SGD(lr=0))
    last = np.zeros((STEPS, 1))
    last[-1] = 0.5
    x, y, state = np.zeros((STEPS, 1, 1)), np.zeros((STEPS, 1, UNITS)), start[None, None]
    outputs, _ = model(x, state=state)
    result = trainer.step(x, y, state=state, weights=last, observe=True)
    return np.linalg.norm(outputs[:, 0], axis=1), result.flow.layers[0].grad_h_mean


def main() -> None:
    """Draw states and gradients at three spectral radii, measured and by the closed form."""
    start = np.random.default_rng(2).standard_normal(UNITS)
    figure, (left, right) = plots()
    steps = np.arange(1, STEPS + 1)
    for radius, color in RADII.items():
        matrix, q, values = symmetric(radius)
        states, gradients = measure(matrix, start)
        powers = values ** np.arange(2 * STEPS + 1)[:, None]
        closed = np.linalg.norm((powers * (q.T @ start)) @ q.T, axis=1)
        expected = closed[STEPS : 2 * STEPS][::-1]
        left.semilogy(steps, states, color=color, label=f"largest eigenvalue {radius:g}")
        right.semilogy(steps, gradients / gradients[-1], color=color)
        left.semilogy(steps[::8], closed[1 : STEPS + 1 : 8], "o", color=color, ms=3)
        right.semilogy(steps[::8], (expected / expected[-1])[::8], "o", color=color, ms=3)
        errors = [abs(states / closed[1 : STEPS + 1] - 1), abs(gradients / expected - 1)]
        print(f"{radius}: |h_T| / |h_0| {states[-1] / np.linalg.norm(start):.2g}, gradient at")
        print(f"  step 1 / at T {gradients[0] / gradients[-1]:.2g}, error {np.max(errors):.1e}")
    left.set(title="state |h_t|, lines measured, dots Q Λᵗ Qᵀ h_0", xlabel="step t")
    right.set(title="gradient |dL/dh_t| of a loss at the last step", xlabel="step t")
    left.legend()
    save(figure, "powers")


if __name__ == "__main__":
    main()
