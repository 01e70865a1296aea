"""Small weights: how a model becomes smaller and faster, and what that does to its outputs."""

from __future__ import annotations

from ctypes import c_void_p
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from . import _c_types as _c
from ._arrays import Array
from ._c_api import create, lib
from ._checks import known
from .model import Model
from .stream import model_handle

FORMATS = {"bfloat16": _c.RNN_WEIGHTS_BFLOAT16, "int8": _c.RNN_WEIGHTS_INT8}


@dataclass(frozen=True)
class QuantizationReport:
    """What small weights did to a model.

    Attributes
    ----------
    weights
        "bfloat16" or "int8".
    bytes_before, bytes_after
        Weights that a step of a stream reads.
    largest_difference, mean_difference
        Of the outputs of a stream over the user's data, in magnitude; None without data.
    largest_output
        The largest magnitude of an output before, to compare with; None without data.
    """

    weights: str
    bytes_before: int
    bytes_after: int
    largest_difference: float | None = None
    mean_difference: float | None = None
    largest_output: float | None = None

    def __str__(self) -> str:
        """Return the report as two lines for people."""
        size = f"{self.weights}: {self.bytes_before} -> {self.bytes_after} bytes of weights"
        if self.largest_difference is None:
            return size
        return (
            f"{size}\noutputs up to {self.largest_output:.3g} differ by at most "
            f"{self.largest_difference:.3g}, by {self.mean_difference:.3g} in the mean"
        )


class Quantized(NamedTuple):
    """A model with small weights, and the report on it."""

    model: Model
    report: QuantizationReport


def quantize(model: Model, x: Array | None = None, *, weights: str = "int8") -> Quantized:
    """Return the model with small weights in its recurrent and linear layers.

    Streams of it compute with the small weights and with activations made as small at every step;
    its tensors read as the numbers they stand for. It cannot be trained. ``weight_ih`` of a
    recurrent layer with up to 3 inputs (bfloat16: 1) stays float32, as its inputs do.

    Parameters
    ----------
    model
        A float32 model.
    x
        Data as `Stream.process` takes it, such as the model is for, to compare outputs on.
    weights
        "int8", whole numbers with a scale for each row of a matrix, or "bfloat16".
    """
    code = FORMATS[known("weights", weights, FORMATS)]
    small = Model._from_handle(
        create(lib.rnn_model_quantize, c_void_p(model_handle(model)), code), model.batch_first
    )
    before, after = model.stream().weight_bytes, small.stream().weight_bytes
    if x is None:
        return Quantized(small, QuantizationReport(weights, before, after))
    rows = np.shape(x)[0 if model.batch_first else 1] if np.ndim(x) > 1 else 1
    own, other = (each.stream(rows).process(x) for each in (model, small))
    difference = np.abs(own.astype(np.float64) - other)
    report = QuantizationReport(
        weights,
        before,
        after,
        float(difference.max()),
        float(difference.mean()),
        float(np.abs(own).max()),
    )
    return Quantized(small, report)
