"""What the sections find out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from job import Task
from workloads import Workload

Times: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class Timing:
    """The times of a library at a workload.

    Attributes
    ----------
    workload : Workload
        The workload.
    task : str
        "Training" or "Inference".
    library, title : str
        The library's name, and what it calls itself.
    threads : int
        How many it worked with.
    rounds : tuple of ndarray
        Milliseconds of the steps of each turn.
    """

    workload: Workload
    task: Task
    library: str
    title: str
    threads: int
    rounds: tuple[Times, ...]

    @property
    def all(self) -> Times:
        """The milliseconds of all steps."""
        return np.concatenate(self.rounds)

    @property
    def median(self) -> float:
        """Milliseconds of a step."""
        return float(np.median(self.all))

    @property
    def gigaflops(self) -> float:
        """The rate of the matrix products, in GFLOP/s."""
        training = self.task == "Training"
        flops = self.workload.training_flops if training else self.workload.forward_flops
        return flops / self.median / 1e6


@dataclass(frozen=True)
class Memory:
    """The resident memory of a process that trained a workload, in bytes.

    Attributes
    ----------
    workload, library, title : str
        What was trained by what.
    loaded : int
        Right after the import, before any model is built.
    warm : int
        After a step of a tiny model of the same kind: some libraries load code when it is used.
    peak : int
        At most, since the import.
    """

    workload: str
    library: str
    title: str
    loaded: int
    warm: int
    peak: int

    @property
    def beyond(self) -> int:
        """What training took beyond the loaded library."""
        return self.peak - self.loaded

    @property
    def beyond_warm(self) -> int:
        """What training took beyond the library after a tiny step."""
        return self.peak - self.warm


@dataclass(frozen=True)
class Startup:
    """What it costs to have a library.

    Attributes
    ----------
    library, title : str
        The library.
    seconds : float
        Of a new process that imports numpy and it, beyond one that imports numpy only.
    size : int
        Bytes on disk of its own packages; 0 if unknown.
    runs : int
        How many processes the median is of.
    """

    library: str
    title: str
    seconds: float
    size: int
    runs: int


@dataclass(frozen=True)
class VariantRatio:
    """A recurrent layer's time by its plain form's, operation by operation.

    Attributes
    ----------
    name, plain : str
        What it is, and what it is a variant of.
    hidden : int
        H; inputs are as many.
    dtype : str
        Of the numbers.
    training, streaming : float
        The ratios; NaN for one that does not stream.
    """

    name: str
    plain: str
    hidden: int
    dtype: str
    training: float
    streaming: float


@dataclass
class Results:
    """All of a run.

    Attributes
    ----------
    training, inference : list of Timing
        The workloads and the forward shapes.
    scaling : dict of str to list of Timing
        By the letter of the size that grows.
    memory, startup : list
        The figures of processes.
    variants : list of VariantRatio
        Recurrent layers beside their plain forms.
    peaks : dict of int to float
        GFLOP/s of the machine, by number of threads.
    absent : dict of str to str
        Why a library is missing, by its title.
    """

    training: list[Timing] = field(default_factory=list)
    inference: list[Timing] = field(default_factory=list)
    scaling: dict[str, list[Timing]] = field(default_factory=dict)
    memory: list[Memory] = field(default_factory=list)
    startup: list[Startup] = field(default_factory=list)
    variants: list[VariantRatio] = field(default_factory=list)
    peaks: dict[int, float] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)

    def percent_of_peak(self, timing: Timing) -> float | None:
        """Return how much of what its threads can do a library did."""
        peak = self.peaks.get(timing.threads)
        return 100 * timing.gigaflops / peak if peak else None


def times_of(timings: list[Timing], workload: str, threads: int) -> dict[str, Timing]:
    """Return the times of a workload by library."""
    found = (t for t in timings if t.workload.name == workload and t.threads == threads)
    return {timing.library: timing for timing in found}


def names_of(timings: list[Timing]) -> list[str]:
    """Return the names of the workloads, each once, in the order they were measured."""
    return list(dict.fromkeys(timing.workload.name for timing in timings))


def threads_of(timings: list[Timing]) -> list[int]:
    """Return the numbers of threads that were measured, the highest first."""
    return sorted({timing.threads for timing in timings}, reverse=True)
