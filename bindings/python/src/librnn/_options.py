"""A trainer's options, from Python to C and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from . import _c_types as _c
from . import losses, optimizers
from ._checks import UINT64_MAX, choice, integer, positive, word
from .errors import DTypeError, mismatch
from .losses import Loss
from .optimizers import Optimizer

ClipScope: TypeAlias = Literal["global", "per_tensor"]
NonFinite: TypeAlias = Literal["skip", "fail"]

_SCOPES: Mapping[str, int] = {"global": _c.RNN_CLIP_GLOBAL, "per_tensor": _c.RNN_CLIP_PER_TENSOR}
_NONFINITE: Mapping[str, int] = {"skip": _c.RNN_NONFINITE_SKIP, "fail": _c.RNN_NONFINITE_FAIL}


@dataclass(frozen=True)
class Options:
    """What a trainer was made with. None turns an option off."""

    loss: Loss
    optimizer: Optimizer
    clip_norm: float | None
    clip_value: float | None
    bptt: int | None
    clip_scope: str
    nonfinite: str
    seed: int
    recompute: bool

    def to_c(self) -> _c.TrainerOptions:
        """Check the options and write them down for C."""
        if not isinstance(self.loss, Loss):
            raise DTypeError(mismatch("loss", "a Loss", type(self.loss).__name__))
        if not isinstance(self.optimizer, Optimizer):
            raise DTypeError(mismatch("optimizer", "an Optimizer", type(self.optimizer).__name__))
        options = _c.TrainerOptions(
            clip_norm=_threshold("clip_norm", self.clip_norm),
            clip_value=_threshold("clip_value", self.clip_value),
            bptt=0 if self.bptt is None else integer("bptt", self.bptt),
            clip_scope=choice("clip_scope", self.clip_scope, _SCOPES),
            nonfinite=choice("nonfinite", self.nonfinite, _NONFINITE),
            seed=integer("seed", self.seed, low=0, high=UINT64_MAX),
            recompute=bool(self.recompute),
        )
        self.loss._to_c(options)
        self.optimizer._to_c(options)
        return options

    @classmethod
    def from_c(cls, options: _c.TrainerOptions) -> Options:
        """Read the options in force."""
        return cls(
            loss=losses.from_c(options),
            optimizer=optimizers.from_c(options),
            clip_norm=options.clip_norm or None,
            clip_value=options.clip_value or None,
            bptt=options.bptt or None,
            clip_scope=word(options.clip_scope, _SCOPES),
            nonfinite=word(options.nonfinite, _NONFINITE),
            seed=options.seed,
            recompute=bool(options.recompute),
        )


def _threshold(name: str, value: float | None) -> float:
    return 0.0 if value is None else positive(name, value)
