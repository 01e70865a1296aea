"""Named tensors: the state dictionary of a model and the gradients of a trainer."""

from __future__ import annotations

from collections.abc import Mapping
from ctypes import byref
from typing import Any, NamedTuple

import numpy as np

from . import _c_types as _c
from ._arrays import DTYPES, Array, address
from ._c_api import check, lib
from .errors import ArgumentError, DTypeError, mismatch

_NUMPY: dict[int, np.dtype[Any]] = {code: dtype for dtype, code in DTYPES.items()}


class Tensor(NamedTuple):
    """What a named tensor looks like, and where it begins in the flat buffer of its sort."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    offset: int

    @classmethod
    def from_c(cls, info: _c.TensorInfo) -> Tensor:
        """Read the C description."""
        shape = tuple(info.shape[: info.rank])
        return cls(info.name.decode(), _NUMPY[info.dtype], shape, info.offset)


def list_tensors(model: int, count: int) -> tuple[Tensor, ...]:
    """Return the tensors of a model's state dictionary, in the order of the stack."""
    info = _c.TensorInfo()
    tensors = []
    for index in range(count):
        check(lib.rnn_model_tensor(model, index, byref(info)))
        tensors.append(Tensor.from_c(info))
    return tuple(tensors)


def read_tensors(read: Any, handle: int, tensors: tuple[Tensor, ...]) -> dict[str, Array]:
    """Copy every tensor out through `read`, a function of the C interface."""
    result = {}
    for tensor in tensors:
        array = np.empty(tensor.shape, tensor.dtype)
        check(read(handle, tensor.name.encode(), address(array), array.nbytes))
        result[tensor.name] = array
    return result


def write_tensors(model: int, tensors: tuple[Tensor, ...], values: Mapping[str, Array]) -> None:
    """Copy every tensor into the model, after all of them have been looked at."""
    _check_values(tensors, values)
    for tensor in tensors:
        array = np.ascontiguousarray(values[tensor.name]).reshape(tensor.shape)
        check(lib.rnn_model_set(model, tensor.name.encode(), address(array), array.nbytes))


def _check_values(tensors: tuple[Tensor, ...], values: object) -> None:
    """Raise one error that lists everything that does not fit."""
    if not isinstance(values, Mapping):
        expected = "a dict of numpy arrays by name"
        raise DTypeError(mismatch("state_dict", expected, type(values).__name__))
    known = {tensor.name for tensor in tensors}
    unexpected = [name for name in values if name not in known]
    problems = [f"{name!r}: expected no such tensor, got one" for name in unexpected]
    problems += [problem for tensor in tensors for problem in _problems(tensor, values)]
    if problems:
        raise ArgumentError("state_dict: " + "; ".join(problems))


def _problems(tensor: Tensor, values: Mapping[str, Array]) -> list[str]:
    expected = f"{tensor.dtype} {list(tensor.shape)}"
    if tensor.name not in values:
        return [mismatch(repr(tensor.name), expected, "nothing")]
    value = values[tensor.name]
    if not isinstance(value, np.ndarray):
        return [mismatch(repr(tensor.name), f"a numpy array of {expected}", type(value).__name__)]
    if value.dtype != tensor.dtype or value.shape != tensor.shape:
        return [mismatch(repr(tensor.name), expected, f"{value.dtype} {list(value.shape)}")]
    return []
