"""How a model learns from piano rolls, and how it is judged: in nats per frame."""

from __future__ import annotations

import dataclasses
import math

import librnn
import numpy as np

from music_data import KEYS, Batch, Music, Songs, batches, cut, drop, shuffled

CELLS = {"RNN": librnn.RNN, "GRU": librnn.GRU, "LSTM": librnn.LSTM}

ROWS = 32
"""Songs that are judged side by side."""


@dataclasses.dataclass(frozen=True)
class Setting:
    """How one model is made and trained.

    Parameters
    ----------
    cell, hidden
        "RNN" (Elman's, tanh), "GRU" or "LSTM", and its units.
    optimizer
        With its first learning rate.
    clip
        Greatest norm of the gradient of the mean NLL per frame, or None.
    epochs, size, steps
        Epochs, songs side by side, and the frames that the gradient goes back over.
    decay
        Whether the learning rate falls to nearly 0, along half a cosine.
    silence
        The share of the sounding keys of the input that is silenced in training.
    recurrent_init
        How the recurrent weights begin.
    """

    cell: str
    hidden: int
    optimizer: librnn.Optimizer
    clip: float | None
    epochs: int
    size: int
    steps: int
    decay: bool = True
    silence: float = 0.0
    recurrent_init: str = "default"


def make_trainer(setting: Setting, seed: int) -> librnn.Trainer:
    """Return the trainer of a new model."""
    recurrent = CELLS[setting.cell](
        KEYS,
        setting.hidden,
        recurrent_init=setting.recurrent_init,
        **({"forget_bias": 1.0} if setting.cell == "LSTM" else {}),
    )
    return librnn.Trainer(
        librnn.Model(recurrent, librnn.Linear(setting.hidden, KEYS), seed=seed),
        loss=librnn.BCEWithLogitsLoss(reduction="sum"),
        optimizer=setting.optimizer,
        clip_norm=setting.clip,
        seed=seed,
    )


def train(setting: Setting, music: Music, seed: int) -> dict[str, float]:
    """Train one model; judge the epoch that is best on the validation songs on the test songs."""
    random = np.random.default_rng(seed)
    trainer = make_trainer(setting, seed)
    best, best_epoch, weights = math.inf, 0, trainer.model.state_dict()
    for epoch in range(setting.epochs):
        last = train_epoch(trainer, setting, music.train, epoch, random)
        valid = nll(trainer, music.valid)
        if valid < best:
            best, best_epoch, weights = valid, epoch + 1, trainer.model.state_dict()
    trainer.model.load_state_dict(weights)
    return {
        "test": nll(trainer, music.test),
        "valid": best,
        "train": nll(trainer, music.train),
        "epoch": best_epoch,
        "parameters": trainer.model.num_parameters,
        "steps": last.step,
        "clipped": last.clipped_steps,
        "skipped": last.skipped_steps,
    }


def train_epoch(
    trainer: librnn.Trainer,
    setting: Setting,
    songs: Songs,
    epoch: int,
    random: np.random.Generator,
) -> librnn.StepResult:
    """Predict every frame of every song once; return the report of the last step."""
    parts = shuffled(cut(songs, setting.steps, random), setting.size, random)
    for index, batch in enumerate(parts):
        if setting.decay:
            done = (epoch + index / len(parts)) / setting.epochs
            trainer.learning_rate = setting.optimizer.lr * schedule(done)
        result = train_batch(trainer, drop(batch, setting.silence, random))
    return result


def train_batch(trainer: librnn.Trainer, batch: Batch) -> librnn.StepResult:
    """Take a step down the mean NLL per frame, each piece of a song from a state of zeros."""
    return trainer.step(batch.x, batch.y, batch.lengths, weights=batch.mean_weights())


def schedule(done: float, warm_up: float = 0.02, end: float = 0.02) -> float:
    """Return the factor of the learning rate: a short rise, then half a cosine down to `end`."""
    decay = end + (1 - end) * (1 + math.cos(math.pi * done)) / 2
    return min(1.0, end + done / warm_up) * decay


def nll(trainer: librnn.Trainer, songs: Songs) -> float:
    """Return the NLL per frame, summed over the keys, of whole songs: nothing is cut."""
    total = frames = 0.0
    for batch in batches(songs, ROWS):
        total += trainer.evaluate(batch.x, batch.y, batch.lengths).loss
        frames += batch.frames
    return total / frames
