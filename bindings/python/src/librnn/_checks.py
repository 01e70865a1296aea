"""Checks of single values. ctypes would cut a number that is too large for C without a word."""

from __future__ import annotations

import math
import operator
import os
from collections.abc import Mapping
from typing import SupportsFloat, SupportsIndex, TypeVar

from .errors import ArgumentError, DTypeError, mismatch

Word = TypeVar("Word", bound=str)

INT64_MIN = -(2**63)
INT64_MAX = 2**63 - 1
UINT64_MAX = 2**64 - 1


def integer(name: str, value: SupportsIndex, low: int = 1, high: int = INT64_MAX) -> int:
    """Return a whole number in ``low .. high``."""
    try:
        number = operator.index(value)
    except TypeError:
        raise DTypeError(mismatch(name, "an int", _kind(value))) from None
    if not low <= number <= high:
        raise ArgumentError(mismatch(name, f"an int in {low} .. {high}", number))
    return number


def number(
    name: str, value: SupportsFloat, low: float = -math.inf, below: float = math.inf
) -> float:
    """Return a finite number in ``[low, below)``."""
    if isinstance(value, (str, bytes)):
        raise DTypeError(mismatch(name, "a number", _kind(value)))
    try:
        result = float(value)
    except (TypeError, ValueError, OverflowError):
        raise DTypeError(mismatch(name, "a number", _kind(value))) from None
    if not (math.isfinite(result) and low <= result < below):
        raise ArgumentError(mismatch(name, _range(low, below), result))
    return result


def positive(name: str, value: SupportsFloat) -> float:
    """Return a finite number above zero."""
    result = number(name, value)
    if result <= 0:
        raise ArgumentError(mismatch(name, "a number > 0", result))
    return result


def known(name: str, value: Word, table: Mapping[str, int]) -> Word:
    """Return a word that stands for a constant of the C interface."""
    if not isinstance(value, str) or value not in table:
        raise ArgumentError(mismatch(name, " or ".join(map(repr, table)), repr(value)))
    return value


def word(code: int, table: Mapping[str, int]) -> str:
    """Return the word of a constant."""
    return next(key for key, known in table.items() if known == code)


def file_path(name: str, value: str | bytes | os.PathLike[str] | os.PathLike[bytes]) -> bytes:
    """Return a path as the system takes it."""
    try:
        path = os.fsencode(value)
    except TypeError:
        raise DTypeError(mismatch(name, "a str, bytes or os.PathLike", _kind(value))) from None
    if not path or b"\0" in path:
        raise ArgumentError(mismatch(name, "a path without zero bytes, not empty", repr(value)))
    return path


def _kind(value: object) -> str:
    return type(value).__name__


def _range(low: float, below: float) -> str:
    if low == -math.inf:
        return "a finite number"
    return f"a number >= {low:g}" if below == math.inf else f"a number in [{low:g}, {below:g})"
