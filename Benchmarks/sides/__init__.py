"""One module for each library: how it does the work at its best.

A module has `describe()`, the library's name and version; `set_threads(threads)`, called before
anything else; and the classes `Training`, `Inference` or both, each a `Side`. It imports its
library at once: a worker process imports one module and with it one library.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

from numpy.typing import NDArray

from workloads import Floats, Weights, Workload

Observation: TypeAlias = "Sequence[float] | Floats"


class Side(Protocol):
    """A library with a model to train or to run."""

    def __init__(self, workload: Workload, weights: Weights) -> None:
        """Build the model and give it its weights, named and shaped as PyTorch does."""

    def prepare(self, x: NDArray[Any], y: NDArray[Any]) -> Any:
        """Return a batch as the library takes it."""

    def step(self, batch: Any) -> Observation:
        """Do the work that is timed, to its end.

        Returns
        -------
        Sequence of float or ndarray
            Of training: the loss and the gradient's norm before clipping, NaN if the library has
            no such norm. Of inference: the outputs [T, B, H].
        """
