"""Asking for Lyapunov exponents."""

from __future__ import annotations

from collections.abc import Mapping

from . import _c_types as _c
from ._arrays import Array, address
from ._checks import integer


def measurement(
    results: Mapping[str, Array], count: int, warm_up: int, interval: int
) -> _c.Lyapunov:
    """Return what C is told; it writes the results, which the caller keeps."""
    call = _c.Lyapunov(
        count=count,
        warm_up=integer("warm_up", warm_up, low=0),
        interval=integer("interval", interval),
    )
    for name, values in results.items():
        field = getattr(call, name)
        field.data, field.bytes = address(values), values.nbytes
    return call


def leading(count: int | None, size: int) -> int:
    """Return how many exponents are asked for, of a state of `size` numbers; None: all."""
    return size if count is None else integer("count", count, high=max(size, 1))
