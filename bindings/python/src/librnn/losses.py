"""The losses: descriptions only, with PyTorch's names and definitions.

Each but CTCLoss is a sum over the valid steps, L = sum over t of L^(t). "mean" divides it by the
sum of the steps' weights (1 each unless given), times those of the labels' classes, and, for the
element-wise losses, by O as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np

from . import _c_types as _c
from ._arrays import Array
from ._checks import INT64_MIN, integer, known, number, positive, word
from ._settings import Settings

Reduction: TypeAlias = Literal["mean", "sum"]

_REDUCTIONS: Mapping[str, int] = {"mean": _c.RNN_MEAN, "sum": _c.RNN_SUM}
_IGNORED_UNLESS_GIVEN = -100


class Loss(Settings):
    """Base of all losses."""

    reduction: Reduction

    def _to_c(self, options: _c.TrainerOptions) -> None:
        """Fill in the fields of the C options that describe this loss."""
        raise NotImplementedError


class CrossEntropyLoss(Loss):
    """Softmax cross-entropy of logits [T, B, O] and class labels [T, B] in ``0 .. O - 1``.

    With a last-step head: logits [B, O], labels [B].

    Parameters
    ----------
    ignore_index
        A label that counts for nothing.
    reduction
        "mean" or "sum".
    label_smoothing
        In [0, 1): so much of the loss is the mean of those with every label for the target.
    weight
        A number >= 0 for each class, [O].
    """

    ignore_index: int
    label_smoothing: float
    weight: tuple[float, ...] | None

    def __init__(
        self,
        ignore_index: int = _IGNORED_UNLESS_GIVEN,
        reduction: Reduction = "mean",
        *,
        label_smoothing: float = 0.0,
        weight: Sequence[float] | Array | None = None,
    ) -> None:
        self._settle(
            ignore_index=integer("ignore_index", ignore_index, low=INT64_MIN),
            reduction=known("reduction", reduction, _REDUCTIONS),
            label_smoothing=number("label_smoothing", label_smoothing, low=0, below=1),
            weight=None
            if weight is None
            else tuple(number("weight", each, low=0) for each in weight),
        )

    def _to_c(self, options: _c.TrainerOptions) -> None:
        options.loss = _c.RNN_CROSS_ENTROPY
        options.reduction = _REDUCTIONS[self.reduction]
        options.has_ignore_index = 1
        options.ignore_index = self.ignore_index
        options.label_smoothing = self.label_smoothing
        if self.weight is not None:
            options.weights = np.array(self.weight)  # kept alive with the options
            options.class_weights.data = options.weights.ctypes.data
            options.class_weights.bytes = options.weights.nbytes


class MSELoss(Loss):
    """Squared error (y - target)^2 of outputs and target values, both [T, B, O].

    With a last-step head: both [B, O].

    Parameters
    ----------
    reduction
        "mean" or "sum".
    """

    def __init__(self, reduction: Reduction = "mean") -> None:
        self._settle(reduction=known("reduction", reduction, _REDUCTIONS))

    def _to_c(self, options: _c.TrainerOptions) -> None:
        options.loss = _c.RNN_MEAN_SQUARED
        options.reduction = _REDUCTIONS[self.reduction]


class BCEWithLogitsLoss(Loss):
    """Binary cross-entropy of logits and target values in [0, 1], both [T, B, O].

    With a last-step head: both [B, O].

    Parameters
    ----------
    reduction
        "mean" or "sum".
    """

    def __init__(self, reduction: Reduction = "mean") -> None:
        self._settle(reduction=known("reduction", reduction, _REDUCTIONS))

    def _to_c(self, options: _c.TrainerOptions) -> None:
        options.loss = _c.RNN_BINARY_CROSS_ENTROPY
        options.reduction = _REDUCTIONS[self.reduction]


class HuberLoss(Loss):
    """d^2 / 2 where abs(d) <= delta, delta (abs(d) - delta / 2) beyond.

    d is the difference of outputs and target values, both [T, B, O]; with a last-step head [B, O].

    Parameters
    ----------
    delta
        Above 0.
    reduction
        "mean" or "sum".
    """

    delta: float

    def __init__(self, delta: float = 1.0, reduction: Reduction = "mean") -> None:
        self._settle(
            delta=positive("delta", delta), reduction=known("reduction", reduction, _REDUCTIONS)
        )

    def _to_c(self, options: _c.TrainerOptions) -> None:
        options.loss = _c.RNN_HUBER
        options.reduction = _REDUCTIONS[self.reduction]
        options.huber_delta = self.delta


class CTCLoss(Loss):
    """Connectionist temporal classification (Graves et al. 2006) of logits [T, B, O].

    The targets are labels of whole sequences, [B, U], that are not aligned with the steps:
    ``trainer.step(x, labels, lengths, target_lengths=...)``. "mean" divides the loss of each
    sequence by the number of its labels, at least 1, and is over the batch. `librnn.ctc_decode`
    reads the labels off the logits.

    Parameters
    ----------
    blank
        The class that is no label.
    reduction
        "mean" or "sum".
    zero_infinity
        Whether a sequence with too few steps for its labels, whose loss is infinite, counts as 0.
    """

    blank: int
    zero_infinity: bool

    def __init__(
        self, blank: int = 0, reduction: Reduction = "mean", *, zero_infinity: bool = False
    ) -> None:
        self._settle(
            blank=integer("blank", blank, low=0),
            reduction=known("reduction", reduction, _REDUCTIONS),
            zero_infinity=bool(zero_infinity),
        )

    def _to_c(self, options: _c.TrainerOptions) -> None:
        options.loss = _c.RNN_CTC
        options.reduction = _REDUCTIONS[self.reduction]
        options.blank = self.blank
        options.zero_infinity = self.zero_infinity


def from_c(options: _c.TrainerOptions, weight: Array) -> Loss:
    """Return the loss that the C options and the weights of the classes, if any, stand for."""
    reduction: Any = word(options.reduction, _REDUCTIONS)
    if options.loss == _c.RNN_HUBER:
        return HuberLoss(options.huber_delta, reduction)
    if options.loss == _c.RNN_CTC:
        return CTCLoss(options.blank, reduction, zero_infinity=options.zero_infinity)
    if options.loss == _c.RNN_MEAN_SQUARED:
        return MSELoss(reduction)
    if options.loss == _c.RNN_BINARY_CROSS_ENTROPY:
        return BCEWithLogitsLoss(reduction)
    ignored = options.ignore_index if options.has_ignore_index else _IGNORED_UNLESS_GIVEN
    return CrossEntropyLoss(
        ignored,
        reduction,
        label_smoothing=options.label_smoothing,
        weight=weight if len(weight) else None,
    )
