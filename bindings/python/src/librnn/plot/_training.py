"""The course of a training run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np

from .._arrays import Array
from ..result import StepResult
from ._figure import (
    BLUE,
    GREATEST,
    GREY,
    INK,
    LEAST,
    ORANGE,
    RED,
    light_grid,
    logarithmic_ticks,
    prepare,
    several,
    ticks_within,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_POINTS = 400
_BINS = 200
_PURPLE = "#862e9c"

_LOSSES, _NORMS = (0.46, 0.96), (0.09, 0.4)
"""Parts of the height, so that the two curves do not run through each other."""


def training(results: StepResult | Iterable[StepResult], ax: Axes | None = None) -> Axes:
    """Draw the loss, and on a second axis the norm of the gradient and what became of it.

    More than 400 steps are put together in 200 groups: lines are means, bands go from the least
    value to the greatest, so that no spike is lost.

    Parameters
    ----------
    results
        Of `Trainer.step`, one or several in their order.
    ax
        Where to draw; None: a new figure.
    """
    steps = several("results", results, StepResult)
    ax = prepare(ax, (9, 5))
    norms = prepare(ax.twinx())
    norms.spines["right"].set(visible=True, color=GREY)
    groups = _Groups(steps)
    _draw_losses(ax, groups)
    _draw_norms(norms, groups)
    _draw_events(ax, groups)
    ax.set_xlabel(groups.label)
    handles = [*ax.get_legend_handles_labels()[0], *norms.get_legend_handles_labels()[0]]
    ax.legend(handles=handles, frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=3)
    return ax


class _Groups:
    """Steps side by side in groups of equal size, the last perhaps smaller."""

    def __init__(self, steps: list[StepResult]) -> None:
        count = len(steps)
        self.results = steps
        self.size = 1 if count <= _MOST_POINTS else -(-count // _BINS)
        self._starts = np.arange(0, count, self.size)
        self.steps = np.array([result.step for result in steps])
        self.x = self._reduce(self.steps, np.add) / self._counts()
        self.label = "training step"
        if self.size > 1:
            self.label += f" (lines: means of {self.size} steps; bands: least to greatest)"

    def values(self, get: Callable[[StepResult], float | None]) -> Array:
        """Return a number of each step, NaN where there is none that could be drawn."""
        numbers = np.array([get(result) for result in self.results], dtype=float)
        return np.where(np.isfinite(numbers), numbers, np.nan)

    def mean(self, values: Array) -> Array:
        """Return the mean of the finite values of each group."""
        known = np.isfinite(values)
        count = self._reduce(known, np.add, int)
        total = self._reduce(np.where(known, values, 0), np.add)
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)

    def range(self, values: Array) -> tuple[Array, Array]:
        """Return the least and the greatest finite value of each group."""
        return self._reduce(values, np.fmin), self._reduce(values, np.fmax)

    def _reduce(self, values: Array, by: np.ufunc, dtype: type = float) -> Array:
        return by.reduceat(values.astype(dtype), self._starts)

    def _counts(self) -> Array:
        return np.diff(np.append(self._starts, len(self.steps)))


def _draw_losses(ax: Axes, groups: _Groups) -> None:
    losses = groups.values(lambda result: result.loss)
    _draw(ax, groups, losses, BLUE, "loss", 1.6)
    ax.set_ylabel("loss", color=BLUE, y=sum(_LOSSES) / 2)
    ax.tick_params(axis="y", labelcolor=BLUE)
    light_grid(ax)
    low, high = _span(losses)
    if 0 < 100 * low < high:
        ax.set_yscale("log")
    _place(ax, low, high, _LOSSES)


def _draw_norms(ax: Axes, groups: _Groups) -> None:
    norms = groups.values(lambda result: result.grad_norm or None)
    _draw(ax, groups, norms, ORANGE, "gradient norm before clipping", 1)
    ax.set_yscale("log")
    low, high = _span(norms)
    thresholds = groups.values(lambda result: result.clip_threshold)
    if np.isfinite(thresholds).any():
        least, greatest = _span(thresholds)
        label = f"clipped to {least:g}" if least == greatest else "clip threshold"
        ax.plot(groups.x, groups.mean(thresholds), color=RED, lw=1.2, ls="--", label=label)
        low, high = min(low, max(least, low / 10)), max(high, min(greatest, high * 10))
    ax.set_ylabel("gradient norm", color=ORANGE, y=sum(_NORMS) / 2)
    ax.tick_params(axis="y", labelcolor=ORANGE)
    _place(ax, low, high, _NORMS)


def _draw(ax: Axes, groups: _Groups, values: Array, colour: str, label: str, width: float) -> None:
    if groups.size > 1:
        ax.fill_between(groups.x, *groups.range(values), color=colour, alpha=0.2, lw=0)
    marker = "o" if len(values) <= 30 else None
    ax.plot(groups.x, groups.mean(values), color=colour, lw=width, marker=marker, ms=3, label=label)


def _span(values: Array) -> tuple[float, float]:
    known = values[np.isfinite(values)]
    return (float(known.min()), float(known.max())) if len(known) else (1.0, 1.0)


def _place(ax: Axes, low: float, high: float, zone: tuple[float, float]) -> None:
    """Let the values from `low` to `high` fill a zone of the height, with ticks there only."""
    logarithmic = ax.get_yscale() == "log"
    ends = (LEAST, GREATEST) if logarithmic else (-GREATEST, GREATEST)
    low, high = np.clip((low, high), *ends)
    if low == high:
        low, high = (low / 2, high * 2) if logarithmic else (low - 0.5, high + 0.5)
    scale = ax.yaxis.get_transform()
    bottom, top = scale.transform([low, high])
    height = (top - bottom) / (zone[1] - zone[0])
    start = bottom - zone[0] * height
    limits = np.clip([start, start + height], *scale.transform(ends))
    ax.set_ylim(*scale.inverted().transform(limits))
    if logarithmic:
        logarithmic_ticks(ax.yaxis, low, high)
    ticks_within(ax.yaxis, low, high)


def _draw_events(ax: Axes, groups: _Groups) -> None:
    """Draw clipped steps as a band at the bottom, those without an update at the top."""
    count = len(groups.results)
    clipped = groups.values(lambda result: result.clipped)
    if clipped.any():
        label = f"clipped, {int(clipped.sum()):,} of {count:,} steps"
        heights = 0.06 * groups.mean(clipped)
        place = ax.get_xaxis_transform()
        ax.fill_between(
            groups.x, heights, step="mid", transform=place, color=RED, alpha=0.5, lw=0, label=label
        )
    for action, marker, colour in (("skipped", "x", INK), ("rolled_back", "v", _PURPLE)):
        _draw_marks(ax, groups, action, marker, colour)


def _draw_marks(ax: Axes, groups: _Groups, action: str, marker: str, colour: str) -> None:
    """Mark the steps that ended in `action`, of each group the first."""
    found = np.flatnonzero([result.action == action for result in groups.results])
    if not len(found):
        return
    firsts = found[np.unique(found // groups.size, return_index=True)[1]]
    label = f"{action.replace('_', ' ')}, {len(found):,} steps"
    heights = np.full(len(firsts), 0.985)
    place = ax.get_xaxis_transform()
    x = groups.steps[firsts]
    ax.plot(x, heights, marker, color=colour, ms=6, transform=place, label=label, clip_on=False)
