"""Eigenvalues and Lyapunov exponents."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from .._arrays import Array
from ..dynamics import Lyapunov, Spectrum
from ..errors import DTypeError, mismatch
from ._figure import BLUE, GATES, GREY, INK, LEGEND_ROW, LINES, light_grid, prepare, several, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MARKERS = "o^sDvP"
_MOST_THIN_LINES = 100


def spectrum(spectra: Spectrum | Iterable[Spectrum], ax: Axes | None = None) -> Axes:
    """Draw eigenvalues of recurrent matrices beside the unit circle.

    Parameters
    ----------
    spectra
        One or several of `librnn.dynamics.spectra`: a colour for each gate, a marker for each
        tensor.
    ax
        Where to draw; None: a new figure.
    """
    drawn = several("spectra", spectra, Spectrum)
    ax = prepare(ax, (8, max(5.2, 1 + LEGEND_ROW * len(drawn))))
    light_grid(ax)
    angles = np.linspace(0, 2 * np.pi, 361)
    ax.plot(np.cos(angles), np.sin(angles), color=GREY, lw=1.5)
    tensors = list(dict.fromkeys(one.tensor for one in drawn))
    for one in drawn:
        _draw_spectrum(ax, one, [other for other in drawn if other.tensor == one.tensor], tensors)
    ax.set_aspect("equal", adjustable="datalim")
    ax.set_xlabel("real part")
    ax.set_ylabel("imaginary part")
    ax.legend(
        frameon=False,
        loc="upper left",
        bbox_to_anchor=(1.02, 1),
        title=r"spectral radius $\rho$",
        alignment="left",
    )
    return ax


def _draw_spectrum(ax: Axes, one: Spectrum, siblings: list[Spectrum], tensors: list[str]) -> None:
    name = one.tensor if len(siblings) == 1 else f"{one.tensor} {GATES.get(one.gate, one.gate)}"
    marker = _MARKERS[tensors.index(one.tensor) % len(_MARKERS)]
    # Tensors of one gate would all have the first colour.
    place = siblings.index(one) if len(siblings) > 1 else tensors.index(one.tensor)
    ax.scatter(
        one.eigenvalues.real,
        one.eigenvalues.imag,
        s=13,
        marker=marker,
        color=LINES[place % len(LINES)],
        alpha=0.65,
        lw=0,
        label=rf"{name}, $\rho$ = {one.spectral_radius:.3g}",
    )


def lyapunov(result: Lyapunov, ax: Axes | None = None) -> Axes:
    """Draw Lyapunov exponents: of each sequence, and their mean with its standard error.

    Parameters
    ----------
    result
        Of `librnn.dynamics.lyapunov`.
    ax
        Where to draw; None: a new figure.
    """
    if not isinstance(result, Lyapunov):
        raise DTypeError(mismatch("result", "a Lyapunov", type(result).__name__))
    ax = prepare(ax, (8, 3.8))
    light_grid(ax)
    rows, count = result.exponents.shape
    places = np.arange(1, count + 1)
    ax.axhline(0, color=INK, lw=1)
    if rows > 1:
        thin = result.exponents[:_MOST_THIN_LINES].T
        lines = ax.plot(places, thin, color=LINES[5], alpha=max(0.4, 1 / rows**0.5), lw=1)
        most = rows > _MOST_THIN_LINES
        lines[0].set_label(f"{_MOST_THIN_LINES} of {rows} sequences" if most else "each sequence")
    _draw_mean(ax, places, result)
    ax.set_xlabel("index $i$ of the exponent")
    ax.set_ylabel(r"$\lambda_i$ per time step")
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.legend(frameon=False)
    title(ax, f"Kaplan–Yorke dimension: {_dimension(result.dimension, count)}")
    return ax


def _draw_mean(ax: Axes, places: Array, result: Lyapunov) -> None:
    """Draw the mean over the sequences, whose errors are taken as independent."""
    rows, count = result.exponents.shape
    errors = np.linalg.norm(result.errors, axis=0) / rows
    known = bool(np.isfinite(errors).any())
    label = "mean" if rows > 1 else "exponents"
    ax.errorbar(
        places,
        result.exponents.mean(axis=0),
        yerr=errors if known else None,
        color=BLUE,
        fmt="o-" if count <= 64 else "-",
        ms=4,
        lw=1.6,
        elinewidth=1,
        capsize=2.5 if count <= 64 else 0,
        label=f"{label} ± standard error" if known else label,
    )


def _dimension(values: Array, count: int) -> str:
    """Return the mean of the known ones in words."""
    known = values[np.isfinite(values)]
    if not len(known):
        return f"more than the {count} exponents computed"
    note = "" if len(values) == 1 else f", mean of {len(known)} sequences"
    left = len(values) - len(known)
    return f"{known.mean():.3g}{note}" + (f" (of {left} more than {count})" if left else "")
