"""The recurrence without input or activation against its closed form, at every one of 200 steps.

    python Examples/python/papers/linear_recurrence.py

h_t = Wᵀ h_{t-1} with a symmetric W = Q Λ Qᵀ has h_t = Q Λᵗ Qᵀ h_0. If only the last step has a
loss, ‖h_T‖², the gradient at step t is 2 Q Λ^(2T - t) Qᵀ h_0; and the Lyapunov exponents are
ln |λ_i|. Each is measured, and must agree to 1e-10: states and gradients relative to their norm.
"""

from __future__ import annotations

from functools import partial

import librnn
import librnn.dynamics
import numpy as np
from numpy.typing import NDArray

import trials

UNITS, STEPS, LONG = 8, 200, 1500
RADII = (0.9, 1.0, 1.1)

Matrix = NDArray[np.float64]


def factors(radius: float, generator: np.random.Generator) -> tuple[Matrix, Matrix]:
    """Return an orthogonal Q, and eigenvalues of either sign and different magnitudes."""
    q, _ = np.linalg.qr(generator.standard_normal((UNITS, UNITS)))
    return q, radius * np.linspace(1, 0.2, UNITS) * generator.choice([-1, 1], UNITS)


def make_model(matrix: Matrix) -> librnn.Model:
    """Return the network h_t = W h_{t-1}: no activation, and biases of zero."""
    model = librnn.Model(librnn.RNN(1, UNITS, nonlinearity="identity"), dtype="float64")
    weights = {name: np.zeros_like(value) for name, value in model.state_dict().items()}
    model.load_state_dict(weights | {"0.weight_hh_l0": matrix})
    return model


def states(model: librnn.Model, start: Matrix) -> Matrix:
    """Return h_1 to h_T, [T, N]."""
    outputs, _ = model(np.zeros((STEPS, 1, 1)), state=start[None, None])
    return outputs[:, 0]


def gradient_norms(model: librnn.Model, start: Matrix) -> Matrix:
    """Return the norm of dL/dh_t for t = 1 to T, L = ‖h_T‖²."""
    last = np.zeros((STEPS, 1))
    last[-1] = 1
    trainer = librnn.Trainer(model, librnn.MSELoss("sum"), librnn.SGD(lr=0))
    result = trainer.step(
        np.zeros((STEPS, 1, 1)),
        np.zeros((STEPS, 1, UNITS)),
        state=start[None, None],
        weights=last,
        observe=True,
    )
    assert result.flow is not None
    return result.flow.layers[0].grad_h_mean


def compare(radius: float, seed: int) -> trials.Figures:
    """Return the largest differences from the closed form."""
    generator = np.random.default_rng(seed)
    q, values = factors(radius, generator)
    model, start = make_model(q @ np.diag(values) @ q.T), generator.standard_normal(UNITS)
    powers = values ** np.arange(1, 2 * STEPS + 1)[:, None]
    closed = (powers * (q.T @ start)) @ q.T
    norms = np.linalg.norm(closed, axis=1)
    difference = np.linalg.norm(states(model, start) - closed[:STEPS], axis=1)
    gradients = 2 * norms[STEPS - 1 :][::-1][1:]  # of powers 2T - 1 down to T
    found = librnn.dynamics.lyapunov(model, np.zeros((LONG, 1, 1)), warm_up=LONG // 2)
    return {
        "error of h": np.max(difference / norms[:STEPS]),
        "error of gradient": np.max(np.abs(gradient_norms(model, start) / gradients - 1)),
        "error of exponents": np.max(np.abs(found.exponents[0] - np.log(np.abs(values)))),
        "h_T / h_0": norms[STEPS - 1] / np.linalg.norm(start),
    }


def main() -> None:
    """Compare at several spectral radii."""
    options = trials.parser(__doc__).parse_args()
    cases = {f"spectral radius {radius:g}": partial(compare, radius) for radius in RADII}
    trials.run("linear_recurrence", cases, options)


if __name__ == "__main__":
    main()
