"""What the penalties ask for: gains and singular values with and without them.

    python Examples/python/stability/penalties.py

An Elman network copies what it saw 20 steps ago, under Adam, with and without Ω and orthogonality.
"""

from __future__ import annotations

import librnn
import numpy as np
from figures import BLUE, GREEN, GREY, RED, Floats, plots, save

STEPS, ROWS, UNITS, DELAY, UPDATES = 60, 16, 32, 20, 600
ARMS = {
    "no penalty": ({}, RED),
    "Ω": ({"omega": 2.0}, BLUE),
    "orthogonality": ({"orthogonality": 0.1}, GREEN),
}


def learn(penalties: dict[str, float]) -> tuple[librnn.StepResult, Floats]:
    """Return the last step, and the singular values of the recurrent matrix."""
    model = librnn.Model(librnn.RNN(1, UNITS), librnn.Linear(UNITS, 1), seed=1)
    trainer = librnn.Trainer(
        model, librnn.MSELoss(), librnn.Adam(lr=2e-3), clip_norm=1.0, **penalties
    )
    generator = np.random.default_rng(1)
    weights = np.zeros((STEPS, ROWS), np.float32)
    weights[DELAY:] = 1
    for update in range(UPDATES):
        x = generator.uniform(-1, 1, (STEPS, ROWS, 1)).astype(np.float32)
        y = np.roll(x, DELAY, axis=0)
        result = trainer.step(x, y, weights=weights, observe=update == UPDATES - 1)
    return result, np.linalg.svd(model.state_dict()["0.weight_hh_l0"], compute_uv=False)


def main() -> None:
    """Draw the gain of every step, and the singular values."""
    figure, (left, right) = plots()
    for name, (penalties, color) in ARMS.items():
        result, singular = learn(penalties)
        flow = result.flow.layers[0]
        left.plot(flow.gain, color=color, label=name)
        right.plot(singular, "o-", ms=3, color=color)
        print(f"{name}: loss {result.loss:.3f}, gain {flow.rate:.3f}, ", end="")
        print(f"horizon {flow.horizon:.0f}, singular values {singular[-1]:.2f}-{singular[0]:.2f}")
    for axes in (left, right):
        axes.axhline(1, color=GREY, lw=0.8)
    left.set(title="gain of the gradient's norm from t + 1 to t", xlabel="step t", ylim=(0, 1.2))
    right.set(title="singular values of W_hh", xlabel="i")
    left.legend()
    save(figure, "penalties")


if __name__ == "__main__":
    main()
