"""What an observed step says of each layer: gains over time, and how saturated its gates are."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from .._arrays import Array
from ..errors import ArgumentError, DTypeError, mismatch
from ..flow import GradientFlow
from ._figure import BLUE, GATES, GREY, INK, LEGEND_ROW, LINES, ORANGE, light_grid, prepare

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def gain(flow: GradientFlow, ax: Axes | None = None) -> Axes:
    """Draw by how much each step back in time multiplies the gradient's norm, layer by layer.

    Parameters
    ----------
    flow
        Of an observed step.
    ax
        Where to draw; None: a new figure.
    """
    _check(flow)
    ax = prepare(ax, (8, max(3.5, 1 + LEGEND_ROW * len(flow.layers))))
    light_grid(ax)
    ax.axhline(1, color=GREY, lw=1.2, ls="--")
    for index, layer in enumerate(flow.layers):
        label = f"{layer.name}: {layer.rate:.3g}"
        ax.plot(layer.gain, color=LINES[index % len(LINES)], lw=1.4, label=label)
    gains = np.concatenate([layer.gain for layer in flow.layers])
    gains = gains[np.isfinite(gains) & (gains > 0)]
    if len(gains) and gains.max() > 20 * gains.min():
        ax.set_yscale("log")
    ax.set_xlim(-0.5, max(len(layer.gain) for layer in flow.layers) - 0.5)
    ax.set_xlabel("time step $t$")
    ax.set_ylabel("gain")
    ax.legend(
        frameon=False,
        loc="upper left",
        bbox_to_anchor=(1.01, 1),
        title="layer: geometric mean",
        alignment="left",
    )
    return ax


def gates(flow: GradientFlow, ax: Axes | None = None) -> Axes:
    """Draw which part of every gate's activations is near one of its ends, mean over the steps.

    To the left: below 0.1, or -0.9 of a tanh. To the right: above 0.9. Layers of relu or identity
    have no such ends and are left out.

    Parameters
    ----------
    flow
        Of an observed step.
    ax
        Where to draw; None: a new figure.
    """
    _check(flow)
    rows = list(_gates(flow))
    if not rows:
        raise ArgumentError(mismatch("flow", "a layer with bounded activations", "none"))
    ax = prepare(ax, (8, 1.6 + 0.26 * len(rows)))
    light_grid(ax)
    places = np.arange(len(rows))
    ax.barh(places, [-low for _, low, _ in rows], color=BLUE, label="below 0.1 (tanh: -0.9)")
    ax.barh(places, [high for _, _, high in rows], color=ORANGE, label="above 0.9")
    ax.axvline(0, color=INK, lw=1)
    ax.set_yticks(places, [name for name, _, _ in rows])
    ax.invert_yaxis()
    ax.set_xlim(-1, 1)
    ax.xaxis.set_major_formatter(lambda part, _: f"{abs(part):.0%}")
    ax.set_xlabel("part of the activations, mean over the time steps")
    ax.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
    return ax


def _check(flow: GradientFlow) -> None:
    if not isinstance(flow, GradientFlow):
        raise DTypeError(mismatch("flow", "a GradientFlow", type(flow).__name__))
    if not flow.layers:
        raise ArgumentError(mismatch("flow", "at least one recurrent layer", "none"))


def _gates(flow: GradientFlow) -> Iterator[tuple[str, float, float]]:
    for layer in flow.layers:
        if math.isnan(layer.saturated_fraction):
            continue
        for name, low, high in zip(layer.gates, layer.gate_low, layer.gate_high, strict=True):
            yield f"{layer.name}  {GATES[name]}", _mean(low), _mean(high)


def _mean(values: Array) -> float:
    """Return the mean over the steps that have a value; NaN if none has."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")
