"""What a model takes and gives: read from its handle once, shared with its trainers and streams."""

from __future__ import annotations

from collections.abc import Sequence
from ctypes import byref
from typing import Any

import numpy as np

from . import _c_types as _c
from ._arrays import INTEGERS, Array, Shape, check_array, time_major
from ._c_api import check, lib
from ._state import StateLayout
from ._tensors import list_tensors

FLOATS: dict[str, int] = {"float32": _c.RNN_FLOAT32, "float64": _c.RNN_FLOAT64}


class Signature:
    """The dtypes, shapes and tensors of one model."""

    def __init__(self, model: int, batch_first: bool) -> None:
        info = _c.ModelInfo()
        check(lib.rnn_model_describe(model, byref(info)))
        self.batch_first = batch_first
        self.dtype: np.dtype[Any] = np.dtype("float64" if info.dtype else "float32")
        self.token_input = bool(info.token_input)
        self.last_step = bool(info.last_step)
        self.input_size = info.input_size
        self.output_size = info.output_size
        self.layer_count = info.layer_count
        self.num_parameters: int = info.parameter_count
        self.tensors = list_tensors(model, info.tensor_count)
        self.state = StateLayout(model, info, self.dtype)
        self._input_dtypes = INTEGERS if self.token_input else (self.dtype,)
        self._input_shape: Shape = ("T", "B") if self.token_input else ("T", "B", self.input_size)

    def input(self, x: object) -> Array:
        """Return checked features [T, B, I] or tokens [T, B]."""
        return self._sequence("x", x, self._input_dtypes, self._input_shape)

    def labels(self, y: object, steps: int, rows: int) -> Array:
        """Return checked class labels [T, B], or [B] with a last-step head."""
        return self._per_step("y", y, INTEGERS, (steps, rows))

    def values(self, y: object, steps: int, rows: int) -> Array:
        """Return checked target values [T, B, O], or [B, O] with a last-step head."""
        return self._per_step("y", y, (self.dtype,), (steps, rows, self.output_size))

    def weights(self, weights: object, steps: int, rows: int) -> Array:
        """Return checked loss weights [T, B], or [B] with a last-step head."""
        return self._per_step("weights", weights, (self.dtype,), (steps, rows))

    def new_output(self, steps: int, rows: int) -> Array:
        """Return an array for outputs: [T, B, O], or [B, O] with a last-step head."""
        shape = (rows, self.output_size) if self.last_step else (steps, rows, self.output_size)
        return np.empty(shape, self.dtype)

    def as_asked(self, y: Array) -> Array:
        """Return outputs in the caller's order: [B, T, O] if the model is batch first."""
        return time_major(y) if self.batch_first and not self.last_step else y

    def _per_step(
        self, name: str, value: object, dtypes: Sequence[np.dtype[Any]], shape: Shape
    ) -> Array:
        """Check what goes with the outputs; a last-step head drops the first size of `shape`, T."""
        if self.last_step:
            return check_array(name, value, dtypes, shape[1:])
        return self._sequence(name, value, dtypes, shape)

    def _sequence(
        self, name: str, value: object, dtypes: Sequence[np.dtype[Any]], shape: Shape
    ) -> Array:
        """Check a whole sequence; batch-first ones are copied into time-major order."""
        if not self.batch_first:
            return check_array(name, value, dtypes, shape)
        steps, rows, *features = shape
        array = check_array(name, value, dtypes, (rows, steps, *features), any_strides=True)
        return time_major(array)
