"""How many times faster librnn is than the best of the others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from libraries import OURS
from quoted import KANN_TITLE, kann
from results import Results, Timing, times_of

# Of which a spread can be told.
FEWEST_ROUNDS = 3


@dataclass(frozen=True)
class Ratio:
    """A rival's time divided by librnn's.

    Attributes
    ----------
    workload : str
        At which workload.
    rival : str
        The name of the rival.
    value : float
        Of the medians.
    low, high : float or None
        10 % and 90 % of the ratios of rounds; None if they are few, or the figure is quoted.
    """

    workload: str
    rival: str
    value: float
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        """Return the value and its spread."""
        spread = "" if self.low is None else f" ({self.low:.2f} to {self.high:.2f})"
        return f"{self.value:.2f}{spread}"


def ratio(workload: str, rival: Timing, ours: Timing) -> Ratio:
    """Return the ratio to a rival that was run in turns with librnn."""
    pairs = zip(rival.rounds, ours.rounds, strict=True)
    rounds = [np.median(theirs) / np.median(own) for theirs, own in pairs]
    value = rival.median / ours.median
    if len(rounds) < FEWEST_ROUNDS:
        return Ratio(workload, rival.library, value)
    low, high = np.percentile(rounds, (10, 90))
    return Ratio(workload, rival.library, value, float(low), float(high))


def training_ratio(results: Results, workload: str, threads: int) -> Ratio | None:
    """Return the ratio to the best rival of a training workload, KANN among them."""
    times = times_of(results.training, workload, threads)
    ours = times.pop(OURS, None)
    if ours is None:
        return None
    ratios = [ratio(workload, rival, ours) for rival in times.values()]
    quoted = kann(results.training, workload, threads)
    if quoted is not None:
        ratios.append(Ratio(workload, KANN_TITLE, quoted / ours.median))
    return min(ratios, key=lambda each: each.value, default=None)


def inference_ratio(
    results: Results, shape: str, threads: int, rivals: tuple[str, ...]
) -> Ratio | None:
    """Return the ratio to the best of some rivals at a forward shape; None if one is missing."""
    times = times_of(results.inference, shape, threads)
    if OURS not in times or not times.keys() >= set(rivals):
        return None
    ratios = [ratio(shape, times[rival], times[OURS]) for rival in rivals]
    return min(ratios, key=lambda each: each.value)
