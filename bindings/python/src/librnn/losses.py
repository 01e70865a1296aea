"""The losses: descriptions only, with PyTorch's names and definitions.

Each is a sum over the valid steps, L = sum over t of L^(t). "mean" divides it by the sum of the
steps' weights (1 each unless given) and, for the two element-wise losses, by O as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from . import _c_types as _c
from ._checks import INT64_MIN, integer, known, word
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
    """

    ignore_index: int

    def __init__(
        self, ignore_index: int = _IGNORED_UNLESS_GIVEN, reduction: Reduction = "mean"
    ) -> None:
        self._settle(
            ignore_index=integer("ignore_index", ignore_index, low=INT64_MIN),
            reduction=known("reduction", reduction, _REDUCTIONS),
        )

    def _to_c(self, options: _c.TrainerOptions) -> None:
        options.loss = _c.RNN_CROSS_ENTROPY
        options.reduction = _REDUCTIONS[self.reduction]
        options.has_ignore_index = 1
        options.ignore_index = self.ignore_index


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


def from_c(options: _c.TrainerOptions) -> Loss:
    """Return the loss that the C options stand for."""
    reduction: Any = word(options.reduction, _REDUCTIONS)
    if options.loss == _c.RNN_MEAN_SQUARED:
        return MSELoss(reduction)
    if options.loss == _c.RNN_BINARY_CROSS_ENTROPY:
        return BCEWithLogitsLoss(reduction)
    ignored = options.ignore_index if options.has_ignore_index else _IGNORED_UNLESS_GIVEN
    return CrossEntropyLoss(ignored, reduction)
