"""What gradient flossing does to exponents, and to a task with a long delay.

    python Examples/python/stability/flossing.py

An Elman network says at the end of a noisy sequence which of two marks it began with.
"""

from __future__ import annotations

import time

import librnn
import librnn.dynamics
import numpy as np
from figures import BLUE, GREEN, GREY, RED, Floats, plots, save

STEPS, ROWS, UNITS, UPDATES, SEEDS = 100, 32, 32, 1000, (1, 2, 3, 4, 5)
COUNT, FLOSSINGS, SEQUENCES = 8, 200, 2
ARMS = {
    "as initialised": ("default", False, RED),
    "orthogonal": ("orthogonal", False, GREEN),
    "flossed": ("default", True, BLUE),
}


def draw(generator: np.random.Generator, rows: int = ROWS) -> tuple[Floats, Floats]:
    """Return sequences [T, B, 2] of noise after a mark of -1 or 1, and labels [B]."""
    labels = generator.integers(0, 2, rows)
    x = 0.3 * generator.standard_normal((STEPS, rows, 2), dtype=np.float32)
    x[:, :, 1] = 0
    x[0] = np.stack([2 * labels - 1, np.ones(rows)], axis=1)
    return x, labels


def floss(model: librnn.Model, generator: np.random.Generator) -> Floats:
    """Take the steps, and return the exponents [F, m] before each, means of the sequences."""
    flosser = librnn.Trainer(model, optimizer=librnn.Adam(lr=1e-3))
    results = [flosser.floss(draw(generator, SEQUENCES)[0], COUNT) for _ in range(FLOSSINGS)]
    return np.array([result.exponents.mean(axis=0) for result in results])


def learn(model: librnn.Model, generator: np.random.Generator) -> tuple[Floats, float]:
    """Return losses, means of 20, and what is at first left of the gradient at the first state."""
    trainer = librnn.Trainer(model, optimizer=librnn.Adam(lr=2e-3), clip_norm=1.0)
    results = [trainer.step(*draw(generator), observe=i == 0) for i in range(UPDATES)]
    norms = results[0].flow.layers[0].grad_h_mean
    losses = np.reshape([result.loss for result in results], (-1, 20))
    return losses.mean(axis=1), norms[0] / norms[-1]


def tell_exponents(model: librnn.Model) -> str:
    """Return the largest and the least of the leading exponents, means of ten sequences."""
    x, _ = draw(np.random.default_rng(0), 10)
    found = librnn.dynamics.lyapunov(model, x, COUNT).exponents.mean(axis=0)
    return f"{found.max():.3f} to {found.min():.3f}"


def main() -> None:
    """Draw the exponents of one network over the steps, and the losses of all."""
    figure, (left, right) = plots()
    updates = 20 * np.arange(1, UPDATES // 20 + 1)
    for name, (init, is_flossed, color) in ARMS.items():
        right.plot([], [], color=color, label=name)
        for seed in SEEDS:
            layers = librnn.RNN(2, UNITS, recurrent_init=init), librnn.Linear(UNITS, 2, last=True)
            model, begin = librnn.Model(*layers, seed=seed), time.perf_counter()
            if is_flossed:
                exponents = floss(model, np.random.default_rng(seed))
                if seed == SEEDS[0]:
                    left.plot(exponents, color=color)
            before, middle = tell_exponents(model), time.perf_counter()
            losses, kept = learn(model, np.random.default_rng(100 + seed))
            right.semilogy(updates, losses, color=color, lw=1.2)
            when = next(iter(updates[losses < 0.1]), "never")
            print(f"{name}, seed {seed}: {time.perf_counter() - middle:.2f} s of training ", end="")
            print(f"after {middle - begin:.2f} s: {kept:.1e} of the gradient left, ", end="")
            print(f"loss below 0.1 after {when}, at the end {losses[-5:].mean():.5f}")
            print(f"    exponents {before}, after training {tell_exponents(model)}")
    left.axhline(0, color=GREY, lw=0.8)
    left.set(title=f"the {COUNT} leading exponents of one network", xlabel="step of flossing")
    right.set(title="loss of 5 seeds; guessing is 0.69", xlabel="update")
    right.legend()
    save(figure, "flossing")


if __name__ == "__main__":
    main()
