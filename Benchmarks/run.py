"""What the sections of a run share."""

from __future__ import annotations

from dataclasses import dataclass, field

from machine import Peak
from options import Options
from results import Results


@dataclass
class Run:
    """A run of the benchmarks.

    Attributes
    ----------
    options : Options
        What it is to do.
    peak : Peak
        The machine's, measured again and again.
    results : Results
        What is known so far.
    """

    options: Options
    peak: Peak
    results: Results = field(default_factory=Results)
