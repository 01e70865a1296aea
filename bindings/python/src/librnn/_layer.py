"""What all layers have in common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeAlias

from . import _c_types as _c
from ._checks import integer, known, number, positive
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
NONLINEARITIES: Mapping[str, int] = {
    "tanh": _c.RNN_TANH,
    "relu": _c.RNN_RELU,
    "identity": _c.RNN_IDENTITY,
}


class Layer(Settings):
    """Base of all layers: two sizes, then options by name.

    Dimension letters: T time steps, B batch, I input features, H hidden units, O outputs, L layers.
    """

    def _to_c(self) -> _c.Layer:
        raise NotImplementedError

    def _arguments(self) -> Iterator[str]:
        """Yield the sizes, then the options that are not left at their default."""
        defaults = _defaults(type(self).__init__)
        for name, value in vars(self).items():
            if name not in defaults:
                yield repr(value)
            elif value != defaults[name]:
                yield f"{name}={value!r}"


class Recurrent(Layer):
    """What RNN, GRU and LSTM have in common."""

    input_size: int
    hidden_size: int
    num_layers: int
    dropout: float
    weight_init: Init
    recurrent_init: Init
    spectral_radius: float | None

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        dropout: float = 0.0,
        *,
        weight_init: Init = "default",
        recurrent_init: Init = "default",
        spectral_radius: float | None = None,
    ) -> None:
        self._settle(
            input_size=integer("input_size", input_size),
            hidden_size=integer("hidden_size", hidden_size),
            num_layers=integer("num_layers", num_layers),
            dropout=number("dropout", dropout, low=0, below=1),
            weight_init=known("weight_init", weight_init, INITS),
            recurrent_init=known("recurrent_init", recurrent_init, INITS),
            spectral_radius=None
            if spectral_radius is None
            else positive("spectral_radius", spectral_radius),
        )

    def _stack(self, kind: int, **more: Any) -> _c.Layer:
        return _c.Layer(
            kind=kind,
            input_size=self.input_size,
            output_size=self.hidden_size,
            num_layers=self.num_layers,
            dropout=self.dropout,
            weight_init=INITS[self.weight_init],
            recurrent_init=INITS[self.recurrent_init],
            spectral_radius=self.spectral_radius or 0.0,
            **more,
        )


def _defaults(function: Any) -> dict[str, object]:
    """Return the arguments of a function that may be left out, and what they are then."""
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    values = function.__defaults__ or ()
    by_place = dict(zip(names[len(names) - len(values) :], values, strict=True))
    return by_place | (function.__kwdefaults__ or {})
