"""A trainer's options, checked and written down for C."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from . import _c_types as _c
from ._checks import UINT64_MAX, integer, known, positive
from .errors import DTypeError, mismatch
from .losses import Loss
from .optimizers import Optimizer

ClipScope: TypeAlias = Literal["global", "per_tensor"]
NonFinite: TypeAlias = Literal["skip", "fail"]

_SCOPES: Mapping[str, int] = {"global": _c.RNN_CLIP_GLOBAL, "per_tensor": _c.RNN_CLIP_PER_TENSOR}
_NONFINITE: Mapping[str, int] = {"skip": _c.RNN_NONFINITE_SKIP, "fail": _c.RNN_NONFINITE_FAIL}


def to_c(
    *,
    loss: Loss,
    optimizer: Optimizer,
    clip_norm: float | None,
    clip_value: float | None,
    bptt: int | None,
    clip_scope: ClipScope,
    nonfinite: NonFinite,
    seed: int,
    recompute: bool,
) -> _c.TrainerOptions:
    """Return the C options; None turns an option off."""
    if not isinstance(loss, Loss):
        raise DTypeError(mismatch("loss", "a Loss", type(loss).__name__))
    if not isinstance(optimizer, Optimizer):
        raise DTypeError(mismatch("optimizer", "an Optimizer", type(optimizer).__name__))
    options = _c.TrainerOptions(
        clip_norm=_threshold("clip_norm", clip_norm),
        clip_value=_threshold("clip_value", clip_value),
        bptt=0 if bptt is None else integer("bptt", bptt),
        clip_scope=_SCOPES[known("clip_scope", clip_scope, _SCOPES)],
        nonfinite=_NONFINITE[known("nonfinite", nonfinite, _NONFINITE)],
        seed=integer("seed", seed, low=0, high=UINT64_MAX),
        recompute=bool(recompute),
    )
    loss._to_c(options)
    optimizer._to_c(options)
    return options


def _threshold(name: str, value: float | None) -> float:
    return 0.0 if value is None else positive(name, value)
