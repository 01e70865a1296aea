"""What is computed: the training workloads and the forward shapes.

Letters: T time steps, B rows of a batch, I input features, H hidden units, L stacked layers, O
outputs. Sequences are [T, B, ...]. A workload makes its own batches, so that every process has
the same ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Cell: TypeAlias = Literal["rnn", "gru", "lstm"]
Floats: TypeAlias = NDArray[np.float32]
Tokens: TypeAlias = NDArray[np.int64]
Weights: TypeAlias = dict[str, Floats]
Pair: TypeAlias = tuple[NDArray[Any], NDArray[Any]]

GATES: dict[str, int] = {"rnn": 1, "gru": 3, "lstm": 4}
LEARNING_RATE, CLIP_NORM = 1e-3, 1.0
BETAS, EPSILON = (0.9, 0.999), 1e-8


@dataclass(frozen=True)
class Workload:
    """A model and the batches that it is given.

    Attributes
    ----------
    name : str
        What it is called.
    cell : str
        "rnn" (tanh), "gru" or "lstm".
    steps, rows, inputs, hidden, outputs, layers : int
        T, B, I, H, O and L. Without outputs there is no head.
    tokens : bool
        Whether an Embedding(O, I) comes first, and the next token is to be guessed.
    last : bool
        Whether the head answers for the last step only, with one of O classes.
    """

    name: str
    cell: Cell
    steps: int
    rows: int
    inputs: int
    hidden: int
    outputs: int = 0
    layers: int = 1
    tokens: bool = False
    last: bool = False

    @property
    def classifies(self) -> bool:
        """Whether the loss is cross-entropy; otherwise it is the mean squared error."""
        return self.tokens or self.last

    @property
    def sizes(self) -> dict[str, int]:
        """The sizes by their letters."""
        letters = {"T": self.steps, "B": self.rows, "I": self.inputs, "H": self.hidden}
        return {**letters, "L": self.layers, "O": self.outputs}

    @property
    def forward_flops(self) -> int:
        """The work of the matrix products forward."""
        widths = [self.inputs] + [self.hidden] * (self.layers - 1)
        gates = GATES[self.cell] * self.hidden
        per_row = sum(gates * (width + self.hidden) for width in widths)
        answers = self.rows if self.last else self.steps * self.rows
        return 2 * (self.steps * self.rows * per_row + answers * self.hidden * self.outputs)

    @property
    def training_flops(self) -> int:
        """The work of a training step: the gradient takes twice as much as the way forward."""
        return 3 * self.forward_flops

    def batches(self, count: int) -> list[Pair]:
        """Return inputs and targets, the same ones every time."""
        random = np.random.default_rng(0)
        if self.tokens:
            return [self._text(random) for _ in range(count)]
        rule = random.standard_normal((self.inputs, self.outputs), np.float32)
        return [self._features(random, rule) for _ in range(count)]

    def _text(self, random: np.random.Generator) -> Pair:
        """Each token is, 3 times in 4, its forerunner's by a fixed rule."""
        tokens = random.integers(0, self.outputs, (self.steps + 1, self.rows))
        follows = random.random((self.steps, self.rows)) < 0.75
        for t in range(self.steps):
            tokens[t + 1][follows[t]] = (7 * tokens[t][follows[t]] + 1) % self.outputs
        return tokens[:-1].copy(), tokens[1:].copy()

    def _features(self, random: np.random.Generator, rule: Floats) -> Pair:
        """Noise; the answer is a fixed function of a step, or of the sum over all steps."""
        x = random.standard_normal((self.steps, self.rows, self.inputs), np.float32)
        if self.last:
            return x, np.argmax(x.sum(axis=0) @ rule, axis=1)
        return x, np.tanh(x @ rule)


TRAINING = {
    workload.name: workload
    for workload in (
        Workload("charlm", "lstm", 64, 32, 96, 128, 96, tokens=True),
        Workload("ptb-small", "lstm", 20, 20, 200, 200, 10000, layers=2, tokens=True),
        Workload("smnist", "gru", 784, 64, 1, 128, 10, last=True),
        Workload("big", "lstm", 50, 64, 256, 512, 10, layers=2, last=True),
        Workload("device", "lstm", 100, 8, 8, 32, 8),
        Workload("device-b1", "gru", 100, 1, 8, 32, 8),
        Workload("elman", "rnn", 100, 32, 64, 256, 64),
        Workload("gru-mid", "gru", 100, 32, 64, 256, 64, layers=2),
    )
}

INFERENCE = {
    workload.name: workload
    for workload in (
        Workload("lstm-256", "lstm", 100, 32, 64, 256),
        Workload("lstm-512", "lstm", 50, 64, 256, 512),
        Workload("gru-256", "gru", 100, 32, 64, 256),
        Workload("gru-512", "gru", 50, 64, 256, 512),
    )
}
