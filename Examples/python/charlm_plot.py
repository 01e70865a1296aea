"""The picture of a training run: the losses, and below them the norm of the gradient."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

import librnn
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullFormatter
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

BLUE, ORANGE, RED, GREY = "#2b6cb0", "#dd6b20", "#c53030", "#4a5568"
STYLE = {
    "axes.edgecolor": "#a0aec0",
    "axes.grid": True,
    "axes.labelcolor": GREY,
    "axes.spines.top": False,
    "font.size": 10,
    "grid.color": "#e2e8f0",
    "legend.frameon": False,
    "xtick.color": GREY,
    "ytick.color": GREY,
}


@dataclass
class History:
    """What happened in training: a number for each step, and what the held-out text said.

    `samples` are pairs of characters seen and the loss on a sample of the held-out text;
    `held_out` is the loss on all of it, at the end.
    """

    characters: list[int] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    grad_norms: list[float] = field(default_factory=list)
    clipped: list[bool] = field(default_factory=list)
    samples: list[tuple[int, float]] = field(default_factory=list)
    held_out: float = math.nan

    def add(self, result: librnn.StepResult, characters: int) -> None:
        """Note a step, and how many characters have been seen after it."""
        self.characters.append(characters)
        self.losses.append(result.loss)
        self.grad_norms.append(result.grad_norm)
        self.clipped.append(result.clipped)


def plot_training(history: History, clip_norm: float, title: str, path: Path) -> None:
    """Draw a training run into a PNG file."""
    with plt.rc_context(STYLE):
        figure, (top, bottom) = plt.subplots(
            2, 1, sharex=True, figsize=(9, 6.5), height_ratios=(3, 2), layout="constrained"
        )
        top.set_title(title, loc="left", fontweight="bold", pad=12)
        _draw_losses(top, history)
        _draw_norms(bottom, history, clip_norm)
        bottom.set_xlabel("characters seen in training, millions")
        bottom.margins(x=0.02)
        figure.savefig(path, dpi=150, metadata={"Software": f"librnn {librnn.__version__}"})
        plt.close(figure)


def _draw_losses(axes: Axes, history: History) -> None:
    losses = _finite(history.losses)
    axes.plot(_millions(history), losses, color=BLUE, alpha=0.25, lw=0.6)
    axes.plot(_millions(history), _smooth(losses), color=BLUE, lw=1.6, label="training, smoothed")
    seen, held_out = np.array(history.samples).T
    axes.plot(seen / 1e6, held_out, "o-", color=ORANGE, lw=1.6, ms=4, label="held out, a sample")
    nats = history.held_out
    label = f"held out, all: {nats:.3f} nats = {nats / math.log(2):.3f} bits"
    axes.plot(_millions(history)[-1], nats, "D", color=ORANGE, mec="white", ms=9, label=label)
    axes.set_ylim(0.9 * min(np.nanmin(losses), nats), _top(losses, held_out))
    axes.set_ylabel("loss, nats per character")
    axes.legend(loc="upper right")
    _add_bits(axes)


def _draw_norms(axes: Axes, history: History, clip_norm: float) -> None:
    norms, clipped = _finite(history.grad_norms), np.array(history.clipped)
    axes.semilogy(_millions(history), norms, color=GREY, lw=0.6, label="before clipping")
    if clip_norm:
        axes.axhline(clip_norm, color=RED, lw=1, ls="--", label=f"clipped to {clip_norm:g}")
    label = f"clipped steps, {clipped.sum():,} of {len(clipped):,}"
    axes.plot(_millions(history)[clipped], norms[clipped], "o", color=RED, ms=3.5, label=label)
    axes.set_ylabel("norm of the gradient")
    axes.set_ylim(np.nanmin(norms) / 1.3, np.nanmax(norms) * 3)  # room for the legend
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.legend(loc="upper right", ncols=3)


def _add_bits(axes: Axes) -> None:
    bits = axes.secondary_yaxis(
        "right", functions=(lambda nats: nats / math.log(2), lambda bits: bits * math.log(2))
    )
    bits.set_ylabel("bits per character")


def _millions(history: History) -> Numbers:
    return np.array(history.characters) / 1e6


def _finite(values: list[float]) -> Numbers:
    """Return the values as an array, NaN for those that cannot be drawn."""
    array = np.array(values)
    return np.where(np.isfinite(array), array, np.nan)


def _smooth(values: Numbers, share: float = 0.01) -> Numbers:
    """Return the mean of the neighbours of each value, of fewer of them at the ends."""
    window = np.ones(max(1, round(share * len(values))))
    return np.convolve(values, window, "same") / np.convolve(np.ones_like(values), window, "same")


def _top(losses: Numbers, held_out: Numbers) -> float:
    """Return where the axis ends: the fall of the first steps may leave the picture."""
    return 1.15 * float(max(np.nanpercentile(losses, 97), held_out[1:2].max(initial=held_out[-1])))
