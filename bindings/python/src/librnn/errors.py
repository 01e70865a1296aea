"""The exceptions of librnn: one class per kind of error, each with its natural Python base."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from . import _c_types as _c

if TYPE_CHECKING:
    from .result import StepResult


class RnnError(Exception):
    """Base of every exception that librnn raises.

    Attributes
    ----------
    status : int
        The ``rnn_status`` of the C interface that stands for this kind of error.
    """

    status: ClassVar[int] = -1


class ArgumentError(RnnError, ValueError):
    """A value out of its range."""

    status = _c.RNN_ERR_ARGUMENT


class StructSizeError(RnnError, ValueError):
    """The library expects larger structs than this package has: the two do not fit together."""

    status = _c.RNN_ERR_STRUCT_SIZE


class HandleError(RnnError, ValueError):
    """An object that is closed."""

    status = _c.RNN_ERR_HANDLE


class ShapeError(RnnError, ValueError):
    """An array of the wrong shape."""

    status = _c.RNN_ERR_SHAPE


class DTypeError(RnnError, TypeError):
    """Not an array, or an array of the wrong element type."""

    status = _c.RNN_ERR_DTYPE


class TensorNameError(RnnError, KeyError):
    """No tensor of that name."""

    status = _c.RNN_ERR_NAME

    def __str__(self) -> str:
        """Return the message as it is: KeyError would show it in quotes."""
        return str(self.args[0]) if self.args else ""


class ModelError(RnnError, ValueError):
    """Layers that do not form a network."""

    status = _c.RNN_ERR_MODEL


class NaNError(RnnError, ValueError):
    """An input or target that holds NaN."""

    status = _c.RNN_ERR_NAN


class NonFiniteError(RnnError, FloatingPointError):
    """A gradient that is not finite, under ``nonfinite="fail"``; weights or a state that are not.

    Attributes
    ----------
    result : StepResult or None
        The report of the failed step; its state is the one that the step began with. None if no
        step was counted.
    """

    status = _c.RNN_ERR_NONFINITE
    result: StepResult | None = None


class OutOfMemoryError(RnnError, MemoryError):
    """The library could not allocate what it needs."""

    status = _c.RNN_ERR_OUT_OF_MEMORY


class FileError(RnnError, OSError):
    """The system refused to open, read or write a file."""

    status = _c.RNN_ERR_IO


class FormatError(RnnError, ValueError):
    """A file that is truncated, damaged or not a librnn file."""

    status = _c.RNN_ERR_FORMAT


_BY_STATUS: dict[int, type[RnnError]] = {
    error.status: error for error in RnnError.__subclasses__() if error.status > 0
}


def from_status(status: int, message: str) -> RnnError:
    """Return the exception of a status other than ``RNN_OK``, ready to be raised."""
    kind = _BY_STATUS.get(status)
    return kind(message) if kind else RnnError(f"status {status}: {message}")


def mismatch(name: str, expected: object, got: object) -> str:
    """Return the sentence that every check of this package uses."""
    return f"{name}: expected {expected}, got {got}"
