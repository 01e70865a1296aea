"""The largest Lyapunov exponent of h <- tanh(J h) against the gain of J.

python Examples/python/stability/exponents.py
"""

from __future__ import annotations

import librnn
import librnn.dynamics
import numpy as np
from figures import BLUE, GREY, RED, Floats, plots, save, set_weights

UNITS, STEPS, WARM_UP = 60, 1200, 400
GAINS = np.array([0.5, 0.7, 0.9, 1.1, 1.4, 1.8, 2.5, 3.5, 5.0, 7.0, 10.0])


def measure(gain: float, seed: int) -> tuple[float, Floats]:
    """Return ln ρ(J), and all exponents."""
    generator = np.random.default_rng(seed)
    matrix = gain * generator.standard_normal((UNITS, UNITS)) / np.sqrt(UNITS)
    np.fill_diagonal(matrix, 0)
    model = librnn.Model(librnn.RNN(1, UNITS), dtype="float64")
    set_weights(model, weight_hh_l0=matrix)
    state = generator.standard_normal((1, 1, UNITS))
    x = np.zeros((STEPS, 1, 1))
    found = librnn.dynamics.lyapunov(model, x, warm_up=WARM_UP, interval=2, state=state)
    return np.log(librnn.dynamics.spectra(model)[0].spectral_radius), found.exponents[0]


def main() -> None:
    """Draw the first exponent by gain, and the whole spectrum at three gains."""
    figure, (left, right) = plots()
    runs = {gain: [measure(gain, seed) for seed in (1, 2, 3)] for gain in GAINS}
    first = np.array([[exponents[0] for _, exponents in run] for run in runs.values()])
    radii = np.array([[radius for radius, _ in run] for run in runs.values()])
    for gain, exponents, radius in zip(GAINS, first.mean(axis=1), radii.mean(axis=1), strict=True):
        print(f"g = {gain}: lambda_1 {exponents:.3f}, ln rho {radius:.3f}")
    left.semilogx(GAINS, radii.mean(axis=1), "--", color=GREY, label="ln ρ(J)")
    left.semilogx(GAINS, first.mean(axis=1), "o-", color=BLUE, ms=3, label="λ₁")
    left.axhline(0, color=RED, lw=0.8)
    left.set(title="largest exponent, mean of 3 networks", xlabel="gain g", ylim=(-0.9, 1.2))
    left.legend()
    for gain, color in ((0.9, GREY), (2.5, BLUE), (10.0, RED)):
        right.plot(np.sort(runs[gain][0][1])[::-1], color=color, label=f"g = {gain:g}")
    right.axhline(0, color=RED, lw=0.8)
    right.set(title="all exponents λᵢ of one network", xlabel="i", ylim=(-5, 1.2))
    right.legend()
    save(figure, "exponents")


if __name__ == "__main__":
    main()
