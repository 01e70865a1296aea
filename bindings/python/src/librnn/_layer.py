"""What all layers have in common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeAlias

from . import _c_types as _c
from ._settings import Settings

Init: TypeAlias = Literal["default", "xavier", "orthogonal", "identity", "sparse", "keras"]

INITS: Mapping[str, int] = {
    "default": _c.RNN_INIT_DEFAULT,
    "xavier": _c.RNN_INIT_XAVIER,
    "orthogonal": _c.RNN_INIT_ORTHOGONAL,
    "identity": _c.RNN_INIT_IDENTITY,
    "sparse": _c.RNN_INIT_SPARSE,
    "keras": _c.RNN_INIT_KERAS,
}


class Layer(Settings):
    """Base of all layers: two sizes, then options by name.

    Dimension letters: T time steps, B batch, I input features, H hidden units, O outputs, L layers.
    """

    def _to_c(self) -> _c.Layer:
        raise NotImplementedError

    def _arguments(self) -> Iterator[str]:
        """Yield the sizes, then the options that are not left at their default."""
        defaults: dict[str, object] = {}
        for kind in reversed(type(self).__mro__[:-1]):
            defaults |= _defaults(kind.__init__) if "__init__" in vars(kind) else {}
        for name, value in vars(self).items():
            if name not in defaults:
                yield repr(value)
            elif value != defaults[name]:
                yield f"{name}={value!r}"


def _defaults(function: Any) -> dict[str, object]:
    """Return the arguments of a function that may be left out, and what they are then."""
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    values = function.__defaults__ or ()
    by_place = dict(zip(names[len(names) - len(values) :], values, strict=True))
    return by_place | (function.__kwdefaults__ or {})
