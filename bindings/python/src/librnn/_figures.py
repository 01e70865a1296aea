"""The pictures of a report, each an image that is part of the page."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from typing import TYPE_CHECKING

from . import plot
from ._html import Html, element
from .dynamics import Lyapunov, Spectrum
from .flow import GradientFlow
from .plot._figure import LEGEND_ROW, need_matplotlib

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Beside matplotlib's own style, whatever the user's is. The same salt gives the same bytes; text is
# drawn as paths: it looks the same everywhere.
_STYLE = {"svg.hashsalt": "librnn", "svg.fonttype": "path", "font.size": 10}


def gradient_flow(flow: GradientFlow, quantity: str) -> Html:
    """Return the heat map of a quantity, a row for each layer."""
    return _draw(
        lambda ax: plot.gradient_flow(flow, quantity, ax),
        2 + 0.55 * len(flow.layers),
        "Heat map of the gradient that reaches each time step, layer by layer",
    )


def gain(flow: GradientFlow) -> Html:
    """Return the gains over the time steps."""
    height = max(3.2, 1 + LEGEND_ROW * len(flow.layers))
    return _draw(lambda ax: plot.gain(flow, ax), height, "Gain of each step back, layer by layer")


def gates(flow: GradientFlow) -> Html:
    """Return how saturated the gates are."""
    rows = sum(len(layer.gates) for layer in flow.layers)
    text = "Part of each gate's activations that is saturated"
    return _draw(lambda ax: plot.gates(flow, ax), 1.4 + 0.26 * rows, text)


def lyapunov(found: Lyapunov) -> Html:
    """Return the exponents against their index."""
    return _draw(lambda ax: plot.lyapunov(found, ax), 3.6, "Lyapunov exponents by index")


def spectrum(tensor: str, spectra: list[Spectrum]) -> Html:
    """Return the eigenvalues of the gates of one tensor."""
    text = f"Eigenvalues of {tensor} beside the unit circle"
    return _draw(lambda ax: plot.spectrum(spectra, ax), 4, text)


def _draw(draw: Callable[[Axes], object], height: float, text: str) -> Html:
    need_matplotlib()
    from matplotlib import style
    from matplotlib.figure import Figure

    with style.context(["default", _STYLE]):
        figure = Figure(figsize=(8.4, height), layout="constrained")
        draw(figure.subplots())
        return element("div", element("img", src=_data_url(figure), alt=text), _class="wide")


def _data_url(figure: Figure) -> str:
    file = io.BytesIO()
    figure.savefig(file, format="svg", dpi=200, metadata={"Date": None, "Creator": None})
    return f"data:image/svg+xml;base64,{base64.b64encode(file.getvalue()).decode()}"
