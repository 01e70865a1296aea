"""How the time of a training step grows with T, B and H."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from crew import Crew
from libraries import OURS
from options import Options
from results import Timing
from run import Run
from turns import compare
from workloads import Workload

BASE = Workload("scaling", "lstm", 100, 32, 64, 128, 64)
SIZES = {
    "T": ("steps", (25, 50, 100, 200, 400)),
    "B": ("rows", (8, 16, 32, 64, 128)),
    "H": ("hidden", (64, 96, 128, 192, 256, 384, 512)),
}
PASSES, SECONDS, TURN = 3, 1, 100


def scaling(run: Run) -> None:
    """Measure librnn at growing sizes, several times over all of them."""
    run.peak.sample()
    threads, count = [max(run.options.threads)], 1 if run.options.quick else PASSES
    with Crew.hire([OURS], threads, run.options.log) as crew:
        for letter in SIZES:
            passes = [sweep(crew, letter, run.options) for _ in range(count)]
            run.results.scaling[letter] = [merged(list(each)) for each in zip(*passes, strict=True)]


def sweep(crew: Crew, letter: str, options: Options) -> list[Timing]:
    """Return the times of all sizes, each measured once."""
    field, sizes = SIZES[letter]
    effort = options.effort(SECONDS, TURN)
    changes: list[dict[str, Any]] = [{"name": f"{letter}={size}", field: size} for size in sizes]
    workloads = [replace(BASE, **change) for change in changes]
    return [timing for each in workloads for timing in compare(crew, "Training", each, effort)]


def merged(timings: list[Timing]) -> Timing:
    """Return the times of several passes as one."""
    return replace(timings[0], rounds=tuple(turn for each in timings for turn in each.rounds))
