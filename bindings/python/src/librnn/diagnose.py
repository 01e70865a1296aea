"""A look at a model from every side: how the gradient flows, spectra, Lyapunov exponents.

    diagnosis = librnn.diagnose.diagnose(model, x, y)
    print(diagnosis)
    librnn.diagnose.write_report(diagnosis, "report.html")

``librnn diagnose model.safetensors --data data.npz`` does the same for files.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from . import dynamics
from ._arrays import Array
from ._batch import Lengths
from ._checks import integer
from ._verdicts import NOTHING_TO_JUDGE, VERDICTS, is_judged, worst_layer
from .dynamics import Lyapunov, Spectrum
from .errors import ModelError, NonFiniteError, mismatch
from .flow import GradientFlow
from .losses import CrossEntropyLoss, Loss
from .model import Model, check_model
from .optimizers import SGD
from .result import StepResult
from .trainer import Trainer

Progress = Callable[[str], None]


def _silent(message: str) -> None:
    """Take a message and do nothing."""


@dataclass(frozen=True)
class Diagnosis:
    """What was found.

    Attributes
    ----------
    model, loss
        What was looked at.
    result, flow
        Of the observed step, which changed nothing.
    time_steps, sequences
        T and B of its batch.
    spectra
        Of the recurrent matrices; empty if they were not wanted or not finite.
    lyapunov
        None if they were not wanted or could not be computed.
    lyapunov_steps, warm_up
        The time steps that they come from, and those before that were left out.
    notes
        What could not be computed and why.
    """

    model: Model
    loss: Loss
    result: StepResult
    flow: GradientFlow
    time_steps: int
    sequences: int
    spectra: list[Spectrum] = field(default_factory=list)
    lyapunov: Lyapunov | None = None
    lyapunov_steps: int = 0
    warm_up: int = 0
    notes: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """The worst of all layers."""
        return worst_layer(self.flow.layers).verdict

    @property
    def headline(self) -> str:
        """The verdict in plain words."""
        layers = self.flow.layers
        if not is_judged(layers):
            return NOTHING_TO_JUDGE
        count = sum(layer.verdict == self.verdict for layer in layers)
        if len(layers) == 1:
            return VERDICTS[self.verdict].headline
        return f"{VERDICTS[self.verdict].headline}, in {count} of {len(layers)} recurrent layers"

    def __str__(self) -> str:
        """Return the headline and a line for each layer."""
        lines = [f"{layer.name}: {layer.verdict}: {layer.reason}" for layer in self.flow.layers]
        return "\n".join([self.headline, *lines])


def diagnose(
    model: Model,
    x: Array,
    y: Array,
    loss: Loss = CrossEntropyLoss(),
    *,
    lengths: Lengths | None = None,
    weights: Array | None = None,
    spectra: bool = True,
    exponents: int = 10,
    sequences: int = 4,
    time_steps: int = 500,
    progress: Progress = _silent,
) -> Diagnosis:
    """Look at a model with one batch, and change nothing.

    Parameters
    ----------
    model
        At least one of its layers is recurrent.
    x, y, lengths, weights
        A batch, as for `Trainer.step`.
    loss
        Whose gradient is looked at.
    spectra
        Whether to compute the eigenvalues of the recurrent matrices.
    exponents
        How many leading Lyapunov exponents, at most n; 0: none.
    sequences, time_steps
        At most so many of the batch are taken for them: the time that they need grows with both.
    progress
        Called with a sentence before each part of the work.
    """
    _need_recurrent(check_model(model))
    progress("observing a training step that changes nothing")
    trainer = Trainer(model, loss, SGD(lr=0))
    result = trainer.step(x, y, lengths, weights=weights, observe=True)
    assert result.flow is not None
    steps, rows = x.shape[1::-1] if model.batch_first else x.shape[:2]
    most = integer("sequences", sequences), integer("time_steps", time_steps)
    part = _Part(model, x, lengths, *most)
    notes: list[str] = []
    found = _spectra(model, notes, progress) if spectra else []
    count = integer("exponents", exponents, low=0)
    lyapunov = _lyapunov(part, count, notes, progress) if count else None
    return Diagnosis(
        model=model,
        loss=loss,
        result=result,
        flow=result.flow,
        time_steps=steps,
        sequences=rows,
        spectra=found,
        lyapunov=lyapunov,
        lyapunov_steps=part.steps - part.warm_up,
        warm_up=part.warm_up,
        notes=tuple(notes),
    )


def write_report(
    diagnosis: Diagnosis, path: str | os.PathLike[str], sources: dict[str, str] | None = None
) -> None:
    """Write a diagnosis as one HTML page that needs nothing else. It takes matplotlib.

    Parameters
    ----------
    diagnosis
        What to write about.
    path
        The file, which is replaced.
    sources
        Where model and data come from, a line each: name and text.
    """
    from ._report import page

    text = page(diagnosis, sources or {})
    # A name of a file need not be UTF-8.
    Path(path).write_text(text, encoding="utf-8", errors="replace")


class _Part:
    """The first sequences and steps of a batch, for Lyapunov exponents."""

    def __init__(
        self, model: Model, x: Array, lengths: Lengths | None, rows: int, steps: int
    ) -> None:
        places = (slice(steps), slice(rows))
        part = x[places[::-1] if model.batch_first else places]
        self.model = model
        self.x = np.ascontiguousarray(part)
        self.steps = part.shape[1 if model.batch_first else 0]
        self.lengths = None if lengths is None else np.minimum(lengths, self.steps)[:rows]
        shortest = self.steps if self.lengths is None else int(self.lengths.min())
        self.warm_up = min(shortest // 5, 100)


def _need_recurrent(model: Model) -> None:
    if not model._signature.state.size:
        kinds = ", ".join(type(layer).__name__ for layer in model.layers)
        raise ModelError(mismatch("model", "at least one recurrent layer", kinds))


def _spectra(model: Model, notes: list[str], progress: Progress) -> list[Spectrum]:
    progress("computing the eigenvalues of the recurrent matrices")
    try:
        return dynamics.spectra(model)
    except NonFiniteError as error:
        notes.append(f"No spectra: {error}.")
        return []


def _lyapunov(part: _Part, count: int, notes: list[str], progress: Progress) -> Lyapunov | None:
    count = min(count, part.model._signature.state.size)
    progress(f"following {count} directions through {part.steps} steps for Lyapunov exponents")
    try:
        return dynamics.lyapunov(
            part.model, part.x, count, warm_up=part.warm_up, lengths=part.lengths
        )
    except NonFiniteError as error:
        notes.append(f"No Lyapunov exponents: {error}.")
        return None
