"""From a file to the batch that a diagnosis looks at."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ._arrays import Array
from .errors import ArgumentError, FormatError, ModelError, ShapeError, mismatch
from .layers import Embedding
from .losses import BCEWithLogitsLoss, CrossEntropyLoss, Loss, MSELoss
from .model import Model

LOSSES: dict[str, type[Loss]] = {
    "cross_entropy": CrossEntropyLoss,
    "mse": MSELoss,
    "bce": BCEWithLogitsLoss,
}
_BYTES = 256
_TEXT_STEPS = 256


class Data(NamedTuple):
    """A batch, the loss that fits to it, and what it was taken from, in words."""

    x: Array
    y: Array
    lengths: Array | None
    weights: Array | None
    loss: Loss
    source: str


def read_data(
    path: Path, model: Model, rows: int, steps: int | None = None, loss: str | None = None
) -> Data:
    """Read a batch from an .npz file, or a text whose bytes are tokens.

    Parameters
    ----------
    path
        An .npz file with x, y and perhaps lengths and weights, as `Trainer.step` takes them, or any
        other file: a text.
    model
        The model that it is for.
    rows, steps
        At most so many sequences and time steps; None: all steps, 256 of a text.
    loss
        A key of `LOSSES`; None: by the dtype of y.
    """
    if path.suffix == ".npz" or zipfile.is_zipfile(path):
        return _read_npz(path, model, rows, steps, loss)
    if loss not in (None, "cross_entropy"):
        raise ArgumentError(mismatch("loss", "cross_entropy for a text", loss))
    return _read_text(path, model, rows, steps or _TEXT_STEPS)


def _read_npz(path: Path, model: Model, rows: int, steps: int | None, loss: str | None) -> Data:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise FormatError(mismatch(str(path), "an .npz file of numbers", error)) from None
    if not {"x", "y"} <= arrays.keys():
        came = ", ".join(arrays) or "none"
        raise FormatError(mismatch(str(path), "arrays x and y", came))
    x, y = arrays["x"], arrays["y"]
    chosen = LOSSES[loss or _guess(y)]()
    if x.ndim < 2 or y.ndim < 1:
        raise ShapeError(mismatch("x and y", "[T, B, ...]", f"{list(x.shape)} and {list(y.shape)}"))
    cut = _Cut(model, x, rows, steps)
    weights, lengths = arrays.get("weights"), arrays.get("lengths")
    return Data(
        x=_cast(cut.sequence(x), model.dtype),
        y=_cast(cut.per_step(y), None if isinstance(chosen, CrossEntropyLoss) else model.dtype),
        lengths=None if lengths is None else cut.lengths(lengths),
        weights=None if weights is None else _cast(cut.per_step(weights), model.dtype),
        loss=chosen,
        source=f"{path.name}: x {list(x.shape)}, y {list(y.shape)}",
    )


def _guess(y: Array) -> str:
    return {"i": "cross_entropy", "u": "cross_entropy", "b": "bce"}.get(y.dtype.kind, "mse")


def _cast(array: Array, dtype: np.dtype[Any] | None) -> Array:
    """Return whole numbers as int64 if they may be, other numbers in the dtype of the model."""
    if array.dtype.kind in "iu":
        array = array.astype(np.int64)
    elif array.dtype.kind in "fb" and dtype is not None:
        array = array.astype(dtype)
    return np.ascontiguousarray(array)


class _Cut:
    """Takes the first sequences and time steps of arrays that belong together."""

    def __init__(self, model: Model, x: Array, rows: int, steps: int | None) -> None:
        self._last = model._signature.last_step
        batch_first = model.batch_first
        whole = x.shape[1] if batch_first else x.shape[0]
        if self._last and steps is not None and steps < whole:
            expected = f"all {whole}, because the model answers for the last step"
            raise ArgumentError(mismatch("time steps", expected, steps))
        self._rows = slice(rows)
        places = (slice(rows), slice(steps))
        self._places = places if batch_first else places[::-1]
        self._steps = whole if steps is None else min(steps, whole)

    def sequence(self, array: Array) -> Array:
        return array[self._places] if array.ndim > 1 else array

    def per_step(self, array: Array) -> Array:
        return array[self._rows] if self._last else self.sequence(array)

    def lengths(self, array: Array) -> Array:
        if array.dtype.kind not in "iu" or array.ndim != 1:
            raise ShapeError(mismatch("lengths", "ints [B]", f"{array.dtype} {list(array.shape)}"))
        return np.minimum(array[self._rows], self._steps)


def _read_text(path: Path, model: Model, rows: int, steps: int) -> Data:
    """Cut a text into windows at equal distances; the label of a byte is the next one."""
    _check_bytes(path, model)
    text = np.frombuffer(path.read_bytes(), np.uint8).astype(np.int64)
    if len(text) <= steps:
        raise FormatError(mismatch(str(path), f"more than {steps} bytes", len(text)))
    rows = min(rows, (len(text) - 1) // steps)
    starts = np.linspace(0, len(text) - steps - 1, rows).astype(np.int64)
    windows = text[np.arange(steps + 1)[:, None] + starts]
    x, y = windows[:-1], windows[-1] if model._signature.last_step else windows[1:]
    if model.batch_first:
        x, y = x.T, y.T
    x, y = np.ascontiguousarray(x), np.ascontiguousarray(y)
    source = f"{path.name}: a text of {len(text):,} bytes, {rows} windows at equal distances"
    return Data(x, y, None, None, CrossEntropyLoss(), source)


def _check_bytes(path: Path, model: Model) -> None:
    first, outputs = model.layers[0], model._signature.output_size
    if not isinstance(first, Embedding):
        expected = "an .npz file with x and y, because the model takes features"
        raise FormatError(mismatch("data", expected, path.name))
    if first.num_embeddings < _BYTES or outputs < _BYTES:
        expected = f"{_BYTES} tokens and outputs for a text read byte by byte"
        came = f"{first.num_embeddings} and {outputs}: give x and y in an .npz file"
        raise ModelError(mismatch("model", expected, came))
