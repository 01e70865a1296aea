"""The functions that layers may be asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

from . import _c_types as _c
from ._checks import known, number, word
from .errors import ArgumentError, mismatch

Name: TypeAlias = Literal["tanh", "relu", "identity", "sigmoid", "hard_sigmoid", "softsign"]
# "hard_sigmoid" may come with alpha and beta.
Function: TypeAlias = Name | tuple[Literal["hard_sigmoid"], float, float]

NONLINEARITIES: Mapping[str, int] = {
    "tanh": _c.RNN_TANH,
    "relu": _c.RNN_RELU,
    "identity": _c.RNN_IDENTITY,
    "sigmoid": _c.RNN_SIGMOID,
    "hard_sigmoid": _c.RNN_HARD_SIGMOID,
    "softsign": _c.RNN_SOFTSIGN,
}


def checked(name: str, value: Function) -> Function:
    """Return a function that there is."""
    if not isinstance(value, tuple):
        return known(name, value, NONLINEARITIES)
    if len(value) != 3 or value[0] != "hard_sigmoid" or not value[1] > 0:
        raise ArgumentError(
            mismatch(name, "a name, or ('hard_sigmoid', alpha > 0, beta)", repr(value))
        )
    return ("hard_sigmoid", number(name, value[1]), number(name, value[2]))


def several(
    name: str, values: Sequence[Function] | None, count: int
) -> tuple[Function, ...] | None:
    """Return so many functions; None for those of the cell."""
    if values is None:
        return None
    if isinstance(values, str) or len(values) != count:
        raise ArgumentError(mismatch(name, f"{count} functions", repr(values)))
    return tuple(checked(name, value) for value in values)


def to_c(values: Sequence[Function] | None) -> dict[str, Any]:
    """Return the fields of the C struct; functions that are not given are the tanh."""
    if values is None:
        return {}
    filled = [*values, *["tanh"] * (3 - len(values))]
    parts = [value if isinstance(value, tuple) else (value, 0.0, 0.0) for value in filled]
    return {
        "has_activations": 1,
        "activations": tuple(NONLINEARITIES[part[0]] for part in parts),
        "alpha": tuple(part[1] for part in parts),
        "beta": tuple(part[2] for part in parts),
    }


def from_c(layer: _c.Layer, count: int) -> tuple[Function, ...] | None:
    """Return the first `count` functions of a C description; None if none were asked for."""
    if not layer.has_activations:
        return None
    return tuple(
        (name, layer.alpha[place], layer.beta[place])
        if name == "hard_sigmoid" and layer.alpha[place]
        else name
        for place in range(count)
        for name in [word(layer.activations[place], NONLINEARITIES)]
    )  # type: ignore[return-value]
