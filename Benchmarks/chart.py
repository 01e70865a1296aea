"""The results in a picture."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from libraries import LIBRARIES, OURS
from results import Results, Timing, names_of, threads_of, times_of

Panel: TypeAlias = Callable[[Axes], None]

COLOURS = {library: f"C{index}" for index, library in enumerate(LIBRARIES)}


def draw(results: Results, path: Path) -> None:
    """Write the chart of whatever was measured."""
    panels: list[Panel] = [
        *speed(results.training, "training step"),
        *speed(results.inference, "forward pass"),
        *(partial(scaling, letter, timings) for letter, timings in results.scaling.items()),
        *([partial(memory, results)] if results.memory else []),
    ]
    if not panels:
        return
    rows = -(-len(panels) // 2)
    figure = Figure(figsize=(15, 4.2 * rows), layout="tight")
    grid = figure.subplots(rows, 2, squeeze=False)
    for axes, panel in zip(grid.flat, panels, strict=False):
        panel(axes)
    for axes in grid.flat[len(panels) :]:
        axes.remove()
    figure.savefig(path, dpi=110)


def speed(timings: list[Timing], what: str) -> list[Panel]:
    """Return a panel for each number of threads."""
    return [partial(bars, timings, what, threads) for threads in threads_of(timings)]


def bars(timings: list[Timing], what: str, threads: int, axes: Axes) -> None:
    """Draw each library's time, librnn's being 1."""
    names = names_of(timings)
    libraries = list(dict.fromkeys(timing.library for timing in timings))
    width = 0.85 / len(libraries)
    heights = {
        library: [relative(times_of(timings, name, threads), library) for name in names]
        for library in libraries
    }
    wide = np.nanmax(list(heights.values())) > 10
    for index, library in enumerate(libraries):
        places = np.arange(len(names)) + (index - (len(libraries) - 1) / 2) * width
        title, colour = LIBRARIES[library].title, COLOURS[library]
        drawn = axes.bar(places, heights[library], width, label=title, color=colour)
        axes.bar_label(drawn, fmt="%.1f" if wide else "%.2f", fontsize=6)
    axes.set_xticks(range(len(names)), names, fontsize=8)
    title = f"{what}, {threads} thread{'s' if threads > 1 else ''}"
    axes.set(ylabel="time / librnn's time", title=title)
    if wide:
        axes.set(yscale="log", ylim=(0.5, None))
    axes.margins(y=0.3)  # room for the legend
    axes.legend(fontsize=7)


def relative(times: dict[str, Timing], library: str) -> float:
    """Return a library's time by librnn's; NaN if one of them is missing."""
    if OURS not in times or library not in times:
        return float("nan")
    return times[library].median / times[OURS].median


def scaling(letter: str, timings: list[Timing], axes: Axes) -> None:
    """Draw times over a size, and a line of what would grow as the work does."""
    sizes = np.array([timing.workload.sizes[letter] for timing in timings])
    times = np.array([timing.median for timing in timings])
    work = np.array([timing.workload.training_flops for timing in timings])
    axes.loglog(sizes, times, "o-", color=COLOURS[OURS], label="librnn")
    axes.loglog(sizes, times.mean() * work / work.mean(), "k:", label="as the work grows")
    axes.set(xlabel=letter, ylabel="ms", title=f"LSTM training step over {letter}")
    axes.minorticks_off()
    axes.set_xticks(sizes, [str(size) for size in sizes])
    axes.legend(fontsize=7)


def memory(results: Results, axes: Axes) -> None:
    """Draw the memory beyond the loaded library."""
    labels = [f"{m.workload}, {LIBRARIES[m.library].title}" for m in results.memory]
    values = [m.beyond / 1e6 for m in results.memory]
    colours = [COLOURS[m.library] for m in results.memory]
    axes.bar_label(axes.barh(labels, values, color=colours), fmt="%.0f", fontsize=7)
    axes.invert_yaxis()
    axes.set(xlabel="MB", title="peak memory beyond the loaded library")
