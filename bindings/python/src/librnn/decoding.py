"""Reading labels off the logits of a model that was trained with CTCLoss."""

from __future__ import annotations

from ctypes import byref
from typing import NamedTuple

import numpy as np

from . import _c_types as _c
from ._arrays import DTYPES, Array, address, check_array, check_lengths
from ._batch import Lengths
from ._c_api import check, lib
from ._checks import integer

_FLOATS = (np.dtype("float32"), np.dtype("float64"))


class CTCLabels(NamedTuple):
    """The labels of one sequence, and the logarithm of the probability that was found for them."""

    labels: Array
    log_probability: float


def ctc_decode(
    logits: Array, lengths: Lengths | None = None, *, blank: int = 0, beam_width: int = 0
) -> list[CTCLabels]:
    """Return the labels of each sequence.

    Parameters
    ----------
    logits
        [T, B, O], float32 or float64: a time-major model's output.
    lengths
        Ints [B]: sequence b has ``lengths[b]`` valid steps.
    blank
        The class that is no label.
    beam_width
        How many labellings a prefix beam search follows (Graves et al. 2006, Hannun et al. 2014
        without a language model). It is exact if no labelling falls out of the beam. 0: the labels
        of the likeliest path, whose probability is then the one that is returned.

    Returns
    -------
    list of CTCLabels
        One for each sequence.
    """
    check_array("logits", logits, _FLOATS, ("T", "B", "O"))
    steps, rows, classes = logits.shape
    labels, counts = np.empty((rows, steps), np.int64), np.empty(rows, np.int64)
    scores = np.empty(rows)
    call = _c.CtcDecoding(
        dtype=DTYPES[logits.dtype],
        time_steps=steps,
        batch_size=rows,
        classes=classes,
        blank=integer("blank", blank, low=0),
        beam_width=integer("beam_width", beam_width, low=0),
    )
    arrays = {
        "logits": logits,
        "labels": labels,
        "label_lengths": counts,
        "log_probabilities": scores,
    }
    if lengths is not None:
        arrays["lengths"] = check_lengths(lengths, rows)
    for name, array in arrays.items():
        field = getattr(call, name)
        field.data, field.bytes = address(array), array.nbytes
    check(lib.rnn_ctc_decode(byref(call)))
    return [
        CTCLabels(row[:count], float(score))
        for row, count, score in zip(labels, counts, scores, strict=True)
    ]
