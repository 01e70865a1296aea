"""How a time grows with a size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from results import Times, Timing


@dataclass(frozen=True)
class Growth:
    """A line through times, t = fixed + slope * size, and how far they are from it.

    Attributes
    ----------
    sizes, times : ndarray
        What was measured; milliseconds.
    fixed, slope : float
        Of the line that misses the times by the least share of them.
    exponent : float
        Of the power of the size that grows like the times: 1 is linear.
    """

    sizes: Times
    times: Times
    fixed: float
    slope: float
    exponent: float

    @property
    def deviations(self) -> Times:
        """How much longer than the line says it took, as a share."""
        return self.times / (self.fixed + self.slope * self.sizes) - 1


def growth(letter: str, timings: list[Timing]) -> Growth:
    """Fit the line."""
    sizes = np.array([timing.workload.sizes[letter] for timing in timings], np.float64)
    times = np.array([timing.median for timing in timings])
    weighted = np.stack([1 / times, sizes / times], axis=1)
    fixed, slope = np.linalg.lstsq(weighted, np.ones_like(times), rcond=None)[0]
    exponent = np.polyfit(np.log(sizes), np.log(times), 1)[0]
    return Growth(sizes, times, float(fixed), float(slope), float(exponent))
