"""What librnn has to reach, and what it reached in this run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from libraries import LIBRARIES, OURS
from ratios import Ratio, inference_ratio, training_ratio
from results import Results, times_of
from workloads import INFERENCE, TRAINING

THREADS = 2


@dataclass(frozen=True)
class Target:
    """One promise.

    Attributes
    ----------
    name : str
        What is measured.
    reached : float or None
        What came out, None if this run did not measure it.
    bound : float
        What it has to be at least, or at most.
    form : str
        How figures are written.
    at_most : bool
        Whether lower is better.
    note : str
        Where the figure comes from.
    """

    name: str
    reached: float | None
    bound: float
    form: str = "{:.2f}"
    at_most: bool = False
    note: str = ""

    @property
    def row(self) -> list[str]:
        """What, reached, bound, verdict, note."""
        bound = f"{'≤' if self.at_most else '≥'} {self.form.format(self.bound)}"
        if self.reached is None:
            return [self.name, "not measured", bound, "", self.note]
        good = self.reached <= self.bound if self.at_most else self.reached >= self.bound
        verdict = "reached" if good else "MISSED"
        return [self.name, self.form.format(self.reached), bound, verdict, self.note]


def targets(results: Results) -> list[Target]:
    """Return all promises."""
    return [
        *speed_of_training(results),
        *(percent(results, workload) for workload in ("big", "gru-mid", "elman")),
        *(speedup(results, workload) for workload in ("big", "gru-mid")),
        forward(results, ("onnxruntime",), 1.15),
        forward(results, ("onnxruntime", "openvino"), 1.05),
        *(memory(results, workload) for workload in ("smnist", "big")),
        *startup(results),
        *variants(results),
    ]


def speed_of_training(results: Results) -> list[Target]:
    """Return the mean and the worst ratio to the best rival, two threads."""
    found = [training_ratio(results, workload, THREADS) for workload in TRAINING]
    ratios = [each for each in found if each is not None]
    mean = float(np.exp(np.mean(np.log([r.value for r in ratios])))) if ratios else None
    of = f"{len(ratios)} of {len(TRAINING)} workloads"
    title = f"training, {THREADS} threads, best rival / librnn"
    return [
        Target(f"{title}: geometric mean", mean, 2.0, note=of),
        worst(f"{title}: worst workload", ratios, 1.3),
    ]


def worst(name: str, ratios: list[Ratio], bound: float) -> Target:
    """Return the target that the lowest of some ratios has to reach."""
    if not ratios:
        return Target(name, None, bound)
    lowest = min(ratios, key=lambda each: each.value)
    return Target(name, lowest.value, bound, note=f"{lowest.workload}, {lowest.rival}")


def percent(results: Results, workload: str) -> Target:
    """Return the share of the machine's peak that a training step reaches."""
    ours = times_of(results.training, workload, THREADS).get(OURS)
    reached = results.percent_of_peak(ours) if ours else None
    name = f"training, {THREADS} threads, {workload}: percent of the measured peak"
    return Target(name, reached, 80, "{:.0f} %")


def speedup(results: Results, workload: str) -> Target:
    """Return how much faster two threads are than one."""
    one, two = (times_of(results.training, workload, n).get(OURS) for n in (1, THREADS))
    reached = one.median / two.median if one and two else None
    return Target(f"training, {THREADS} threads over 1, {workload}", reached, 1.8)


def forward(results: Results, rivals: tuple[str, ...], bound: float) -> Target:
    """Return the worst ratio at the forward shapes to the better of some rivals, one thread."""
    found = [inference_ratio(results, shape, 1, rivals) for shape in INFERENCE]
    ratios = [each for each in found if each is not None]
    titles = " or ".join(LIBRARIES[rival].title for rival in rivals)
    return worst(f"forward, 1 thread, {titles} / librnn: worst shape", ratios, bound)


def memory(results: Results, workload: str) -> Target:
    """Return librnn's peak memory beyond the loaded library as a share of PyTorch's."""
    found = {m.library: m for m in results.memory if m.workload == workload}
    name = f"peak memory beyond the loaded library, {workload}: librnn / PyTorch"
    if not found.keys() >= {OURS, "torch"}:
        return Target(name, None, 0.5, at_most=True)
    ours, theirs = found[OURS], found["torch"]
    note = f"{ours.beyond_warm / theirs.beyond_warm:.2f} beyond a tiny step"
    return Target(name, ours.beyond / theirs.beyond, 0.5, at_most=True, note=note)


def startup(results: Results) -> list[Target]:
    """Return the time of the import and the size on disk."""
    found = next((each for each in results.startup if each.library == OURS), None)

    def figure(name: str, of: Callable[..., float], bound: float, form: str) -> Target:
        return Target(name, of(found) if found else None, bound, form, at_most=True)

    return [
        figure("`import librnn` beyond numpy", lambda s: 1e3 * s.seconds, 30, "{:.1f} ms"),
        figure("size on disk", lambda s: s.size / 1e6, 2, "{:.2f} MB"),
    ]


def variants(results: Results) -> Iterator[Target]:
    """Yield the worst ratios of recurrent layers to their plain forms."""
    for task in ("training", "streaming"):
        name = f"variants, {task}: time of an operation by the plain form's, worst"
        found = [v for v in results.variants if not np.isnan(getattr(v, task))]
        if not found:
            yield Target(name, None, 1.3, at_most=True)
            continue
        top = max(found, key=lambda v: getattr(v, task))
        note = f"{top.name}, H = {top.hidden}, {top.dtype}"
        yield Target(name, getattr(top, task), 1.3, at_most=True, note=note)
