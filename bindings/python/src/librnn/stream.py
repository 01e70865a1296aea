"""Streaming: sequences that go on one step at a time."""

from __future__ import annotations

from ctypes import byref, c_size_t, c_void_p, create_string_buffer
from functools import partial
from typing import TYPE_CHECKING, Any, SupportsIndex

import numpy as np

from . import _c_types as _c
from ._arrays import INTEGERS, Array, address, check_array, check_out, time_major
from ._c_api import check, create, lib
from ._checks import INT64_MIN, integer
from ._handle import Owner
from ._state import State, StateLike
from .errors import DTypeError, ShapeError, mismatch

if TYPE_CHECKING:
    from .model import Model


class Stream(Owner):
    """The running state of B sequences, its lanes, that go on one step at a time.

    Made by `Model.stream`. A stream has a copy of the model's weights as they were then: the model
    may be trained meanwhile, and `swap` hands newer weights over. Steps, blocks and the model's own
    pass over a whole sequence give the same bits.

    One thread at a time, but for `swap`, which any other may call at any moment.

    Parameters
    ----------
    model
        The model to run.
    batch_size
        B, the number of lanes.
    idle_lanes
        So many, from the last lane on, are idle at first; they join by `join`. Others begin at
        the zero state. A step costs what the active lanes cost.
    """

    def __init__(self, model: Model, batch_size: int = 1, *, idle_lanes: int = 0) -> None:
        rows = integer("batch_size", batch_size)
        idle = integer("idle_lanes", idle_lanes, low=0, high=rows)
        options = _c.StreamOptions(batch_size=rows, token_type=_c.RNN_INT64, idle_lanes=idle)
        handle = model_handle(model)
        self._own(create(lib.rnn_stream_create, handle, byref(options)), lib.rnn_stream_free)
        self._signature = model._signature
        self._rows, self._is_whole = rows, idle == 0
        self._state_bytes: int = self._info().state_bytes
        # A step reads and writes arrays of its own, whose addresses are known: twice as fast as to
        # ask numpy for those of others. Arguments are converted here, once.
        tokens, dtype = self._signature.token_input, self._signature.dtype
        self._x = (
            np.zeros(rows, np.int64)
            if tokens
            else np.zeros((rows, self._signature.input_size), dtype)
        )
        self._y = np.zeros((rows, self._signature.output_size), dtype)
        self._dtype, self._shape = self._x.dtype, self._x.shape
        self._step = partial(
            lib._FuncPtr(("rnn_stream_step", lib)),
            c_void_p.from_param(self._handle),
            c_void_p.from_param(address(self._x)),
            c_size_t.from_param(self._x.nbytes),
            c_void_p.from_param(address(self._y)),
            c_size_t.from_param(self._y.nbytes),
        )

    @property
    def batch_size(self) -> int:
        """B."""
        return self._rows

    @property
    def active_lanes(self) -> int:
        """How many lanes go on at a step."""
        return int(self._info().active_lanes)

    @property
    def weight_bytes(self) -> int:
        """Bytes of weights that a step reads."""
        return int(self._info().weight_bytes)

    @property
    def swaps(self) -> int:
        """How often weights that were handed over by `swap` came into use."""
        return int(self._info().swaps)

    def prepare(self) -> None:
        """Touch all memory and code that a step needs, so that the first is not slower."""
        check(lib.rnn_stream_prepare(self._handle))

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
            Outputs [B, O]; `out` if it was given. A last-step head answers at every step. Idle
            lanes have zeros; in `out` their rows are not written.
        """
        # The usual case in as few words as possible: a step takes less time than a line of Python.
        if type(x) is np.ndarray and x.shape == self._shape and x.flags.c_contiguous:
            if x.dtype is not self._dtype:
                x = self._checked(x)
        else:
            x = self._checked(x)
        self._x[...] = x
        if out is not None:
            return self._step_into(out, x)
        if status := self._step():
            self._refuse(status)
        return self._y.copy()

    def _refuse(self, status: int) -> None:
        _ = self._handle  # a closed stream has a sentence of its own
        check(status)

    def _step_into(self, out: Array, x: Array) -> Array:
        """Step with outputs where the caller wants them; rows of idle lanes are not written."""
        mine = self._y
        if type(out) is np.ndarray and out.dtype is mine.dtype and out.shape == mine.shape:
            # Arrays that own their memory overlap with no other.
            owns = out is not x and out.base is None and x.base is None
            if owns and self._is_whole and out.flags.carray:
                if status := self._step():
                    self._refuse(status)
                out[...] = mine
                return out
        y = check_out("out", out, self._signature.dtype, self._y.shape, x)
        mine = self._x
        check(lib.rnn_stream_step(self._handle, address(mine), mine.nbytes, address(y), y.nbytes))
        return y

    def process(self, x: Array) -> Array:
        """Go on by a block of n time steps, as that many calls of `step` would.

        Parameters
        ----------
        x
            Features [n, B, I] of the model's dtype, or token ids [n, B]; [B, n, ...] if the model
            is batch first.

        Returns
        -------
        ndarray
            Outputs [n, B, O], of a last-step head too; [B, n, O] if the model is batch first. Idle
            lanes have zeros.
        """
        signature, handle = self._signature, self._handle
        x = signature.input(x)
        if x.shape[1] != self._rows:
            raise ShapeError(mismatch("x", f"a batch of {self._rows}", list(x.shape)))
        x = x.astype(np.int64, copy=False) if signature.token_input else x
        y = np.zeros((len(x), *self._y.shape), signature.dtype)
        check(lib.rnn_stream_process(handle, len(x), address(x), x.nbytes, address(y), y.nbytes))
        return time_major(y) if signature.batch_first else y

    # ---- States ----

    def reset(self) -> None:
        """Put all active lanes back to the zero state."""
        check(lib.rnn_stream_reset(self._handle))

    @property
    def state(self) -> State:
        """A copy of the state: for each recurrent layer h, then c of an LSTM, each [L, B, H].

        Idle lanes have zeros; what is set for them is not looked at.
        """
        handle = self._handle
        flat = self._signature.state.allocate(self._rows)
        check(lib.rnn_stream_get_state(handle, address(flat), flat.nbytes))
        return self._signature.state.views(flat, self._rows)

    @state.setter
    def state(self, state: StateLike) -> None:
        handle = self._handle
        flat = self._signature.state.pack(state, self._rows)
        check(lib.rnn_stream_set_state(handle, address(flat), flat.nbytes))

    def export(self, lane: int = 0) -> bytes:
        """Return the state of a lane as plain bytes, for `join` here or in another process."""
        state = create_string_buffer(self._state_bytes)
        check(lib.rnn_stream_export(self._handle, _lane(lane), state, self._state_bytes))
        return state.raw

    def join(self, lane: int = 0, state: bytes | None = None) -> None:
        """Let a lane begin, or go on, from what `export` returned; from zeros without it."""
        if state is not None and not isinstance(state, (bytes, bytearray)):
            raise DTypeError(mismatch("state", "bytes of export()", type(state).__name__))
        data = None if state is None else bytes(state)
        check(lib.rnn_stream_import(self._handle, _lane(lane), data, len(data or b"")))

    def leave(self, lane: int) -> None:
        """Let a lane become idle and forget its state. Others do not notice."""
        check(lib.rnn_stream_leave(self._handle, _lane(lane)))
        self._y[lane], self._is_whole = 0, False

    def fork(self, lane: int, to: int) -> None:
        """Let lane `to` go on from the state of `lane`, which stays as it is."""
        self.copy(lane, self, to)

    def copy(self, lane: int, other: Stream, to: int) -> None:
        """Let lane `to` of another stream of such a model go on from the state of `lane`."""
        if not isinstance(other, Stream):
            raise DTypeError(mismatch("other", "a Stream", type(other).__name__))
        check(lib.rnn_stream_copy(self._handle, _lane(lane), other._handle, _lane(to)))

    def swap(self, model: Model) -> None:
        """Go on with the present weights of a model of the same layers; the states carry over.

        From any thread, beside the one that streams: its next step uses them.
        """
        check(lib.rnn_stream_swap_model(self._handle, model_handle(model)))

    def _info(self) -> _c.StreamInfo:
        info = _c.StreamInfo()
        check(lib.rnn_stream_describe(self._handle, byref(info)))
        return info

    def _checked(self, x: Any) -> Any:
        if not self._signature.token_input:
            return check_array("x", x, (self._dtype,), self._shape)
        if self._rows == 1 and not isinstance(x, np.ndarray):
            return np.array([_token(x)])
        return check_array("x", x, INTEGERS, self._shape)


def _lane(lane: SupportsIndex) -> int:
    return integer("lane", lane, low=INT64_MIN)


def model_handle(model: Model) -> int:
    """Return the handle of what must be a model."""
    if not isinstance(model, Owner) or isinstance(model, Stream):
        raise DTypeError(mismatch("model", "a Model", type(model).__name__))
    return model._handle


def _token(x: SupportsIndex) -> int:
    try:
        return integer("x", x, low=INT64_MIN)
    except DTypeError:
        expected = "a numpy array of int32 or int64, or an int"
        raise DTypeError(mismatch("x", expected, type(x).__name__)) from None
