"""librnn."""

from __future__ import annotations

from typing import Any

import librnn
from numpy.typing import NDArray

from sides import Observation
from workloads import CLIP_NORM, LEARNING_RATE, Floats, Weights, Workload

LAYERS = {"rnn": librnn.RNN, "gru": librnn.GRU, "lstm": librnn.LSTM}


def describe() -> str:
    """Return the library's name and version."""
    return f"librnn {librnn.__version__}"


def set_threads(threads: int) -> None:
    """Set how many threads the library works with."""
    librnn.set_num_threads(threads)


def initial_weights(workload: Workload) -> Weights:
    """Return the weights that every library begins with."""
    return build(workload).state_dict()


def build(workload: Workload) -> librnn.Model:
    """Return the model of a workload."""
    stack: list[librnn.Layer] = []
    if workload.tokens:
        stack.append(librnn.Embedding(workload.outputs, workload.inputs))
    stack.append(LAYERS[workload.cell](workload.inputs, workload.hidden, workload.layers))
    if workload.outputs:
        stack.append(librnn.Linear(workload.hidden, workload.outputs, last=workload.last))
    return librnn.Model(*stack)


class Training:
    """A trainer."""

    def __init__(self, workload: Workload, weights: Weights) -> None:
        model = build(workload)
        model.load_state_dict(weights)
        loss = librnn.CrossEntropyLoss() if workload.classifies else librnn.MSELoss()
        optimizer = librnn.Adam(lr=LEARNING_RATE)
        self._trainer = librnn.Trainer(model, loss, optimizer, clip_norm=CLIP_NORM)

    def prepare(self, x: NDArray[Any], y: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the arrays as they are."""
        return x, y

    def step(self, batch: tuple[NDArray[Any], NDArray[Any]]) -> Observation:
        """Train on a batch."""
        result = self._trainer.step(*batch)
        return result.loss, result.grad_norm


class Inference:
    """A model."""

    def __init__(self, workload: Workload, weights: Weights) -> None:
        self._model = build(workload)
        self._model.load_state_dict(weights)

    def prepare(self, x: Floats, y: Floats) -> Floats:
        """Return the input as it is."""
        return x

    def step(self, batch: Floats) -> Observation:
        """Run the model over a batch."""
        return self._model(batch)[0]
