"""The heat map of what reaches each step of the past."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from .._arrays import Array
from .._verdicts import VERDICTS, worst_layer
from ..errors import ArgumentError, DTypeError, mismatch
from ..flow import GradientFlow, LayerFlow
from ..result import StepResult
from ._figure import INK, logarithmic_ticks, prepare, title, within_range

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import LogNorm

Observed: TypeAlias = "GradientFlow | StepResult"

_NOTHING = "#ced4da"
_NORM = r"$\|\partial L/\partial {}_t\|$, {} over the batch"
QUANTITIES = {
    "grad_h_mean": _NORM.format("h", "mean"),
    "grad_h_max": _NORM.format("h", "maximum"),
    "grad_c_mean": _NORM.format("c", "mean"),
    "grad_c_max": _NORM.format("c", "maximum"),
    "gain": "gain: gradient's norm at $t$ / at $t + 1$",
    "h_std": "standard deviation of $h_t$",
    "h_max": r"$\max\, |h_t|$",
}
"""What can be drawn, and how the colour bar calls it."""


class _Rows(NamedTuple):
    """What is drawn: [R, T], a label and a verdict of each row."""

    values: Array
    labels: list[str]
    verdicts: list[str]
    title: str
    of_steps: bool


def gradient_flow(
    flow: Observed | Iterable[Observed],
    quantity: str = "grad_h_mean",
    ax: Axes | None = None,
    *,
    layer: str | None = None,
) -> Axes:
    """Draw how much of the gradient reaches each time step, by colour on a logarithmic scale.

    Grey is what has no logarithm: zero, undefined, or not finite.

    Parameters
    ----------
    flow
        Of one step: a row for each stacked recurrent layer, the first at the bottom. Of several
        training steps: a row for each one observed, the first at the bottom, of one layer.
    quantity
        "grad_h_mean", "grad_h_max", "grad_c_mean", "grad_c_max", "gain", "h_std" or "h_max".
    ax
        Where to draw; None: a new figure.
    layer
        The only layer drawn, by `LayerFlow.name`. None: all of them for one step; for several that
        whose verdict is the worst in the last of them.
    """
    if not isinstance(quantity, str) or quantity not in QUANTITIES:
        expected = " or ".join(map(repr, QUANTITIES))
        raise ArgumentError(mismatch("quantity", expected, repr(quantity)))
    rows = _of_one(flow, quantity, layer) or _of_many(flow, quantity, layer)
    size = (8, 4.5) if rows.of_steps else (8, 2.2 + 0.55 * len(rows.labels))
    ax = prepare(ax, size)
    ax.spines[:].set_visible(False)
    _draw(ax, rows, quantity)
    ax.set_xlabel("time step $t$")
    if rows.of_steps:
        title(ax, rows.title)
        _label_steps(ax, rows)
    else:
        _label_layers(ax, rows)
    return ax


def _of_one(flow: Any, quantity: str, name: str | None) -> _Rows | None:
    """Return the rows of one step, None if `flow` is something else."""
    if isinstance(flow, StepResult):
        flow = _observed(flow)
    if not isinstance(flow, GradientFlow):
        return None
    layers = _some_layers(flow) if name is None else (_find(flow, name),)
    names = [layer.name for layer in layers]
    return _Rows(
        _stack(layers, quantity), names, [layer.verdict for layer in layers], "", of_steps=False
    )


def _of_many(flows: Iterable[Any], quantity: str, name: str | None) -> _Rows:
    pairs = list(_steps(flows))
    if not pairs:
        raise ArgumentError(mismatch("flow", "at least one observed step", "none"))
    last = _some_layers(pairs[-1][1])
    title = f"layer {name or worst_layer(last).name}"
    if name is None and len(last) > 1:
        title += f", at the end the worst of {len(last)}"
    layers = [_find(flow, name or worst_layer(last).name) for _, flow in pairs]
    return _Rows(
        _stack(layers, quantity),
        [str(step) for step, _ in pairs],
        [layer.verdict for layer in layers],
        title,
        of_steps=True,
    )


def _steps(flows: Iterable[Any]) -> Iterable[tuple[int, GradientFlow]]:
    """Yield the number and the flow of every observed step."""
    try:
        items = list(flows)
    except TypeError:
        expected = "GradientFlow or StepResult, or several"
        raise DTypeError(mismatch("flow", expected, type(flows).__name__)) from None
    for index, item in enumerate(items):
        if isinstance(item, StepResult) and item.flow is not None:
            yield item.step, item.flow
        elif isinstance(item, GradientFlow):
            yield index, item
        elif not isinstance(item, StepResult):
            expected = "a GradientFlow or StepResult"
            raise DTypeError(mismatch(f"flow[{index}]", expected, type(item).__name__))


def _observed(result: StepResult) -> GradientFlow:
    if result.flow is None:
        raise ArgumentError(mismatch("flow", "an observed step", "one taken without observe=True"))
    return result.flow


def _some_layers(flow: GradientFlow) -> tuple[LayerFlow, ...]:
    if not flow.layers:
        raise ArgumentError(mismatch("flow", "at least one recurrent layer", "none"))
    return flow.layers


def _find(flow: GradientFlow, name: str) -> LayerFlow:
    for layer in flow.layers:
        if layer.name == name:
            return layer
    names = " or ".join(repr(layer.name) for layer in flow.layers)
    raise ArgumentError(mismatch("layer", names, repr(name)))


def _stack(layers: Sequence[LayerFlow], quantity: str) -> Array:
    """Return [R, T], NaN where a row has no such quantity or is shorter."""
    rows = [getattr(layer, quantity) for layer in layers]
    if all(row is None for row in rows):
        raise ArgumentError(mismatch("quantity", "one that the layers have", repr(quantity)))
    values = np.full((len(rows), max(len(layer.gain) for layer in layers)), np.nan)
    for target, row in zip(values, rows, strict=True):
        if row is not None:
            target[: len(row)] = row
    return values


def _draw(ax: Axes, rows: _Rows, quantity: str) -> None:
    from matplotlib import colormaps

    nothing = ~(np.isfinite(rows.values) & (rows.values > 0))
    shown = np.ma.masked_where(nothing, np.where(nothing, rows.values, within_range(rows.values)))
    colours = colormaps["RdBu_r" if quantity == "gain" else "viridis"].with_extremes(bad=_NOTHING)
    norm = _norm(shown.compressed(), around_one=quantity == "gain")
    image = ax.imshow(
        shown, aspect="auto", origin="lower", cmap=colours, norm=norm, interpolation="nearest"
    )
    if shown.count():
        bar = ax.figure.colorbar(image, ax=ax, pad=0.05 if rows.of_steps else 0.02, aspect=25)
        bar.outline.set_visible(False)
        bar.set_label(QUANTITIES[quantity], color=INK)
        logarithmic_ticks(bar.ax.yaxis, norm.vmin, norm.vmax)
        bar.ax.minorticks_off()
    _draw_key(ax, rows, bool(shown.mask.any()))


def _draw_key(ax: Axes, rows: _Rows, has_nothing: bool) -> None:
    """Say what the colours of verdicts mean, and grey."""
    from matplotlib.patches import Patch

    counts = Counter(rows.verdicts) if rows.of_steps else Counter()
    keys = [
        Patch(color=VERDICTS[verdict].colour, label=f"{verdict} {count}")
        for verdict, count in counts.most_common()
    ]
    if has_nothing:
        keys.append(Patch(color=_NOTHING, label="zero, undefined or not finite"))
    if keys:
        style = {"frameon": False, "handlelength": 0.9, "columnspacing": 1.2}
        place = {"loc": "lower right", "bbox_to_anchor": (1.03, 1), "borderaxespad": 0.2}
        ax.legend(handles=keys, ncols=len(keys), **style, **place)


def _norm(values: Array, around_one: bool) -> LogNorm:
    """Return a logarithmic scale from the least value to the greatest."""
    from matplotlib.colors import LogNorm

    low, high = (values.min(), values.max()) if len(values) else (0.1, 10)
    if around_one:
        high = max(high, 1 / low)
        low = 1 / high
    return LogNorm(low, high) if low < high else LogNorm(low / 2, high * 2)


def _label_layers(ax: Axes, rows: _Rows) -> None:
    pairs = zip(rows.labels, rows.verdicts, strict=True)
    labels = [f"{name}\n{verdict}" for name, verdict in pairs]
    ax.set_yticks(range(len(labels)), labels)
    for tick, verdict in zip(ax.get_yticklabels(), rows.verdicts, strict=True):
        tick.set_color(VERDICTS[verdict].colour)
    ax.hlines(np.arange(1, len(labels)) - 0.5, *ax.get_xlim(), color="white", lw=2)


def _label_steps(ax: Axes, rows: _Rows) -> None:
    """Write training steps beside the rows, and draw a strip of their verdicts' colours."""
    from matplotlib.colors import ListedColormap
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    def number(row: float, _: object = None) -> str:
        return rows.labels[round(row)] if 0 <= round(row) < len(rows.labels) else ""

    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    ax.yaxis.set_major_formatter(FuncFormatter(number))
    ax.set_ylabel("training step")
    strip = ax.inset_axes((1.01, 0, 0.02, 1))
    order = list(VERDICTS)
    codes = np.array([[order.index(verdict)] for verdict in rows.verdicts])
    colours = ListedColormap([verdict.colour for verdict in VERDICTS.values()])
    strip.imshow(
        codes,
        aspect="auto",
        origin="lower",
        cmap=colours,
        vmin=-0.5,
        vmax=5.5,
        interpolation="nearest",
    )
    strip.set_axis_off()
