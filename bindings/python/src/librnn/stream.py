"""Streaming: sequences that go on one step at a time."""

from __future__ import annotations

from ctypes import byref
from typing import TYPE_CHECKING, Any, SupportsIndex

import numpy as np

from . import _c_types as _c
from ._arrays import INTEGERS, Array, Shape, address, check_array, check_out
from ._c_api import check, create, lib
from ._checks import INT64_MIN, integer
from ._handle import Owner
from ._state import State, StateLike
from .errors import DTypeError, mismatch

if TYPE_CHECKING:
    from .model import Model


class Stream(Owner):
    """The running state of B sequences that go on one step at a time. One thread at a time.

    Made by `Model.stream`. Streams of one model are independent of each other, keep it alive and
    see its current weights. The state begins at zero.

    Parameters
    ----------
    model
        The model to run.
    batch_size
        B.
    """

    def __init__(self, model: Model, batch_size: int = 1) -> None:
        rows = integer("batch_size", batch_size)
        if not isinstance(model, Owner):
            raise DTypeError(mismatch("model", "a Model", type(model).__name__))
        options = _c.StreamOptions(batch_size=rows, token_type=_c.RNN_INT64)
        self._own(create(lib.rnn_stream_create, model._handle, byref(options)), lib.rnn_stream_free)
        self._signature = model._signature
        self._rows = rows
        self._tokens = np.zeros(rows if self._signature.token_input else 0, np.int64)
        self._input_shape: Shape = (rows, self._signature.input_size)
        self._output_shape = (rows, self._signature.output_size)

    @property
    def batch_size(self) -> int:
        """B."""
        return self._rows

    def step(self, x: Array | int, out: Array | None = None) -> Array:
        """Go on by one time step.

        Parameters
        ----------
        x
            Features [B, I] of the model's dtype, or token ids [B] of int32 or int64. With
            ``batch_size=1`` a token may be a plain int.
        out
            An array [B, O] of the model's dtype to write the outputs into; None for a new one.

        Returns
        -------
        ndarray
            Outputs [B, O]; `out` if it was given. A last-step head answers at every step.
        """
        handle = self._handle
        x = self._checked(x)
        y = self._output(out, x)
        check(lib.rnn_stream_step(handle, address(x), x.nbytes, address(y), y.nbytes))
        return y

    def reset(self) -> None:
        """Go back to the zero state."""
        check(lib.rnn_stream_reset(self._handle))

    @property
    def state(self) -> State:
        """A copy of the state: for each recurrent layer h, then c of an LSTM, each [L, B, H]."""
        handle = self._handle
        flat = self._signature.state.allocate(self._rows)
        check(lib.rnn_stream_get_state(handle, address(flat), flat.nbytes))
        return self._signature.state.views(flat, self._rows)

    @state.setter
    def state(self, state: StateLike) -> None:
        handle = self._handle
        flat = self._signature.state.pack(state, self._rows)
        check(lib.rnn_stream_set_state(handle, address(flat), flat.nbytes))

    def _checked(self, x: Any) -> Array:
        if not self._signature.token_input:
            return check_array("x", x, (self._signature.dtype,), self._input_shape)
        return self._widened(x)

    def _widened(self, x: Any) -> Array:
        """Return token ids as int64: the stream takes these, Python takes both sorts and ints."""
        if self._rows == 1 and not isinstance(x, np.ndarray):
            self._tokens[0] = _token(x)
            return self._tokens
        tokens = check_array("x", x, INTEGERS, (self._rows,))
        if tokens.dtype == np.int64:
            return tokens
        self._tokens[...] = tokens
        return self._tokens

    def _output(self, out: Array | None, x: Array) -> Array:
        if out is None:
            return np.empty(self._output_shape, self._signature.dtype)
        return check_out("out", out, self._signature.dtype, self._output_shape, x)


def _token(x: SupportsIndex) -> int:
    try:
        return integer("x", x, low=INT64_MIN)
    except DTypeError:
        expected = "a numpy array of int32 or int64, or an int"
        raise DTypeError(mismatch("x", expected, type(x).__name__)) from None
