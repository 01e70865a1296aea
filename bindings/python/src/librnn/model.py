"""A stack of layers and its parameters."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from . import _c_types as _c
from . import layers as _layers
from ._arrays import Array
from ._batch import Batch, Lengths
from ._c_api import check, create, lib
from ._checks import UINT64_MAX, file_path, integer
from ._handle import Owner
from ._layer import Layer
from ._signature import FLOATS, Signature
from ._state import State, StateLike
from ._tensors import read_tensors, write_tensors
from .errors import DTypeError, ModelError, mismatch
from .stream import Stream

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

Path: TypeAlias = "str | bytes | os.PathLike[str] | os.PathLike[bytes]"


class Model(Owner):
    """A stack of layers and its parameters.

    Any number of threads may read one model at a time: call it, stream from it, save it. Training
    it and `load_state_dict` write it: nothing else may use the model meanwhile.

    Parameters
    ----------
    *layers
        The stack, from the input on: Embedding, RNN, GRU, LSTM, Linear.
    dtype
        "float32" or "float64": of the parameters, activations and inputs that are not tokens.
    seed
        Of the initial weights: the same seed gives the same bits.
    batch_first
        Whether sequences come as [B, T, ...] instead of [T, B, ...]. They are copied for it.

    Examples
    --------
    >>> model = Model(Embedding(65, 32), LSTM(32, 128), Linear(128, 65))
    >>> logits, state = model(tokens)  # tokens [T, B] -> logits [T, B, 65]
    """

    _layers: tuple[Layer, ...]
    _signature: Signature

    def __init__(
        self,
        *layers: Layer,
        dtype: DTypeLike = "float32",
        seed: int = 0,
        batch_first: bool = False,
    ) -> None:
        if not layers:
            raise ModelError(mismatch("layers", "at least one", "none"))
        for index, layer in enumerate(layers):
            if not isinstance(layer, Layer):
                raise DTypeError(mismatch(f"layers[{index}]", "a Layer", type(layer).__name__))
        options = _c.ModelOptions(
            dtype=_float_code(dtype), seed=integer("seed", seed, low=0, high=UINT64_MAX)
        )
        stack = (_c.Layer * len(layers))(*[layer._to_c() for layer in layers])
        self._adopt(create(lib.rnn_model_create, stack, len(layers), options), batch_first)

    @classmethod
    def _from_handle(cls, handle: int, batch_first: bool) -> Model:
        """Wrap a handle that C has made."""
        model = cls.__new__(cls)
        model._adopt(handle, batch_first)
        return model

    def _adopt(self, handle: int, batch_first: bool) -> None:
        self._own(handle, lib.rnn_model_free)
        self._signature = Signature(handle, bool(batch_first))
        self._layers = tuple(_read_layer(handle, i) for i in range(self._signature.layer_count))

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The stack, from the input on."""
        return self._layers

    @property
    def dtype(self) -> np.dtype[Any]:
        """The element type of parameters and activations."""
        return self._signature.dtype

    @property
    def batch_first(self) -> bool:
        """Whether sequences come as [B, T, ...]."""
        return self._signature.batch_first

    @property
    def num_parameters(self) -> int:
        """How many numbers all tensors have together."""
        return self._signature.num_parameters

    def __call__(
        self, x: Array, lengths: Lengths | None = None, state: StateLike | None = None
    ) -> tuple[Array, State]:
        """Run the model over a batch of sequences, without dropout.

        Parameters
        ----------
        x
            Features [T, B, I] of the model's dtype, or token ids [T, B] of int32 or int64.
            ([B, T, ...] if the model is batch first.)
        lengths
            Ints [B]: sequence b has ``lengths[b]`` valid steps. After its end its state and outputs
            keep their last values, and padding is not looked at.
        state
            The state to begin with, laid out as the one returned; None for zeros.

        Returns
        -------
        y : ndarray
            Outputs [T, B, O] ([B, T, O] if batch first), or [B, O] with a last-step head.
        state : tuple of ndarray
            For each recurrent layer h, then c of an LSTM: each [L, B, H], batch first or not.
        """
        handle = self._handle
        batch = Batch(self._signature, x, lengths, state)
        y = batch.add_output()
        check(lib.rnn_model_forward(handle, batch.c))
        return self._signature.as_asked(y), batch.state()

    def stream(self, batch_size: int = 1, *, idle_lanes: int = 0) -> Stream:
        """Return a stream: the running state of `batch_size` sequences that go on step by step.

        See `Stream`.
        """
        return Stream(self, batch_size, idle_lanes=idle_lanes)

    def state_dict(self) -> dict[str, Array]:
        """Return a copy of every tensor by name, as PyTorch names and shapes them.

        Returns
        -------
        dict of str to ndarray
            "0.weight", "1.weight_ih_l0" ..., in the order of the stack.
        """
        return read_tensors(lib.rnn_model_get, self._handle, self._signature.tensors)

    def load_state_dict(self, state_dict: Mapping[str, Array]) -> None:
        """Copy every tensor into the model.

        Names, shapes and dtypes must be exactly those of `state_dict`; one error lists everything
        that does not fit, and then nothing has changed.

        Parameters
        ----------
        state_dict
            Arrays by name.
        """
        write_tensors(self._handle, self._signature.tensors, state_dict)

    def save(self, path: Path) -> None:
        """Write the model to a safetensors file; a crash leaves the old file or the new one."""
        check(lib.rnn_model_save(self._handle, file_path("path", path)))

    def __repr__(self) -> str:
        """Return the stack, one layer a line."""
        lines = [f"({index}): {layer!r}" for index, layer in enumerate(self._layers)]
        lines.append(f"dtype={self.dtype}, batch_first={self.batch_first}")
        if self.closed:
            lines.append("closed")
        return "Model(\n  " + "\n  ".join(lines) + "\n)"


def check_model(value: object) -> Model:
    """Return `value` if it is a model."""
    if not isinstance(value, Model):
        raise DTypeError(mismatch("model", "a Model", type(value).__name__))
    return value


def load(path: Path, batch_first: bool = False) -> Model:
    """Read a model, or the model within a checkpoint.

    Parameters
    ----------
    path
        A file written by `Model.save` or `Trainer.save`.
    batch_first
        Whether sequences come as [B, T, ...]; the file does not say.
    """
    return Model._from_handle(create(lib.rnn_model_load, file_path("path", path)), batch_first)


def _float_code(dtype: DTypeLike) -> int:
    try:
        return FLOATS[str(np.dtype(dtype))]
    except (TypeError, KeyError):
        raise DTypeError(mismatch("dtype", "'float32' or 'float64'", repr(dtype))) from None


def _read_layer(handle: int, index: int) -> Layer:
    layer = _c.Layer()
    check(lib.rnn_model_layer(handle, index, layer))
    return _layers.from_c(layer)
