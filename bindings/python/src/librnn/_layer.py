"""What all layers have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Literal, TypeAlias

from . import _c_types as _c

Init: TypeAlias = Literal["default", "xavier", "orthogonal", "identity"]

INITS: Mapping[str, int] = {
    "default": _c.RNN_INIT_DEFAULT,
    "xavier": _c.RNN_INIT_XAVIER,
    "orthogonal": _c.RNN_INIT_ORTHOGONAL,
    "identity": _c.RNN_INIT_IDENTITY,
}
NONLINEARITIES: Mapping[str, int] = {"tanh": _c.RNN_TANH, "relu": _c.RNN_RELU}


class Layer:
    """Base of all layers: two sizes, then options by name.

    Dimension letters: T time steps, B batch, I input features, H hidden units, O outputs, L layers.
    """

    def _to_c(self) -> _c.Layer:
        raise NotImplementedError

    def _settle(self, **checked: object) -> None:
        """Store checked values in a frozen dataclass."""
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        """Return the call that makes this layer, without options left at their default."""
        parts = []
        for item in fields(self):  # type: ignore[arg-type]
            value = getattr(self, item.name)
            if item.default is MISSING:
                parts.append(repr(value))
            elif value != item.default:
                parts.append(f"{item.name}={value!r}")
        return f"{type(self).__name__}({', '.join(parts)})"
