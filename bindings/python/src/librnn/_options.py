"""A trainer's options, checked and written down for C."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from . import _c_types as _c
from ._checks import UINT64_MAX, integer, known, number, positive
from .errors import ArgumentError, DTypeError, mismatch
from .losses import Loss
from .optimizers import Optimizer, literal
from .schedules import Schedule

ClipScope: TypeAlias = Literal["global", "per_tensor"]
NonFinite: TypeAlias = Literal["skip", "fail", "roll_back"]

_SCOPES: Mapping[str, int] = {"global": _c.RNN_CLIP_GLOBAL, "per_tensor": _c.RNN_CLIP_PER_TENSOR}
_NONFINITE: Mapping[str, int] = {
    "skip": _c.RNN_NONFINITE_SKIP,
    "fail": _c.RNN_NONFINITE_FAIL,
    "roll_back": _c.RNN_NONFINITE_ROLL_BACK,
}

PENALTIES = ("omega", "orthogonality", "activation_penalty", "temporal_activation_penalty")
"""The penalties, as C has them side by side."""


def to_c(
    loss: Loss,
    optimizer: Optimizer,
    *,
    bptt: int | None,
    clip_scope: ClipScope,
    clip_quantile: float | None,
    clip_window: int,
    thresholds: Mapping[str, float | None],
    penalties: Mapping[str, float],
    nonfinite: NonFinite,
    rollback_factor: float,
    seed: int,
    recompute: bool,
    schedule: Schedule | None,
    accumulate: int,
    ema_decay: float | None,
) -> _c.TrainerOptions:
    """Return the C options; None turns an option off."""
    if not isinstance(loss, Loss):
        raise DTypeError(mismatch("loss", "a Loss", type(loss).__name__))
    if not isinstance(optimizer, Optimizer):
        raise DTypeError(mismatch("optimizer", "an Optimizer", type(optimizer).__name__))
    if schedule is not None and not isinstance(schedule, Schedule):
        raise DTypeError(mismatch("schedule", "a Schedule", type(schedule).__name__))
    options = _c.TrainerOptions(
        bptt=0 if bptt is None else integer("bptt", bptt),
        clip_scope=_SCOPES[known("clip_scope", clip_scope, _SCOPES)],
        clip_quantile=0.0 if clip_quantile is None else _part("clip_quantile", clip_quantile),
        clip_window=integer("clip_window", clip_window, low=10, high=2**20),
        nonfinite=_NONFINITE[known("nonfinite", nonfinite, _NONFINITE)],
        rollback_factor=_part("rollback_factor", rollback_factor),
        seed=integer("seed", seed, low=0, high=UINT64_MAX),
        recompute=bool(recompute),
        accumulate=integer("accumulate", accumulate),
        ema_decay=0.0 if ema_decay is None else _decay("ema_decay", ema_decay),
    )
    for name, value in thresholds.items():
        setattr(options, name, 0.0 if value is None else positive(name, value))
    for name, value in penalties.items():
        setattr(options, name, number(name, value, low=0))
    loss._to_c(options)
    optimizer._to_c(options)
    if schedule is not None:
        schedule._to_c(options)
    return options


def _part(name: str, value: float) -> float:
    """Return a number in (0, 1]."""
    result = positive(name, value)
    if result > 1:
        raise ArgumentError(mismatch(name, "a number in (0, 1]", result))
    return result


def _decay(name: str, value: float) -> float:
    """Return a number in (0, 1)."""
    result = number(name, value, low=0, below=1)
    if result == 0:
        raise ArgumentError(mismatch(name, "a number in (0, 1), or None", result))
    return result


def group(lr_factor: float, weight_decay: float | None, frozen: bool) -> _c.Group:
    """Return what tensors have of their own in updates."""
    decay = None if weight_decay is None else number("weight_decay", weight_decay, low=0)
    return _c.Group(
        rate_factor=literal(number("lr_factor", lr_factor, low=0)),
        weight_decay=0.0 if decay is None else literal(decay),
        frozen=bool(frozen),
    )
