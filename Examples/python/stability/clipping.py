"""What clipping is for: the same training with and without it.

    python Examples/python/stability/clipping.py

An Elman network learns which of two marks came first (the whole experiment is
Examples/python/papers/temporal_order.py): gradient descent at 0.01, sequences of 50 steps.
"""

from __future__ import annotations

import librnn
import numpy as np
from figures import BLUE, GREY, RED, Floats, plots, save, set_weights, with_radius

STEPS, ROWS, UNITS, UPDATES, SEEDS = 50, 20, 50, 8000, (1, 2, 3, 4, 5)


def draw(generator: np.random.Generator) -> tuple[Floats, Floats]:
    """Return one-hot sequences [T, B, 6], two marks among distractors, and labels [B]."""
    symbols = generator.integers(2, 6, (STEPS, ROWS))
    marks = generator.integers(0, 2, (2, ROWS))
    for begin, mark in zip((STEPS // 10, STEPS // 2), marks, strict=True):
        places = begin + generator.integers(0, STEPS // 10, ROWS)
        symbols[places, np.arange(ROWS)] = mark
    return np.eye(6, dtype=np.float32)[symbols], marks[0] + 2 * marks[1]


def make_model(generator: np.random.Generator) -> librnn.Model:
    """Return a network of spectral radius 0.95, which hardly looks at its input yet."""
    model = librnn.Model(librnn.RNN(6, UNITS), librnn.Linear(UNITS, 4, last=True))
    head = 0.1 * generator.standard_normal((4, UNITS)).astype(np.float32)
    set_weights(
        model,
        weight_hh_l0=with_radius(generator, UNITS, 0.95),
        weight_ih_l0=0.01 * generator.standard_normal((UNITS, 6)),
    )
    model.load_state_dict(model.state_dict() | {"1.weight": head})
    return model


def learn(clip_norm: float | None, seed: int) -> tuple[Floats, Floats]:
    """Return the losses and the norms of the gradient before clipping, of each 100 updates."""
    generator = np.random.default_rng(seed)
    model = make_model(generator)
    trainer = librnn.Trainer(model, optimizer=librnn.SGD(lr=0.01), clip_norm=clip_norm)
    results = [trainer.step(*draw(generator)) for _ in range(UPDATES)]
    losses = np.reshape([result.loss for result in results], (-1, 100))
    norms = np.reshape([result.grad_norm for result in results], (-1, 100))
    return losses.mean(axis=1), norms.max(axis=1)


def main() -> None:
    """Draw losses and norms of every seed."""
    figure, (left, right) = plots()
    updates = 100 * np.arange(1, UPDATES // 100 + 1)
    for name, clip_norm, color in (("no clipping", None, RED), ("clipped at 1", 1.0, BLUE)):
        losses, norms = zip(*[learn(clip_norm, seed) for seed in SEEDS], strict=True)
        left.plot(updates, np.transpose(losses), color=color, lw=0.9)
        right.semilogy(updates, np.transpose(norms), color=color, lw=0.9)
        left.plot([], [], color=color, label=name)
        last = ", ".join(f"{loss[-5:].mean():.2f}" for loss in losses)
        print(f"{name}: loss of the last 500 {last}; largest norm {np.max(norms):.2g}")
    left.axhline(np.log(4), color=GREY, lw=0.8)
    left.set(title="loss of 5 seeds; the line is guessing", xlabel="update", ylim=(0, 2))
    right.axhline(1, color=GREY, lw=0.8)
    right.set(title="largest gradient norm of 100 updates", xlabel="update")
    left.legend(loc="lower left")
    save(figure, "clipping")


if __name__ == "__main__":
    main()
