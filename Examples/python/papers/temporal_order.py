"""The temporal order task, learnt with and without clipping and the penalty Ω.

    python Examples/python/papers/temporal_order.py

Pascanu, Mikolov and Bengio 2013 (ICML): Elman networks of 50 units, plain gradient descent at 0.01
on batches of 20, a threshold of 1 and Ω with weight 4; solved at less than 1 % of 10 000 fresh
sequences wrong. Theirs had up to 5 million updates and 5 seeds. What differs here: fewer updates
and seeds; a gradient that is not finite is skipped, where their program shrinks W_hh; and a
network of librnn has two biases, so that the sum of both moves twice as fast.

A network that learns from lengths of 50 to 200 is trained as their program does it, with one bias
and with the shrinking, but at 0.005: at 0.01 it forgets again what it has learnt. It stops when
less than 1 % of fresh sequences are wrong, of the lengths that it learns from and of length 1000;
it learns from none of the latter, and those that it is judged on at the end are drawn apart.

    python Examples/python/papers/temporal_order.py --inits

runs these networks alone. One of three gets there within 400 000 updates.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import librnn
import librnn.dynamics
import numpy as np
from numpy.typing import NDArray

import trials

UNITS, SYMBOLS, ANSWERS = 50, 6, 4
ROWS, FRESH, PEEK, EVERY = 20, 10_000, 1_000, 1_000
RATE_MANY, EVERY_MANY = 0.005, 2_500
USELESS, SHRINK = 1e10, 0.02
LENGTHS_LATER = (50, 100, 150, 200, 250, 500, 1000, 2000, 3000, 5000)
ARMS: dict[str, dict[str, float]] = {
    "clip + omega": {"clip_norm": 1.0, "omega": 4.0},
    "clip": {"clip_norm": 1.0},
    "none": {},
}

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]
Weights = dict[str, Floats]


@dataclass(frozen=True)
class Setting:
    """One cell of the table: how a network starts, how long its sequences are, what helps it."""

    init: str
    shortest: int
    longest: int
    arm: str
    updates: int

    def lengths(self, generator: np.random.Generator) -> Iterator[int]:
        """Yield lengths of sequences, each as probable as any other."""
        while True:
            yield int(generator.integers(self.shortest, self.longest + 1))


def draw(generator: np.random.Generator, length: int, rows: int) -> tuple[Floats, Labels]:
    """Return one-hot sequences [T, B, 6] and the order of their two marks [B].

    The first mark, symbol 0 or 1, stands at [0.1 T, 0.2 T), the second at [0.5 T, 0.6 T); all else
    is one of four distractors.
    """
    symbols = generator.integers(2, SYMBOLS, (length, rows))
    marks = generator.integers(0, 2, (2, rows))
    for begin, mark in zip((length // 10, length // 2), marks, strict=True):
        places = begin + generator.integers(0, length // 10, rows)
        symbols[places, np.arange(rows)] = mark
    return np.eye(SYMBOLS, dtype=np.float32)[symbols], marks[0] + 2 * marks[1]


def basic_tanh(generator: np.random.Generator) -> dict[str, NDArray[np.float64]]:
    """Return weights of standard deviation 0.1."""
    shapes = {
        "0.weight_ih_l0": (UNITS, SYMBOLS),
        "0.weight_hh_l0": (UNITS, UNITS),
        "1.weight": (ANSWERS, UNITS),
    }
    return {name: 0.1 * generator.standard_normal(shape) for name, shape in shapes.items()}


def smart_tanh(generator: np.random.Generator) -> dict[str, NDArray[np.float64]]:
    """Return weights of std 0.01; 15 recurrent ones per unit, rescaled to spectral radius 0.95."""
    weights = {name: value / 10 for name, value in basic_tanh(generator).items()}
    recurrent = weights["0.weight_hh_l0"]
    for row in recurrent:
        row[generator.permutation(UNITS)[15:]] = 0
    recurrent *= 0.95 / np.abs(np.linalg.eigvals(recurrent)).max()
    return weights


INITS = {"smart tanh": smart_tanh, "basic tanh": basic_tanh}


def make_model(init: str, generator: np.random.Generator) -> librnn.Model:
    """Return a network with its first weights; biases are zero."""
    model = librnn.Model(librnn.RNN(SYMBOLS, UNITS), librnn.Linear(UNITS, ANSWERS, last=True))
    weights: Weights = {name: np.zeros_like(value) for name, value in model.state_dict().items()}
    weights |= {name: w.astype(np.float32) for name, w in INITS[init](generator).items()}
    model.load_state_dict(weights)
    return model


def error(
    model: librnn.Model, generator: np.random.Generator, lengths: Iterator[int], count: int
) -> float:
    """Return which part of fresh sequences a model gets wrong."""
    wrong, rows = 0, 100
    for _ in range(count // rows):
        x, y = draw(generator, next(lengths), rows)
        wrong += int(np.count_nonzero(model(x)[0].argmax(axis=1) != y))
    return wrong / count


def learn(setting: Setting, seed: int) -> tuple[librnn.Model, dict[str, float]]:
    """Train until the task is solved or the updates are used up."""
    generator = np.random.default_rng(seed)
    model = make_model(setting.init, generator)
    trainer = librnn.Trainer(model, optimizer=librnn.SGD(lr=0.01), **ARMS[setting.arm])
    lengths, wrong, step = setting.lengths(generator), 1.0, 0
    while wrong >= 0.01 and step < setting.updates:
        for _ in range(EVERY):
            result = trainer.step(*draw(generator, next(lengths), ROWS))
        step += EVERY
        wrong = error(model, generator, lengths, PEEK)
        if wrong < 0.01:
            wrong = error(model, generator, lengths, FRESH)
    radius = librnn.dynamics.spectra(model)[0].spectral_radius
    figures = {"solved": wrong < 0.01, "error": wrong, "updates": step, "radius": radius}
    return model, figures | {"clipped": result.clipped_steps, "skipped": result.skipped_steps}


def one_length(setting: Setting, seed: int) -> trials.Figures:
    """Return what became of one training."""
    return learn(setting, seed)[1]


def many_lengths(setting: Setting, seed: int) -> trials.Figures:
    """Return the errors of one model at lengths that it has not seen, too."""
    model, figures = learn_many(setting, seed)
    generator = np.random.default_rng(seed + 2000)
    for length in LENGTHS_LATER:
        same = Setting(setting.init, length, length, setting.arm, 0)
        figures[f"error at {length}"] = error(model, generator, same.lengths(generator), FRESH)
    return figures


def learn_many(setting: Setting, seed: int) -> tuple[librnn.Model, dict[str, float]]:
    """Train until the network solves its lengths and 1000, too; keep the best weights."""
    generator, fresh = np.random.default_rng(seed), np.random.default_rng(seed + 1_000_000)
    model = make_model(setting.init, generator)
    trainer = librnn.Trainer(model, optimizer=librnn.SGD(lr=RATE_MANY), **ARMS[setting.arm])
    lengths, best, kept, shrunk, step = setting.lengths(generator), 1.0, model.state_dict(), 0, 0
    while best >= 0.01 and step < setting.updates:
        for _ in range(EVERY_MANY):
            shrunk += step_as_theirs(trainer, *draw(generator, next(lengths), ROWS))
        step += EVERY_MANY
        wrong = worse(model, fresh, setting, PEEK)
        if wrong < 0.01:
            wrong = worse(model, fresh, setting, FRESH)
        if wrong < best:
            best, kept = wrong, model.state_dict()
    model.load_state_dict(kept)
    radius = librnn.dynamics.spectra(model)[0].spectral_radius
    figures = {"solved": best < 0.01, "validation error": best, "updates": step}
    return model, figures | {"radius": radius, "shrunk": shrunk}


def worse(
    model: librnn.Model, generator: np.random.Generator, setting: Setting, count: int
) -> float:
    """Return the error of the lengths that are learnt, or of 1000 if that is larger."""
    wrong = error(model, generator, setting.lengths(generator), count)
    far = Setting(setting.init, 1000, 1000, setting.arm, 0)
    if wrong > 0.05:
        return wrong
    return max(wrong, error(model, generator, far.lengths(generator), count // 2))


def step_as_theirs(trainer: librnn.Trainer, x: Floats, y: Labels) -> bool:
    """Take a step as the authors' program does; return whether it only shrank W_hh.

    It has one bias: the second one stays 0 here, though its gradient is a part of the norm. And it
    does not trust a gradient whose norm is above 1e10: the step is taken back, and W_hh shrinks.
    """
    weights = trainer.model.state_dict()
    useless = not trainer.step(x, y).grad_norm <= USELESS
    if useless:
        weights["0.weight_hh_l0"] *= np.float32(1 - trainer.learning_rate * SHRINK)
    else:
        weights = trainer.model.state_dict()
        weights["0.bias_hh_l0"][:] = 0
    trainer.model.load_state_dict(weights)
    return useless


def cells(options: argparse.Namespace) -> dict[str, trials.Trial]:
    """Return the trials of the table by name."""
    result: dict[str, trials.Trial] = {}
    for init in options.inits:
        for length in options.lengths:
            for arm in options.arms:
                setting = Setting(init, length, length, arm, options.updates)
                result[f"{init}, length {length}, {arm}"] = partial(one_length, setting)
    for init in options.mixed:
        setting = Setting(init, 50, 200, "clip + omega", options.mixed_updates)
        result[f"{init}, lengths 50 to 200, clip + omega"] = partial(many_lengths, setting)
    return result


def main() -> None:
    """Run the table, then the networks that learn from many lengths."""
    parser = trials.parser(__doc__)
    parser.add_argument("--inits", nargs="*", default=list(INITS), choices=list(INITS))
    parser.add_argument("--arms", nargs="*", default=list(ARMS), choices=list(ARMS))
    parser.add_argument("--lengths", type=int, nargs="*", default=[20, 50, 100])
    parser.add_argument("--updates", type=int, default=100_000, help="of each training, at most")
    parser.add_argument("--mixed", nargs="*", default=["basic tanh"], choices=list(INITS))
    parser.add_argument("--mixed-updates", type=int, default=400_000, help="the same, 50 to 200")
    options = parser.parse_args()
    trials.run("temporal_order", cells(options), options)


if __name__ == "__main__":
    main()
