"""The recurrent state: a tuple of arrays for Python, one flat buffer for C."""

from __future__ import annotations

from collections.abc import Sequence
from ctypes import byref
from typing import Any, TypeAlias

import numpy as np

from . import _c_types as _c
from ._arrays import Array, check_array
from ._c_api import check, lib
from ._tensors import Tensor
from .errors import DTypeError, ShapeError, mismatch

State: TypeAlias = tuple[Array, ...]
StateLike: TypeAlias = "Sequence[Array] | Array"


class StateLayout:
    """Which arrays a state has and where each lies in the flat buffer.

    For each recurrent layer h, then c of an LSTM, each [L, B, H] in the model's dtype. Kept for one
    row: a state of B rows takes B times the bytes, and every part begins B times as far in.
    """

    def __init__(self, model: int, info: _c.ModelInfo, dtype: np.dtype[Any]) -> None:
        self._dtype = dtype
        self._row = info.state_bytes_per_row // dtype.itemsize
        self._parts = tuple(_part(model, index) for index in range(info.state_tensor_count))
        self._places = tuple(self._place(part) for part in self._parts)

    @property
    def size(self) -> int:
        """n: numbers in the state of one row."""
        return self._row

    def allocate(self, batch_size: int) -> Array:
        """Return the flat buffer of a zero state."""
        return np.zeros(batch_size * self._row, self._dtype)

    def views(self, flat: Array, batch_size: int) -> State:
        """Return the arrays of a state, which share the memory of the flat buffer."""
        state = [
            flat[batch_size * begin : batch_size * end].reshape(layers, batch_size, hidden)
            for begin, end, layers, hidden in self._places
        ]
        return tuple(state)

    def pack(self, state: StateLike, batch_size: int) -> Array:
        """Return a new flat buffer with a copy of a state."""
        flat = self.allocate(batch_size)
        views = self.views(flat, batch_size)
        arrays = self._arrays(state)
        for index, (part, view, array) in enumerate(zip(self._parts, views, arrays, strict=True)):
            name = f"state[{index}] ({part.name})"
            view[...] = check_array(name, array, (self._dtype,), view.shape, any_strides=True)
        return flat

    def _arrays(self, state: StateLike) -> tuple[Array, ...]:
        if isinstance(state, np.ndarray) and len(self._parts) == 1:
            return (state,)
        expected = self._expected()
        if not isinstance(state, (tuple, list)):
            raise DTypeError(mismatch("state", expected, type(state).__name__))
        if len(state) != len(self._parts):
            raise ShapeError(mismatch("state", expected, f"a tuple of {len(state)}"))
        return tuple(state)

    def _expected(self) -> str:
        names = ", ".join(part.name for part in self._parts)
        return f"a tuple of {len(self._parts)} arrays ({names})"

    def _place(self, part: Tensor) -> tuple[int, int, int, int]:
        """Return where a part begins and ends, in elements for one row, then L and H."""
        layers, _, hidden = part.shape
        begin = part.offset // self._dtype.itemsize
        return begin, begin + layers * hidden, layers, hidden


def _part(model: int, index: int) -> Tensor:
    info = _c.TensorInfo()
    check(lib.rnn_model_state_tensor(model, index, 1, byref(info)))
    return Tensor.from_c(info)
