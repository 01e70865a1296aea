"""Several workers at the same work: first whether they agree, then their times, in turns.

A turn is a pause, in which the threads of the one before fall asleep, some steps that wake one's
own threads and are not counted, and the steps that are. Whatever else the machine does meets all
alike, because a round gives every worker a turn.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from crew import Crew, Worker
from job import Task
from results import Times, Timing
from workloads import Workload

CHECKED_STEPS, AGREEMENT = 3, 1e-3
PAUSE = 0.05


@dataclass(frozen=True)
class Effort:
    """How long a workload is measured.

    Attributes
    ----------
    rounds, steps : int or None
        Turns of each worker, and timed steps of a turn; None to choose them by the step's time.
    turn : float
        Milliseconds that the timed steps of a turn should last together.
    whole : float
        Seconds that a workload should take.
    fewest, most : int
        Rounds, however long they take.
    """

    rounds: int | None = None
    steps: int | None = None
    turn: float = 250
    whole: float = 60
    fewest: int = 3
    most: int = 15

    def steps_of(self, step: float) -> int:
        """Return the timed steps of a turn, from a step's milliseconds."""
        return self.steps or int(np.clip(self.turn / step, 2, 2500))

    def rounds_of(self, steps: list[float]) -> int:
        """Return the rounds, from one step's milliseconds of each worker."""
        turns = (PAUSE + step / 1e3 * (warm_up(step) + self.steps_of(step)) for step in steps)
        return self.rounds or int(np.clip(self.whole / sum(turns), self.fewest, self.most))


def warm_up(step: float) -> int:
    """Return how many steps of a turn are not counted, from a step's milliseconds: 20 of these."""
    return max(3 if step < 100 else 1, int(20 / step))


class Contestant:
    """A worker that is ready for a workload, and its times.

    Parameters
    ----------
    worker
        The worker; its model is built.
    effort
        How long to measure.
    """

    def __init__(self, worker: Worker, effort: Effort) -> None:
        self.worker = worker
        self.step = float(min(worker.call("time", 0, 2)))
        self._effort = effort
        self._turns: list[Times] = []
        self._failed = False

    def take_turn(self, workload: Workload) -> None:
        """Pause, then do the steps of a turn."""
        if self._failed:
            return
        time.sleep(PAUSE)
        counts = (warm_up(self.step), self._effort.steps_of(self.step))
        turn = self.worker.attempt(workload.name, "time", *counts)
        self._failed = turn is None
        self._turns.append(np.array(turn))

    def timings(self, task: Task, workload: Workload) -> list[Timing]:
        """Return the times; none if the library failed."""
        library, title = self.worker.library.name, self.worker.title
        timing = Timing(workload, task, library, title, self.worker.threads, tuple(self._turns))
        return [] if self._failed else [timing]


def compare(crew: Crew, task: Task, workload: Workload, effort: Effort) -> list[Timing]:
    """Let all workers of a crew do a workload; return their times."""
    contestants = [Contestant(worker, effort) for worker in prepared(crew, task, workload)]
    rounds = effort.rounds_of([each.step for each in contestants])
    turns = [each for _ in range(rounds) for each in contestants]
    for contestant in tqdm(turns, f"{workload.name:10}", leave=False, unit="turn"):
        contestant.take_turn(workload)
    return [timing for each in contestants for timing in each.timings(task, workload)]


def prepared(crew: Crew, task: Task, workload: Workload) -> Iterator[Worker]:
    """Build the model in each worker; yield those that could, after comparing their results."""
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "weights.npz"
        crew.ours.call("save_weights", workload, weights)
        expected: list[NDArray[np.float64]] | None = None
        for worker in tqdm(crew.workers, f"{workload.name:10}", leave=False, unit="library"):
            observed = first_steps(worker, task, workload, weights)
            if observed is None:
                continue
            expected = expected or observed
            check(workload, worker, expected, observed)
            yield worker


def first_steps(
    worker: Worker, task: Task, workload: Workload, weights: Path
) -> list[NDArray[np.float64]] | None:
    """Build a model and do its first steps; None, loudly, if a rival fails."""
    if worker.attempt(workload.name, "build", task, workload, weights) is None:
        return None
    observed: list[NDArray[np.float64]] | None
    observed = worker.attempt(workload.name, "observe", CHECKED_STEPS)
    return observed


def check(
    workload: Workload,
    worker: Worker,
    expected: list[NDArray[np.float64]],
    observed: list[NDArray[np.float64]],
) -> None:
    """End the program if a worker's results are not those of the first one, which is ours."""
    for step, (ours, theirs) in enumerate(zip(expected, observed, strict=True), start=1):
        agree = np.isclose(ours, theirs, rtol=AGREEMENT, atol=1e-5) | np.isnan(theirs)
        if not agree.all():
            one, other = (value[~agree][0] for value in (ours, theirs))
            raise SystemExit(
                f"bench: {workload.name}, step {step}: {worker} disagrees: {other} there, "
                f"{one} by librnn"
            )
