"""Lyapunov exponents of random networks, from silence into chaos.

    python Examples/python/papers/chaos.py

Engelken, Wolf and Abbott (2023) follow h <- J tanh(h), J = g N(0, 1) / √N with zeros on its
diagonal. librnn's network without input is h <- tanh(J h): with u = tanh(h) each is the other, so
their exponents are the same. Measured with their program's equations, for N = 100 and 4 networks:
0.8: -0.169 ± 0.027, where it must be ln ρ(J); 1.5: 0.004 ± 0.003; 2: 0.114 ± 0.033, with D / N
0.189; 5: 0.487 ± 0.005, 0.233 and H / N 0.034; 10: 0.761 ± 0.009, 0.152 and 0.036. These networks
are others, so that both spreads count: means must be closer than the two spreads together.
"""

from __future__ import annotations

from functools import partial

import librnn
import librnn.dynamics
import numpy as np
from numpy.typing import NDArray

import trials

UNITS, STEPS, WARM_UP = 100, 3000, 1000
GAINS = (0.8, 1.5, 2.0, 5.0, 10.0)


def draw(gain: float, generator: np.random.Generator) -> NDArray[np.float64]:
    """Return J."""
    matrix = gain * generator.standard_normal((UNITS, UNITS)) / np.sqrt(UNITS)
    np.fill_diagonal(matrix, 0)
    return matrix


def make_model(matrix: NDArray[np.float64]) -> librnn.Model:
    """Return the network h <- tanh(J h), whose one input counts for nothing."""
    model = librnn.Model(librnn.RNN(1, UNITS), dtype="float64")
    weights = {name: np.zeros_like(value) for name, value in model.state_dict().items()}
    model.load_state_dict(weights | {"0.weight_hh_l0": matrix})
    return model


def measure(gain: float, seed: int) -> trials.Figures:
    """Return the first exponent, the attractor's dimension and the entropy of one network."""
    generator = np.random.default_rng(seed)
    model = make_model(draw(gain, generator))
    found = librnn.dynamics.lyapunov(
        model,
        np.zeros((STEPS, 1, 1)),
        warm_up=WARM_UP,
        state=generator.standard_normal((1, 1, UNITS)),
    )
    radius = librnn.dynamics.spectra(model)[0].spectral_radius
    return {
        "lambda_1": found.exponents[0, 0],
        "ln rho": np.log(radius),
        "lambda_1 - ln rho": found.exponents[0, 0] - np.log(radius),
        "D / N": found.dimension[0] / UNITS,
        "H / N": found.entropy[0] / UNITS,
    }


def main() -> None:
    """Measure at several gains."""
    parser = trials.parser(__doc__)
    parser.set_defaults(seeds=[1, 2, 3, 4])
    options = parser.parse_args()
    trials.run("chaos", {f"g = {gain:g}": partial(measure, gain) for gain in GAINS}, options)


if __name__ == "__main__":
    main()
