"""The page of a diagnosis."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from . import __version__, _figures
from . import _html as html
from ._html import Html, element, join, table
from ._verdicts import VERDICTS, is_judged, worst_layer
from .flow import GradientFlow, LayerFlow

if TYPE_CHECKING:
    from .diagnose import Diagnosis

_STYLE = Path(__file__).with_name("report.css")


def page(diagnosis: Diagnosis, sources: dict[str, str]) -> str:
    """Return the whole document.

    Parameters
    ----------
    diagnosis
        What to write about.
    sources
        Where model and data come from.
    """
    title = f"Diagnosis of {sources.get('Model', 'a model').rpartition(':')[0] or 'a model'}"
    parts = [
        element("h1", title),
        _banner(diagnosis),
        _facts(diagnosis),
        *_sections(diagnosis),
        _method(diagnosis, sources),
    ]
    return html.page(title, _STYLE.read_text("utf-8"), element("main", *parts))


def _sections(diagnosis: Diagnosis) -> Iterator[Html]:
    yield _section("Layers", _layers(diagnosis))
    yield _section("What to try next", _advice(diagnosis))
    yield _section("Gradient flow", *_flow(diagnosis))
    if not all(math.isnan(layer.saturated_fraction) for layer in diagnosis.flow.layers):
        yield _section("Saturation", *_saturation(diagnosis.flow))
    if diagnosis.spectra:
        yield _section("Recurrent matrices", *_spectra(diagnosis))
    if diagnosis.lyapunov:
        yield _section("Lyapunov exponents", *_lyapunov(diagnosis))
    yield _section("Tensors", _tensors(diagnosis))


def _section(title: str, *content: object) -> Html:
    return element("section", element("h2", title), *content)


def _note(*content: object) -> Html:
    return element("p", *content, _class="note")


def _banner(diagnosis: Diagnosis) -> Html:
    """Return the verdict in plain words."""
    layer, verdict = worst_layer(diagnosis.flow.layers), VERDICTS[diagnosis.verdict]
    reason = f"Layer {layer.name}: {layer.reason}."
    if is_judged(diagnosis.flow.layers):
        reason += f" {verdict.meaning}"
    origin = diagnosis.result.origin
    if origin is not None:
        place = [f"layer {origin.layer}"] if origin.layer is not None else []
        place += [f"time step {origin.step}"] if origin.step is not None else []
        kind = origin.kind.replace("_", " ")
        reason += f" It began with the {kind} at {', '.join(place) or origin.tensor}."
    return element(
        "div",
        element("p", diagnosis.headline, _class="headline"),
        element("p", reason),
        _class="banner",
        style=f"border-left-color: {verdict.colour}",
    )


def _facts(diagnosis: Diagnosis) -> Html:
    result, model = diagnosis.result, diagnosis.model
    facts = {
        "loss": f"{result.loss:.4g}",
        "gradient norm": f"{result.grad_norm:.3g}",
        "time steps": f"{diagnosis.time_steps:,}",
        "sequences": f"{diagnosis.sequences:,}",
        "parameters": f"{model.num_parameters:,}",
    }
    boxes = [
        element("div", element("dd", value), element("dt", name)) for name, value in facts.items()
    ]
    return element("dl", *boxes, _class="facts")


def _badge(verdict: str) -> Html:
    colour = VERDICTS[verdict].colour
    return element("span", verdict, _class="badge", style=f"background: {colour}")


def _layers(diagnosis: Diagnosis) -> Html:
    heads = ["layer", "kind", "H#", "verdict", "rate#", "horizon#", "why"]
    rows = [_layer(diagnosis, layer) for layer in diagnosis.flow.layers]
    note = _note(
        "Rate: by what a step back multiplies the gradient's norm. Horizon: the steps back after "
        "which a hundredth of it is left."
    )
    return join([table(heads, rows), note])


def _layer(diagnosis: Diagnosis, layer: LayerFlow) -> list[object]:
    kind = type(diagnosis.model.layers[layer.layer]).__name__
    badge = _badge(layer.verdict)
    return [
        layer.name,
        kind,
        layer.hidden_size,
        badge,
        *map(_number, (layer.rate, layer.horizon)),
        layer.reason,
    ]


def _number(value: float) -> str:
    if math.isnan(value):
        return "–"
    return "∞" if math.isinf(value) else f"{value:.3g}"


def _flow(diagnosis: Diagnosis) -> Iterator[Html]:
    flow = diagnosis.flow
    yield _note("How much of the gradient of the loss reaches the state at each time step.")
    yield _figures.gradient_flow(flow, "grad_h_mean")
    if any(layer.grad_c_mean is not None for layer in flow.layers):
        yield _figures.gradient_flow(flow, "grad_c_mean")
    yield _note(
        "By what each step back multiplies the norm of the gradient that arrives there. Below 1 "
        "it shrinks, above 1 it grows."
    )
    yield _figures.gain(flow)


def _saturation(flow: GradientFlow) -> Iterator[Html]:
    yield _note(
        "Which part of the activations is near the ends of their range. A gate that is always "
        "shut or open does not regulate, and learns slowly; a flat tanh lets little gradient "
        "through."
    )
    yield _figures.gates(flow)


def _spectra(diagnosis: Diagnosis) -> Iterator[Html]:
    yield _note(
        "A linear network would shrink what lies inside the circle and enlarge what lies outside; "
        "tanh and gates shrink it further."
    )
    for tensor in dict.fromkeys(one.tensor for one in diagnosis.spectra):
        yield _figures.spectrum(tensor, [one for one in diagnosis.spectra if one.tensor == tensor])
    rows = [
        [one.tensor, one.gate, f"{one.spectral_radius:.4g}", f"{one.spectral_norm:.4g}"]
        for one in diagnosis.spectra
    ]
    yield table(["matrix", "gate", "spectral radius#", "spectral norm#"], rows)


def _lyapunov(diagnosis: Diagnosis) -> Iterator[Html]:
    found = diagnosis.lyapunov
    assert found is not None
    leading = float(found.exponents[:, 0].mean())
    error = float(np.linalg.norm(found.errors[:, 0])) / len(found.errors)
    what = "part: unstable or chaotic" if leading > 0 else "come together: stable, and forgetting"
    if abs(leading) < 2 * error:
        what = "neither part nor come together, as far as so few steps can tell"
    factor = f"{math.exp(leading):.3g} per step" if leading < 700 else "very much"
    yield _note(
        f"Driven by the data, neighbouring states {what}. Their distance is multiplied by {factor} "
        f"(λ₁ = {leading:.3g})."
    )
    yield _figures.lyapunov(found)
    rows, count = found.exponents.shape
    errors = np.isfinite(found.errors).all()
    yield _note(
        f"The leading {count} exponents of {rows} sequences over {diagnosis.lyapunov_steps} steps, "
        f"after {diagnosis.warm_up} of warm-up. "
        + ("" if errors else "Too few steps for standard errors.")
    )


def _tensors(diagnosis: Diagnosis) -> Html:
    state = diagnosis.model.state_dict()
    with np.errstate(over="ignore"):
        norms = {name: np.linalg.norm(value.astype(float)) for name, value in state.items()}
    rows = [
        [name, " × ".join(map(str, state[name].shape)), f"{tensor.grad_norm:.4g}"]
        + [f"{norms[name]:.4g}"]
        for name, tensor in diagnosis.flow.tensors.items()
    ]
    return table(["tensor", "shape", "gradient norm#", "weight norm#"], rows)


def _advice(diagnosis: Diagnosis) -> Html:
    found = {layer.verdict for layer in diagnosis.flow.layers}
    parts: list[Html] = []
    for verdict in (verdict for verdict in VERDICTS if verdict in found):
        places = [layer.name for layer in diagnosis.flow.layers if layer.verdict == verdict]
        tips = [element("li", tip) for tip in VERDICTS[verdict].advice]
        parts += [element("h3", _badge(verdict), " ", ", ".join(places)), element("ul", *tips)]
    note = _note(
        "One batch at one moment of training. Trainer.step(..., observe=True) every few hundred "
        "steps shows how it came to this."
    )
    return join([*parts, note])


def _method(diagnosis: Diagnosis, sources: dict[str, str]) -> Html:
    model = diagnosis.model
    rows = [
        *sources.items(),
        ("Layers", "; ".join(map(repr, model.layers))),
        ("Element type", str(model.dtype)),
        ("Batch", f"T = {diagnosis.time_steps}, B = {diagnosis.sequences}"),
        ("Loss", repr(diagnosis.loss)),
        ("Step", "one observed training step with learning rate 0, dropout as in training"),
        *(("Left out", note) for note in diagnosis.notes),
        ("Written", f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC by librnn {__version__}"),
    ]
    items = [part for name, text in rows for part in (element("dt", name), element("dd", text))]
    return _section("How it was measured", element("dl", *items, _class="method"))
