"""PyTorch: its own recurrent layers and its fused Adam, the fastest it has."""

from __future__ import annotations

from typing import Any, TypeAlias

import torch
from numpy.typing import NDArray
from torch.nn import functional

from sides import Observation
from workloads import CLIP_NORM, LEARNING_RATE, Weights, Workload

LAYERS = {"rnn": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}

Batch: TypeAlias = "tuple[torch.Tensor, torch.Tensor]"


def describe() -> str:
    """Return the library's name and version."""
    return f"PyTorch {torch.__version__}"


def set_threads(threads: int) -> None:
    """Set how many threads the library works with."""
    torch.set_num_threads(threads)


def build(workload: Workload, weights: Weights) -> torch.nn.ModuleList:
    """Return the layers of a workload with their weights."""
    layers = torch.nn.ModuleList()
    if workload.tokens:
        layers.append(torch.nn.Embedding(workload.outputs, workload.inputs))
    layers.append(LAYERS[workload.cell](workload.inputs, workload.hidden, workload.layers))
    layers.append(torch.nn.Linear(workload.hidden, workload.outputs))
    layers.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
    return layers


class Training:
    """Layers and an optimiser."""

    def __init__(self, workload: Workload, weights: Weights) -> None:
        self._last = workload.last
        self._loss = functional.cross_entropy if workload.classifies else functional.mse_loss
        self._layers = build(workload, weights)
        self._parameters = list(self._layers.parameters())
        self._adam = torch.optim.Adam(self._parameters, lr=LEARNING_RATE, fused=True)

    def prepare(self, x: NDArray[Any], y: NDArray[Any]) -> Batch:
        """Return tensors, the targets with one row for each answer."""
        answers = y.reshape(-1, *y.shape[2:]) if not self._last else y
        return torch.from_numpy(x), torch.from_numpy(answers)

    def step(self, batch: Batch) -> Observation:
        """Train on a batch."""
        x, y = batch
        loss = self._loss(self._forward(x), y)
        self._adam.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self._parameters, CLIP_NORM)
        self._adam.step()
        return loss.item(), norm.item()

    def _forward(self, x: torch.Tensor) -> torch.Tensor:
        *embedding, recurrent, head = self._layers
        for layer in embedding:
            x = layer(x)
        y = recurrent(x)[0]
        return head(y[-1] if self._last else y.flatten(0, 1))
