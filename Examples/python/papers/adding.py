"""The adding problem: a GRU over 600 steps, and rectified units over 200 and 400 steps.

    python Examples/python/papers/adding.py

A sequence of T numbers, uniform in [0, 1], two of which are marked, at any places: the answer after
the last step is the sum of the two. Who answers 1 always has a mean squared error of 1/6.

- GRU, T = 600, 70,000 parameters. Bai, Kolter and Koltun, "An empirical evaluation of generic
  convolutional and recurrent networks for sequence modeling", 2018, table 1: 5.3e-5.
- IRNN (Le, Jaitly and Hinton 2015: relu, the recurrent matrix begins as the identity, biases at 0),
  100 units. Keller and others, "Traveling waves encode the recent past and enhance sequence
  learning", 2024: T = 200 4e-5 after 22,000 updates, T = 400 1e-4 after 30,000.

Every update has new sequences; the settings were chosen by the validation error.

At T = 400 rectified units run away: once a spectral radius of 1.1 has made the states huge, every
gradient is huge too, and what clipping leaves of it says little. So an update whose gradient has a
norm above 1e4 is taken back, and the recurrent matrix shrinks by a thousandth; Pascanu, Mikolov and
Bengio's program does so above 1e10. With seed 1, 12 of the first 20,000 updates are, all of them
before the 3,000th.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import librnn
import numpy as np
from numpy.typing import NDArray

import trials

Values = NDArray[np.float32]

VALIDATION, TEST = 1_000_000_001, 1_000_000_002
"""The seeds of the sequences that models are judged on: the same for all, learned by none."""

JUDGED = 2000
"""How many sequences of each."""


@dataclass(frozen=True)
class Setting:
    """How one model learns sums over T steps."""

    time_steps: int
    make_model: Callable[[int], librnn.Model]
    batch_size: int
    updates: int
    optimizer: librnn.Optimizer
    warm_up: float = 0.0
    clip_norm: float = 1.0
    take_back_above: float | None = None


def gru(seed: int, hidden: int = 150) -> librnn.Model:
    """Return gated units with PyTorch's initialisation."""
    return librnn.Model(librnn.GRU(2, hidden), librnn.Linear(hidden, 1, last=True), seed=seed)


def irnn(seed: int, hidden: int = 100, scale: float = 0.1) -> librnn.Model:
    """Return rectified units that begin as sums: identity, biases 0, small input weights."""
    model = librnn.Model(
        librnn.RNN(2, hidden, recurrent_init="identity", nonlinearity="relu"),
        librnn.Linear(hidden, 1, last=True),
        seed=seed,
    )
    weights = model.state_dict()
    random = np.random.default_rng(seed)
    weights["0.weight_ih_l0"] = random.normal(0, scale, (hidden, 2)).astype(np.float32)
    for name in ("0.bias_ih_l0", "0.bias_hh_l0", "1.bias"):
        weights[name] = np.zeros_like(weights[name])
    model.load_state_dict(weights)
    return model


def sequences(
    random: np.random.Generator, time_steps: int, batch_size: int
) -> tuple[Values, Values]:
    """Draw numbers and marks [T, B, 2], and the sums of the marked numbers [B, 1]."""
    values = random.random((time_steps, batch_size), np.float32)
    first = random.integers(time_steps, size=batch_size)
    second = (first + random.integers(1, time_steps, size=batch_size)) % time_steps
    marks = np.zeros_like(values)
    marks[first, np.arange(batch_size)] = 1
    marks[second, np.arange(batch_size)] = 1
    return np.stack([values, marks], axis=2), (values * marks).sum(axis=0)[:, None]


def train(setting: Setting, seed: int) -> librnn.Trainer:
    """Learn from new sequences at each update."""
    trainer = librnn.Trainer(
        setting.make_model(seed),
        loss=librnn.MSELoss(),
        optimizer=setting.optimizer,
        clip_norm=setting.clip_norm,
    )
    random = np.random.default_rng(seed)
    for update in range(setting.updates):
        done = update / setting.updates
        trainer.learning_rate = setting.optimizer.lr * schedule(done, setting.warm_up)
        batch = sequences(random, setting.time_steps, setting.batch_size)
        if setting.take_back_above is None:
            trainer.step(*batch)
        else:
            step_or_shrink(trainer, batch, setting.take_back_above)
    return trainer


def step_or_shrink(
    trainer: librnn.Trainer, batch: tuple[Values, Values], above: float, shrink: float = 1e-3
) -> None:
    """Take a step; if the norm of its gradient is above, or NaN, take it back and shrink W_hh."""
    weights = trainer.model.state_dict()
    if not trainer.step(*batch).grad_norm <= above:
        weights["0.weight_hh_l0"] *= np.float32(1 - shrink)
        trainer.model.load_state_dict(weights)


def schedule(done: float, warm_up: float) -> float:
    """Return the factor of the learning rate: a rise for `warm_up`, and half a cosine down to 0."""
    rise = done / warm_up if done < warm_up else 1.0
    return rise * (1 + math.cos(math.pi * done)) / 2


def judge(trainer: librnn.Trainer, time_steps: int, seed: int, batch_size: int = 100) -> float:
    """Return the mean squared error over the sequences of a seed."""
    random = np.random.default_rng(seed)
    batches = JUDGED // batch_size
    losses = [
        trainer.evaluate(*sequences(random, time_steps, batch_size)).loss for _ in range(batches)
    ]
    return sum(losses) / batches


def trial(setting: Setting, seed: int) -> trials.Figures:
    """Train one model and judge it."""
    trainer = train(setting, seed)
    return {
        "validation": judge(trainer, setting.time_steps, VALIDATION),
        "test": judge(trainer, setting.time_steps, TEST),
        "updates": setting.updates,
        "parameters": trainer.model.num_parameters,
    }


SETTINGS = {
    "IRNN, T = 200": Setting(200, irnn, 16, 30_000, librnn.Adam(3e-4), warm_up=0.1),
    "IRNN, T = 400": Setting(
        400,
        partial(irnn, scale=0.05),
        32,
        30_000,
        librnn.Adam(3e-4),
        warm_up=0.3,
        clip_norm=10.0,
        take_back_above=1e4,
    ),
    "GRU, T = 600": Setting(600, gru, 8, 14_000, librnn.Adam(5e-3)),
}


def main() -> None:
    """Run the trials of all settings."""
    parser = trials.parser(__doc__)
    parser.add_argument("--only", default="", help="run the trials with this in their title")
    options = parser.parse_args()
    wanted = {name: partial(trial, s) for name, s in SETTINGS.items() if options.only in name}
    trials.run("adding", wanted, options)


if __name__ == "__main__":
    main()
