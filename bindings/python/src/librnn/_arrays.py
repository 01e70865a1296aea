"""Checks of numpy arrays before their memory is handed to C."""

from __future__ import annotations

from collections.abc import Sequence
from ctypes import addressof, c_char
from typing import Any, TypeAlias

import numpy as np

from . import _c_types as _c
from .errors import ArgumentError, DTypeError, ShapeError, mismatch

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
# A number is a size that must be met, a letter any size of at least 1.
Shape: TypeAlias = tuple["int | str", ...]

DTYPES: dict[np.dtype[Any], int] = {
    np.dtype("float32"): _c.RNN_FLOAT32,
    np.dtype("float64"): _c.RNN_FLOAT64,
    np.dtype("int32"): _c.RNN_INT32,
    np.dtype("int64"): _c.RNN_INT64,
}
INTEGERS = (np.dtype("int32"), np.dtype("int64"))

# Any, because type checkers know only from Python 3.12 on that an ndarray is a buffer.
_first_byte: Any = c_char.from_buffer


def check_array(
    name: str,
    value: object,
    dtypes: Sequence[np.dtype[Any]],
    shape: Shape,
    *,
    any_strides: bool = False,
) -> Array:
    """Return `value` if it is an array of this sort.

    Parameters
    ----------
    name
        The argument, for messages.
    value
        What came.
    dtypes
        The element types that are allowed.
    shape
        Sizes and letters.
    any_strides
        Whether the caller is going to copy the array, so that its layout does not matter.
    """
    if not isinstance(value, np.ndarray):
        expected = f"a numpy array of {_names(dtypes)}"
        raise DTypeError(mismatch(name, expected, type(value).__name__))
    if value.dtype not in dtypes:
        raise DTypeError(mismatch(name, f"dtype {_names(dtypes)}", value.dtype))
    if value.shape != shape and not _fits(value.shape, shape):
        raise ShapeError(mismatch(name, f"shape {_text(shape)}", list(value.shape)))
    if not (any_strides or (value.flags.c_contiguous and value.flags.aligned)):
        raise ArgumentError(_wrong_layout(name, value))
    return value


def check_out(name: str, value: object, dtype: np.dtype[Any], shape: Shape, inputs: Array) -> Array:
    """Return `value` if C may write a result into it while it reads `inputs`."""
    array = check_array(name, value, (dtype,), shape)
    if not array.flags.writeable:
        raise ArgumentError(mismatch(name, "a writeable array", "a read-only one"))
    if np.may_share_memory(array, inputs):
        raise ArgumentError(mismatch(name, "memory of its own", "an array that overlaps the input"))
    return array


def check_lengths(value: object, batch_size: int, name: str = "lengths") -> Array:
    """Return lengths as int64 [B]; their range is checked by the library."""
    try:
        array = np.asarray(value)
    except ValueError:
        array = np.empty(0, dtype=object)
    if array.dtype.kind not in "iu":
        came = f"{type(value).__name__} of {array.dtype}"
        raise DTypeError(mismatch(name, "a sequence or array of ints", came))
    if array.shape != (batch_size,):
        raise ShapeError(mismatch(name, f"shape [{batch_size}]", list(array.shape)))
    return np.ascontiguousarray(as_int64(array))


def as_int64(array: Array) -> Array:
    """Return ints as int64, those that are too large for it as the largest."""
    if array.dtype == np.uint64:
        array = np.minimum(array, np.iinfo(np.int64).max)
    return array.astype(np.int64, copy=False)


def time_major(array: Array) -> Array:
    """Return [B, T, ...] as contiguous [T, B, ...], or the other way round."""
    return np.ascontiguousarray(array.swapaxes(0, 1))


def address(array: Array) -> int:
    """Return where the elements begin. The caller keeps the array alive."""
    try:
        return addressof(_first_byte(array))  # three times as fast as the general way
    except (TypeError, ValueError):  # read-only or empty
        return int(array.ctypes.data)


def _fits(sizes: tuple[int, ...], shape: Shape) -> bool:
    if len(sizes) != len(shape):
        return False
    for place, wanted in enumerate(shape):  # a strict zip alone costs as much as this loop
        size = sizes[place]
        wrong = size < 1 if isinstance(wanted, str) else size != wanted
        if wrong:
            return False
    return True


def _wrong_layout(name: str, value: Array) -> str:
    """Return the sentence about memory that C cannot walk through from end to end."""
    came = "unaligned memory" if value.flags.c_contiguous else f"strides {list(value.strides)}"
    advice = f"use numpy.ascontiguousarray({name})"
    return f"{mismatch(name, 'a C-contiguous array', came)}: {advice}"


def _text(shape: Shape) -> str:
    letters = [size for size in shape if isinstance(size, str)]
    note = f" with {' and '.join(letters)} at least 1" if letters else ""
    return f"[{', '.join(map(str, shape))}]{note}"


def _names(dtypes: Sequence[np.dtype[Any]]) -> str:
    return " or ".join(map(str, dtypes))
