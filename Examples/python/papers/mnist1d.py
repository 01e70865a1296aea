"""MNIST-1D: a GRU reads 40 numbers and says which of ten shapes they were.

    python Examples/python/papers/mnist1d.py --data mnist1d.npz

Greydanus and Kobak, "Scaling down deep learning with MNIST-1D", 2024: 4,000 series to learn from
and 1,000 to be judged on; a GRU has 91 % of them right, a convolutional network 94, people 96.
Their GRU has 6 units in each direction and a head on all 40 steps, about 5,000 parameters, and
learns for 8,000 steps. Ours reads forward only and answers after the last step: the small one has
as many parameters; the large one six times as many, so that it is no comparison of like with like.

The settings were chosen by `--validate`, which learns from nine tenths of the 4,000 only and judges
on the last tenth.
"""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import NamedTuple

import librnn
import numpy as np
from numpy.typing import NDArray

import trials

CLASSES = 10


class Series(NamedTuple):
    """Series x [N, T] and their classes y [N]."""

    x: NDArray[np.float32]
    y: NDArray[np.int32]


class Setting(NamedTuple):
    """What was chosen on the validation series."""

    hidden: int
    epochs: int = 50
    batch_size: int = 50
    lr: float = 4e-3
    weight_decay: float = 0.01


def load(path: Path) -> tuple[Series, Series]:
    """Return the series to learn from and those to be judged on."""
    with np.load(path) as file:
        return (
            Series(file["x"], file["y"].astype(np.int32)),
            Series(file["x_test"], file["y_test"].astype(np.int32)),
        )


def split(series: Series) -> tuple[Series, Series]:
    """Return the first nine tenths and the rest."""
    end = len(series.y) * 9 // 10
    return Series(series.x[:end], series.y[:end]), Series(series.x[end:], series.y[end:])


def make_trainer(setting: Setting, seed: int) -> librnn.Trainer:
    """Return a GRU whose last state says the class."""
    model = librnn.Model(
        librnn.GRU(1, setting.hidden),
        librnn.Linear(setting.hidden, CLASSES, last=True),
        seed=seed,
    )
    optimizer = librnn.AdamW(setting.lr, weight_decay=setting.weight_decay)
    return librnn.Trainer(model, optimizer=optimizer, clip_norm=1.0, seed=seed)


def train(series: Series, setting: Setting, seed: int) -> librnn.Model:
    """Learn in epochs, in a new order each, the learning rate falling along half a cosine."""
    trainer = make_trainer(setting, seed)
    random = np.random.default_rng(seed)
    for epoch in range(setting.epochs):
        trainer.learning_rate = setting.lr * (1 + math.cos(math.pi * epoch / setting.epochs)) / 2
        order = random.permutation(len(series.y))
        for batch in np.array_split(order, len(order) // setting.batch_size):
            trainer.step(inputs(series.x[batch]), series.y[batch])
    return trainer.model


def inputs(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return series [B, T] as a sequence of one feature, [T, B, 1]."""
    return np.ascontiguousarray(x.T)[:, :, None]


def accuracy(model: librnn.Model, series: Series) -> float:
    """Return the share of the series whose class is right, in percent."""
    logits, _ = model(inputs(series.x))
    return 100 * float(np.mean(logits.argmax(axis=1) == series.y))


def trial(series: Series, judged: Series, setting: Setting, seed: int) -> trials.Figures:
    """Train one model and judge it, once."""
    model = train(series, setting, seed)
    return {"accuracy": accuracy(model, judged), "parameters": model.num_parameters}


SETTINGS = {"GRU, 5,000 parameters": Setting(38), "GRU, 29,000 parameters": Setting(96)}


def main() -> None:
    """Run the trials of both sizes."""
    parser = trials.parser(__doc__)
    parser.add_argument("--data", type=Path, required=True, help="mnist1d.npz")
    parser.add_argument("--validate", action="store_true", help="leave the test series alone")
    options = parser.parse_args()
    learned, judged = load(options.data)
    name = "mnist1d"
    if options.validate:
        learned, judged = split(learned)
        name += "-validation"
    trials.run(
        name, {title: partial(trial, learned, judged, s) for title, s in SETTINGS.items()}, options
    )


if __name__ == "__main__":
    main()
