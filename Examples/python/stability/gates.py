"""What gates do for the gradient: one task, three cells, before and after they learn.

    python Examples/python/stability/gates.py

The adding problem: of 50 numbers two are marked, and the answer is their sum.
"""

from __future__ import annotations

import librnn
import numpy as np
from figures import BLUE, GREEN, ORANGE, Floats, plots, save

STEPS, ROWS, UNITS, UPDATES = 50, 64, 32, 1500
CELLS = {
    "RNN": (librnn.RNN(2, UNITS), BLUE),
    "GRU": (librnn.GRU(2, UNITS), ORANGE),
    "LSTM": (librnn.LSTM(2, UNITS), GREEN),
}


def draw(generator: np.random.Generator) -> tuple[Floats, Floats]:
    """Return sequences [T, B, 2] and sums [B, 1]."""
    values = generator.random((STEPS, ROWS), dtype=np.float32)
    ranks = generator.random((STEPS, ROWS)).argsort(axis=0)
    marks = (ranks < 2).astype(np.float32)
    return np.stack([values, marks], axis=2), (values * marks).sum(axis=0)[:, None]


def learn(layer: librnn.Layer) -> tuple[list[float], list[librnn.LayerFlow]]:
    """Return the losses, and the flow at the first and the last update."""
    model = librnn.Model(layer, librnn.Linear(UNITS, 1, last=True), seed=1)
    trainer = librnn.Trainer(model, librnn.MSELoss(), librnn.Adam(lr=5e-3), clip_norm=1.0)
    generator = np.random.default_rng(1)
    losses, flows = [], []
    for update in range(UPDATES):
        result = trainer.step(*draw(generator), observe=update in (0, UPDATES - 1))
        losses.append(result.loss)
        if result.flow:
            flows.append(result.flow.layers[0])
    return losses, flows


def main() -> None:
    """Draw the losses, and the gradient's norm on its way back at the end."""
    figure, (left, right) = plots()
    for name, (layer, color) in CELLS.items():
        losses, flows = learn(layer)
        left.semilogy(np.convolve(losses, np.ones(25) / 25, "valid"), color=color, label=name)
        for flow, dashes in zip(flows, (":", "-"), strict=True):
            norms = flow.grad_h_mean
            right.semilogy((norms / norms[-1])[::-1], dashes, color=color)
        first, last = flows
        print(f"{name}: loss {np.mean(losses[-25:]):.4f}, rate {first.rate:.3f} then ", end="")
        print(f"{last.rate:.3f}, horizon {first.horizon:.0f} then {last.horizon:.0f}")
    left.axhline(1 / 6, color="#a0aec0", lw=0.8)
    left.set(title="loss; the line is 'always 1'", xlabel="update")
    right.set(title="|dL/dh_t|; dotted before, solid after", xlabel="steps back", ylim=(1e-8, 1e2))
    left.legend()
    save(figure, "gates")


if __name__ == "__main__":
    main()
