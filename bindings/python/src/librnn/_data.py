"""From a file to the batch that a diagnosis looks at."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ._arrays import Array, as_int64
from .errors import ArgumentError, FormatError, ModelError, ShapeError, mismatch
from .layers import Embedding
from .losses import BCEWithLogitsLoss, CrossEntropyLoss, Loss, MSELoss
from .model import Model

LOSSES: dict[str, type[Loss]] = {
    "cross_entropy": CrossEntropyLoss,
    "mse": MSELoss,
    "bce": BCEWithLogitsLoss,
}
_ARRAYS = {"x", "y", "lengths", "weights"}
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
    if path.suffix in (".npz", ".npy") or zipfile.is_zipfile(path):
        return _read_npz(path, model, rows, steps, loss)
    if loss not in (None, "cross_entropy"):
        raise ArgumentError(mismatch("loss", "cross_entropy for a text", loss))
    return _read_text(path, model, rows, steps or _TEXT_STEPS)


def _read_npz(path: Path, model: Model, rows: int, steps: int | None, loss: str | None) -> Data:
    arrays = _load(path)
    if not {"x", "y"} <= arrays.keys():
        came = ", ".join(arrays) or "none"
        raise FormatError(mismatch(str(path), "arrays x and y", came))
    x, y = arrays["x"], arrays["y"]
    chosen = LOSSES[loss or _guess(y)]()
    if x.ndim < 2 or y.ndim < 1:
        raise ShapeError(mismatch("x and y", "[T, B, ...]", f"{list(x.shape)} and {list(y.shape)}"))
    cut = _Cut(model, x, rows, steps)
    weights, lengths = arrays.get("weights"), arrays.get("lengths")
    features = None if model._signature.token_input else model.dtype
    values = None if isinstance(chosen, CrossEntropyLoss) else model.dtype
    return Data(
        x=_cast("x", cut.sequence(x), features),
        y=_cast("y", cut.per_step("y", y), values),
        lengths=None if lengths is None else cut.lengths(lengths),
        weights=None if weights is None else cut.weights(weights),
        loss=chosen,
        source=f"{path.name}: x {list(x.shape)}, y {list(y.shape)}",
    )


def _load(path: Path) -> dict[str, Array]:
    """Return the arrays that a batch is made of; if x or y is missing, all."""
    expected = "an .npz file of numbers"
    if not zipfile.is_zipfile(path):
        raise FormatError(mismatch(str(path), expected, "no zip archive"))
    try:
        with np.load(path, allow_pickle=False) as file:
            names = file.files
            if {"x", "y"} <= set(names):
                names = [name for name in names if name in _ARRAYS]
            arrays = {name: file[name] for name in names}
    except Exception as error:  # whatever unpacking and numpy meet in a file that is damaged
        raise FormatError(mismatch(str(path), expected, error)) from None
    for name, array in arrays.items():
        if name in _ARRAYS and not isinstance(array, np.ndarray):
            raise FormatError(mismatch(f"{path}: {name}", "an array", type(array).__name__))
    return arrays


def _guess(y: Array) -> str:
    return {"i": "cross_entropy", "u": "cross_entropy", "b": "bce"}.get(y.dtype.kind, "mse")


def _cast(name: str, array: Array, dtype: np.dtype[Any] | None) -> Array:
    """Return numbers in the dtype of the model; None: ints as int64. What is neither stays."""
    if dtype is None:
        result = as_int64(array) if array.dtype.kind in "iu" else array
    elif array.dtype.kind in "iufb":
        with np.errstate(over="ignore"):
            result = array.astype(dtype)
        beyond = array[np.isinf(result) & np.isfinite(array)]
        if beyond.size:
            raise ArgumentError(mismatch(name, f"numbers that {dtype} can hold", beyond[0]))
    else:
        result = array
    return np.ascontiguousarray(result)


class _Cut:
    """Takes the first sequences and time steps of arrays that belong together."""

    def __init__(self, model: Model, x: Array, rows: int, steps: int | None) -> None:
        self._last = model._signature.last_step
        self._dtype = model.dtype
        batch_first = model.batch_first
        whole, count = x.shape[1::-1] if batch_first else x.shape[:2]
        if self._last and steps is not None and steps < whole:
            expected = f"all {whole}, because the model answers for the last step"
            raise ArgumentError(mismatch("time steps", expected, steps))
        self._rows = slice(rows)
        places = (slice(rows), slice(steps))
        self._places = places if batch_first else places[::-1]
        self._sizes = (count,) if self._last else x.shape[:2]
        self._count, self._whole = count, whole
        self._steps = whole if steps is None else min(steps, whole)

    def sequence(self, array: Array) -> Array:
        return array[self._places]

    def per_step(self, name: str, array: Array) -> Array:
        if array.shape[: len(self._sizes)] != self._sizes:
            expected = f"the first sizes {list(self._sizes)}, as x has them"
            raise ShapeError(mismatch(name, expected, list(array.shape)))
        return array[self._rows] if self._last else self.sequence(array)

    def weights(self, array: Array) -> Array:
        return _cast("weights", self.per_step("weights", array), self._dtype)

    def lengths(self, array: Array) -> Array:
        if array.dtype.kind not in "iu" or array.shape != (self._count,):
            expected, came = f"ints [{self._count}]", f"{array.dtype} {list(array.shape)}"
            raise ShapeError(mismatch("lengths", expected, came))
        array = as_int64(array)
        for row in np.flatnonzero(array > self._whole):
            expected = f"0 to {self._whole}"
            raise ArgumentError(mismatch(f"lengths[{row}]", expected, array[row]))
        return np.minimum(array[self._rows], self._steps)


def _read_text(path: Path, model: Model, rows: int, steps: int) -> Data:
    """Cut a text into windows at equal distances; the label of a byte is the next one."""
    _check_bytes(path, model)
    size = path.stat().st_size
    if size <= steps:
        raise FormatError(mismatch(str(path), f"more than {steps} bytes", size))
    text = np.memmap(path, np.uint8, "r")  # of a large text only the windows are read
    rows = min(rows, (len(text) - 1) // steps)
    starts = np.linspace(0, len(text) - steps - 1, rows).astype(np.int64)
    windows = text[np.arange(steps + 1)[:, None] + starts].astype(np.int64)
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
