"""What all pictures share: matplotlib when it is needed, colours, and plain axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from .._arrays import Array
from ..errors import ArgumentError, DTypeError, mismatch

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

Kind = TypeVar("Kind")

LEAST, GREATEST = 1e-150, 1e150
"""matplotlib fails at magnitudes beyond them."""

LEGEND_ROW = 0.24
"""Inches of height for each row of a legend beside the axes."""

BLUE, ORANGE, RED, INK, GREY = "#1971c2", "#e8590c", "#c92a2a", "#495057", "#adb5bd"

LINES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5195", "#5c5c5c")
"""For things of one kind, also for the colour-blind (Okabe and Ito 2008)."""

GATES = {
    "h": "h",
    "r": "r reset",
    "z": "z update",
    "n": "n candidate",
    "i": "i input",
    "f": "f forget",
    "g": "g candidate",
    "o": "o output",
}
"""The gates by name and role."""


def need_matplotlib() -> None:
    """Raise an ImportError that says how to get matplotlib, if there is none."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        advice = 'pip install "librnn[plot]"'
        raise ImportError(f"librnn.plot: expected matplotlib, got {error}: {advice}") from error
    except ValueError as error:  # a setting in the environment
        raise ImportError(f"librnn.plot: expected matplotlib to start, got {error}") from error


def prepare(ax: Axes | None, size: tuple[float, float] = (8, 4.5)) -> Axes:
    """Return `ax`, or for None the axes of a new figure, with few lines around the data."""
    need_matplotlib()
    if ax is None:
        from matplotlib import pyplot

        _, ax = pyplot.subplots(figsize=size, layout="constrained")
    _check_axes(ax)
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(GREY)
    ax.tick_params(color=GREY, labelcolor=INK)
    return ax


def _check_axes(ax: object) -> None:
    from matplotlib.axes import Axes

    expected = "axes of matplotlib with x and y, or None"
    if not isinstance(ax, Axes):
        raise DTypeError(mismatch("ax", expected, type(ax).__name__))
    if ax.name != "rectilinear":
        raise ArgumentError(mismatch("ax", expected, f"{ax.name} axes"))


def several(name: str, values: Any, kind: type[Kind]) -> list[Kind]:
    """Return values of a kind as a list, at least one; one of them stands for itself.

    Parameters
    ----------
    name
        The argument, for messages.
    values
        What came.
    kind
        What they must be.
    """
    if isinstance(values, kind):
        return [values]
    try:
        items = list(values)
    except TypeError:
        expected = f"a {kind.__name__} or several"
        raise DTypeError(mismatch(name, expected, type(values).__name__)) from None
    if not items:
        raise ArgumentError(mismatch(name, f"at least one {kind.__name__}", "none"))
    for index, item in enumerate(items):
        if not isinstance(item, kind):
            came = type(item).__name__
            raise DTypeError(mismatch(f"{name}[{index}]", f"a {kind.__name__}", came))
    return items


def within_range(values: Array) -> Array:
    """Return positive numbers moved away from the ends of what an axis can show."""
    return np.clip(values, LEAST, GREATEST)


def light_grid(ax: Axes) -> None:
    """Draw a grid behind the data."""
    ax.grid(color="#e9ecef", lw=0.8)
    ax.set_axisbelow(True)


def logarithmic_ticks(axis: Axis, low: float, high: float) -> None:
    """Let a logarithmic axis have ticks at 1, 2, 5 if it spans little, else at powers of ten.

    Parameters
    ----------
    axis
        Of a logarithmic scale.
    low, high
        The span of what it shows.
    """
    from matplotlib.ticker import LogFormatterSciNotation, LogLocator, NullFormatter

    few = high < 100 * low
    fine = (1, 1.5, 2, 3, 5, 7) if high < 5 * low else (1, 2, 5)
    axis.set_major_locator(LogLocator(subs=fine if few else (1,)))
    plain = few and 0.01 <= low and high <= 1000
    powers = LogFormatterSciNotation(minor_thresholds=(np.inf, np.inf))
    axis.set_major_formatter("{x:g}" if plain else powers)
    axis.set_minor_formatter(NullFormatter())


def ticks_within(axis: Axis, low: float, high: float) -> None:
    """Leave out the ticks of an axis that are not from `low` to `high`."""
    from matplotlib.ticker import Locator, NullLocator

    inner = axis.get_major_locator()

    class Within(Locator):
        def __call__(self) -> Sequence[float]:
            return self.tick_values(*sorted(axis.get_view_interval()))

        def tick_values(self, vmin: float, vmax: float) -> Sequence[float]:
            first, last = max(vmin, low), min(vmax, high)
            ticks = inner.tick_values(first, last) if first < last else []
            return [tick for tick in ticks if first <= tick <= last]

    axis.set_major_locator(Within())
    axis.set_minor_locator(NullLocator())


def title(ax: Axes, text: str) -> None:
    """Set a title above the left end of the axes."""
    ax.set_title(text, loc="left", fontsize="medium", fontweight="bold", color=INK, pad=10)
