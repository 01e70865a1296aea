"""What a worker process does with its library."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from itertools import cycle
from pathlib import Path
from time import perf_counter
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from machine import forget_peak, memory
from sides import Side
from workloads import Workload

Task: TypeAlias = Literal["Training", "Inference"]
BATCHES = 8


class Job:
    """A library, and the model that it has at the moment.

    Parameters
    ----------
    library
        The name of a module in `sides`.
    threads
        How many threads the library is to work with.
    """

    def __init__(self, library: str, threads: int) -> None:
        self._module: Any = import_module(f"sides.{library}")
        self._loaded = memory("VmRSS")
        forget_peak()
        self._module.set_threads(threads)
        self._side: Side | None = None
        self._feed: Iterator[Any] = iter(())

    def describe(self) -> str:
        """Return the library's name and version."""
        return str(self._module.describe())

    def save_weights(self, workload: Workload, path: Path) -> None:
        """Write the weights that every library begins with; only librnn's worker can."""
        np.savez(path, **self._module.initial_weights(workload))

    def build(self, task: Task, workload: Workload, weights: Path) -> bool:
        """Make a model of these weights, and let the one before go."""
        self._side, self._feed = None, iter(())
        with np.load(weights) as arrays:
            self._side = getattr(self._module, task)(workload, dict(arrays))
        self._feed = cycle([self._side.prepare(x, y) for x, y in workload.batches(BATCHES)])
        return True

    def observe(self, steps: int) -> list[NDArray[np.float64]]:
        """Do steps and return what they gave: loss and norm, or the outputs."""
        return [np.array(self._step(), np.float64) for _ in range(steps)]

    def time(self, warm_up: int, steps: int) -> list[float]:
        """Return the milliseconds of each step after a few that are not counted."""
        for _ in range(warm_up):
            self._step()
        return [self._timed_step() for _ in range(steps)]

    def memory(self) -> tuple[int, int, int]:
        """Return bytes: resident right after the import, now, and at most since the import."""
        return self._loaded, memory("VmRSS"), memory("VmHWM")

    def _timed_step(self) -> float:
        begin = perf_counter()
        self._step()
        return 1e3 * (perf_counter() - begin)

    def _step(self) -> Any:
        assert self._side is not None, "no model was built"
        return self._side.step(next(self._feed))
