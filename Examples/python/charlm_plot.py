"""The picture of a training run: the losses, and below them the norm of the gradient."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from charlm import History

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


def plot_training(history: History, clip_norm: float, title: str, path: Path) -> None:
    """Draw a training run into a PNG file."""
    with plt.rc_context(STYLE):
        figure, (top, bottom) = plt.subplots(
            2, 1, sharex=True, figsize=(9, 6.5), height_ratios=(3, 2), layout="constrained"
        )
        figure.suptitle(title, x=0.01, ha="left", fontweight="bold", color="#1a202c")
        _draw_losses(top, history)
        _draw_norms(bottom, history, clip_norm)
        bottom.set_xlabel("characters seen in training, millions")
        figure.savefig(path, dpi=150)
        plt.close(figure)


def _draw_losses(axes: Axes, history: History) -> None:
    millions = np.array(history.characters) / 1e6
    losses = np.array(history.losses)
    axes.plot(millions, losses, color=BLUE, alpha=0.25, lw=0.6)
    axes.plot(millions, _smooth(losses), color=BLUE, lw=1.6, label="training, smoothed")
    seen, held_out = np.array(history.validations).T
    label = f"held-out text: {held_out[-1]:.3f} nats at the end"
    axes.plot(seen / 1e6, held_out, "o-", color=ORANGE, lw=1.6, ms=4, label=label)
    axes.set_ylim(0.9 * min(losses.min(), held_out.min()), _top(losses, held_out))
    axes.set_ylabel("loss, nats per character")
    axes.legend(loc="upper right")
    _add_bits(axes)


def _draw_norms(axes: Axes, history: History, clip_norm: float) -> None:
    millions = np.array(history.characters) / 1e6
    norms, clipped = np.array(history.grad_norms), np.array(history.clipped)
    axes.semilogy(millions, norms, color=GREY, lw=0.6, label="before clipping")
    if clip_norm:
        axes.axhline(clip_norm, color=RED, lw=1, ls="--", label=f"threshold {clip_norm:g}")
    label = f"clipped: {clipped.sum():,} of {len(clipped):,} steps"
    axes.plot(millions[clipped], norms[clipped], "o", color=RED, ms=3.5, label=label)
    axes.set_ylabel("norm of the gradient")
    axes.legend(loc="upper right", ncols=3)
    low, high = np.nanmin(norms), np.nanmax(norms)
    axes.set_ylim(low / 1.3, high * 2.5)  # room for the legend


def _add_bits(axes: Axes) -> None:
    bits = axes.secondary_yaxis(
        "right", functions=(lambda nats: nats / math.log(2), lambda bits: bits * math.log(2))
    )
    bits.set_ylabel("bits per character")


def _smooth(values: NDArray[np.float64], share: float = 0.01) -> NDArray[np.float64]:
    """Return the mean of the neighbours of each value, of fewer of them at the ends."""
    width = max(1, round(share * len(values)))
    window = np.ones(width)
    return np.convolve(values, window, "same") / np.convolve(np.ones_like(values), window, "same")


def _top(losses: ArrayLike, held_out: ArrayLike) -> float:
    """Return where to end the axis: the fall of the first steps may leave the picture."""
    return 1.15 * float(max(np.percentile(losses, 97), np.sort(held_out)[-2:].min()))
