"""The training of the character model: the loop, its progress bar, and the judgement."""

from __future__ import annotations

import argparse
import math
import sys
import time
from contextlib import closing, suppress

import librnn
import numpy as np
from tqdm import tqdm

from charlm_data import IGNORED, Tokens, endless_batches, parallel_streams
from charlm_plot import History

ROWS = 32
"""Pieces of the held-out text that are read side by side."""

SAMPLES, SAMPLE_STEPS = 16, 512
"""How often training stops to be judged, and on how many characters of each piece."""


class Progress:
    """A bar that fills with the time that may be spent, and says how training goes."""

    def __init__(self, seconds: float) -> None:
        form = "{percentage:3.0f}% |{bar:20}| {remaining} left{postfix}"
        pace = 0.2 if sys.stderr.isatty() else 10.0
        self._bar = tqdm(total=seconds, bar_format=form, mininterval=pace, dynamic_ncols=True)
        self._begin = time.monotonic()
        self._characters = 0
        self._loss: float | None = None

    def fraction(self) -> float:
        """Return how much of the time is over, 0 to 1."""
        return min(1.0, (time.monotonic() - self._begin) / self._bar.total)

    def show(self, result: librnn.StepResult, characters: int) -> None:
        """Go on after a step of so many characters. The loss is shown smoothed."""
        self._loss = result.loss if self._loss is None else 0.98 * self._loss + 0.02 * result.loss
        self._characters += characters
        seconds = time.monotonic() - self._begin
        self._bar.set_postfix_str(
            f"loss {self._loss:.3f}, {self._loss / math.log(2):.3f} bits/char, "
            f"gradient {result.grad_norm:.2f}, {self._characters / seconds:,.0f} chars/s",
            refresh=False,
        )
        self._bar.update(min(seconds, self._bar.total) - self._bar.n)

    def close(self) -> None:
        """Leave the bar as it is."""
        self._bar.close()


def train(
    trainer: librnn.Trainer, text: Tokens, held_out: Tokens, options: argparse.Namespace
) -> History:
    """Train until the time is over or Ctrl-C is pressed.

    The state goes from step to step, so that the model reads the text without a break although
    the gradient goes back over T characters only.
    """
    history, state = History(), None
    sample_x, sample_y = (part[:SAMPLE_STEPS] for part in parallel_streams(held_out, ROWS))
    taken = trainer.evaluate(sample_x[:1], sample_y[:1]).step  # 0, unless resumed
    batches = endless_batches(text, options.batch, options.steps, taken * options.steps)
    with suppress(KeyboardInterrupt), closing(Progress(60 * options.minutes)) as progress:
        while (done := progress.fraction()) < 1:
            if done >= len(history.samples) / SAMPLES:
                loss = evaluate(trainer, sample_x, sample_y)
                history.samples.append((taken * options.batch * options.steps, loss))
            trainer.learning_rate = options.lr * schedule(done)
            x, y = next(batches)
            result = trainer.step(x, y, state=state)
            state, taken = result.state, result.step
            history.add(result, taken * x.size)
            progress.show(result, x.size)
    return history


def schedule(done: float, warm_up: float = 0.02, end: float = 0.02) -> float:
    """Return the factor of the learning rate: a short rise, then half a cosine down to `end`."""
    decay = end + (1 - end) * (1 + math.cos(math.pi * done)) / 2
    return min(1.0, done / warm_up) * decay


def evaluate(trainer: librnn.Trainer, x: Tokens, y: Tokens, time_steps: int = 128) -> float:
    """Return the loss in nats per character, averaged over all labels of a long text [T, B].

    It is read in parts of `time_steps`, the state carried on, so that memory stays small.
    """
    total, count, state = 0.0, 0, None
    for begin in range(0, len(x), time_steps):
        labels = y[begin : begin + time_steps]
        result = trainer.evaluate(x[begin : begin + time_steps], labels, state=state)
        state = result.state
        valid = int(np.count_nonzero(labels != IGNORED))
        total += valid * result.loss
        count += valid
    return total / count
