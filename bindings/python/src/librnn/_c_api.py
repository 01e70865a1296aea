"""Loads librnn.so and declares every function of include/rnn.h. Nothing else touches the loader."""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Iterator
from ctypes import (
    POINTER,
    c_char_p,
    c_double,
    c_int,
    c_int32,
    c_int64,
    c_size_t,
    c_uint32,
    c_uint64,
    c_void_p,
)
from typing import Any

from . import _c_types as _c
from .errors import from_status

_STATUS = c_int
_LAYER = POINTER(_c.Layer)
_TENSOR = POINTER(_c.TensorInfo)
_BATCH = POINTER(_c.Batch)
_REPORT = POINTER(_c.StepReport)
_CALL = POINTER(_c.LayerCall)
_NEW = POINTER(c_void_p)

# name: (what it returns, what it takes)
FUNCTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "rnn_version": (c_uint32, ()),
    "rnn_version_string": (c_char_p, ()),
    "rnn_status_name": (c_char_p, (_STATUS,)),
    "rnn_last_error": (c_char_p, ()),
    "rnn_set_num_threads": (_STATUS, (c_int32,)),
    "rnn_get_num_threads": (c_int32, ()),
    "rnn_model_create": (_STATUS, (_LAYER, c_size_t, POINTER(_c.ModelOptions), _NEW)),
    "rnn_model_free": (_STATUS, (c_void_p,)),
    "rnn_model_describe": (_STATUS, (c_void_p, POINTER(_c.ModelInfo))),
    "rnn_model_layer": (_STATUS, (c_void_p, c_size_t, _LAYER)),
    "rnn_model_tensor": (_STATUS, (c_void_p, c_size_t, _TENSOR)),
    "rnn_model_find": (_STATUS, (c_void_p, c_char_p, _TENSOR)),
    "rnn_model_state_tensor": (_STATUS, (c_void_p, c_size_t, c_int64, _TENSOR)),
    "rnn_model_get": (_STATUS, (c_void_p, c_char_p, c_void_p, c_size_t)),
    "rnn_model_set": (_STATUS, (c_void_p, c_char_p, c_void_p, c_size_t)),
    "rnn_model_quantize": (_STATUS, (c_void_p, c_int, _NEW)),
    "rnn_model_forward": (_STATUS, (c_void_p, _BATCH)),
    "rnn_trainer_create": (_STATUS, (c_void_p, POINTER(_c.TrainerOptions), _NEW)),
    "rnn_trainer_free": (_STATUS, (c_void_p,)),
    "rnn_trainer_step": (_STATUS, (c_void_p, _BATCH, _REPORT)),
    "rnn_trainer_evaluate": (_STATUS, (c_void_p, _BATCH, _REPORT)),
    "rnn_trainer_describe": (_STATUS, (c_void_p, POINTER(_c.TrainerOptions))),
    "rnn_trainer_set_learning_rate": (_STATUS, (c_void_p, c_double)),
    "rnn_trainer_set_penalties": (
        _STATUS,
        (c_void_p, c_double, c_double, c_double, c_double),
    ),
    "rnn_trainer_gradient": (_STATUS, (c_void_p, c_char_p, c_void_p, c_size_t)),
    "rnn_trainer_model": (_STATUS, (c_void_p, _NEW)),
    "rnn_trainer_report_metric": (_STATUS, (c_void_p, c_double)),
    "rnn_trainer_average": (_STATUS, (c_void_p, _NEW)),
    "rnn_trainer_set_group": (_STATUS, (c_void_p, c_char_p, POINTER(_c.Group))),
    "rnn_stream_create": (_STATUS, (c_void_p, POINTER(_c.StreamOptions), _NEW)),
    "rnn_stream_free": (_STATUS, (c_void_p,)),
    "rnn_stream_prepare": (_STATUS, (c_void_p,)),
    "rnn_stream_describe": (_STATUS, (c_void_p, POINTER(_c.StreamInfo))),
    "rnn_stream_step": (_STATUS, (c_void_p, c_void_p, c_size_t, c_void_p, c_size_t)),
    "rnn_stream_process": (
        _STATUS,
        (c_void_p, c_int64, c_void_p, c_size_t, c_void_p, c_size_t),
    ),
    "rnn_stream_reset": (_STATUS, (c_void_p,)),
    "rnn_stream_get_state": (_STATUS, (c_void_p, c_void_p, c_size_t)),
    "rnn_stream_set_state": (_STATUS, (c_void_p, c_void_p, c_size_t)),
    "rnn_stream_export": (_STATUS, (c_void_p, c_int64, c_void_p, c_size_t)),
    "rnn_stream_import": (_STATUS, (c_void_p, c_int64, c_void_p, c_size_t)),
    "rnn_stream_copy": (_STATUS, (c_void_p, c_int64, c_void_p, c_int64)),
    "rnn_stream_leave": (_STATUS, (c_void_p, c_int64)),
    "rnn_stream_swap_model": (_STATUS, (c_void_p, c_void_p)),
    "rnn_model_save": (_STATUS, (c_void_p, c_char_p)),
    "rnn_model_load": (_STATUS, (c_char_p, _NEW)),
    "rnn_trainer_save": (_STATUS, (c_void_p, c_char_p)),
    "rnn_trainer_resume": (_STATUS, (c_char_p, _NEW)),
    "rnn_layer_plan": (_STATUS, (_LAYER, c_int, c_int64, c_int64, POINTER(_c.LayerSizes))),
    "rnn_layer_tensor": (_STATUS, (_LAYER, c_int, c_size_t, _TENSOR)),
    "rnn_layer_initialize": (_STATUS, (_LAYER, c_int, c_uint64, c_void_p, c_size_t)),
    "rnn_layer_forward": (_STATUS, (_LAYER, _CALL)),
    "rnn_layer_backward": (_STATUS, (_LAYER, _CALL)),
    "rnn_trainer_flow": (_STATUS, (c_void_p, c_size_t, POINTER(_c.Flow))),
    "rnn_trainer_flow_series": (
        _STATUS,
        (c_void_p, c_size_t, c_int, c_int32, POINTER(c_double), c_size_t),
    ),
    "rnn_model_spectrum": (
        _STATUS,
        (c_void_p, c_char_p, c_int32, POINTER(_c.Spectrum), POINTER(c_double), c_size_t),
    ),
    "rnn_model_jacobian": (
        _STATUS,
        (c_void_p, _BATCH, c_int64, c_int64, POINTER(c_double), c_size_t),
    ),
    "rnn_model_lyapunov": (_STATUS, (c_void_p, _BATCH, POINTER(_c.Lyapunov))),
    "rnn_trainer_floss": (_STATUS, (c_void_p, _BATCH, POINTER(_c.Lyapunov), _REPORT)),
    "rnn_trainer_tensor_flow": (_STATUS, (c_void_p, POINTER(c_double), c_size_t)),
    "rnn_trainer_class_weights": (_STATUS, (c_void_p, POINTER(c_double), c_size_t)),
    "rnn_sample": (
        _STATUS,
        (POINTER(_c.Sampling), c_void_p, c_size_t, POINTER(_c.Random), c_void_p, c_size_t),
    ),
    "rnn_ctc_decode": (_STATUS, (POINTER(_c.CtcDecoding),)),
}

_HOW_TO_MEND = (
    "Build it with `make` in a source checkout, install it with `make install`, or set the "
    "environment variable LIBRNN_LIBRARY to the path of a librnn.so."
)


def _candidates() -> Iterator[str]:
    """Yield the files that may be the library, the most specific first."""
    package = os.path.dirname(os.path.realpath(__file__))
    yield os.path.join(package, "librnn.so")
    for folder in _parents(package):
        if os.path.isfile(os.path.join(folder, "include", "rnn.h")):
            yield os.path.join(folder, "build", "librnn.so")


def _parents(folder: str) -> Iterator[str]:
    """Yield the folders around a folder, the nearest first."""
    while (parent := os.path.dirname(folder)) != folder:
        yield parent
        folder = parent


def _open(path: str) -> ctypes.CDLL:
    try:
        return ctypes.CDLL(path)
    except OSError as error:
        raise ImportError(f"librnn.so: {path} cannot be loaded: {error}. {_HOW_TO_MEND}") from error


def _find() -> ctypes.CDLL:
    """Load the library from the first place that has one."""
    named = os.environ.get("LIBRNN_LIBRARY")
    if named:
        return _open(named)
    tried = []
    for path in _candidates():
        if os.path.isfile(path):
            return _open(path)
        tried.append(f"{path} (no such file)")
    try:
        return ctypes.CDLL("librnn.so.0")
    except OSError as error:
        tried.append(f"librnn.so.0 by the system loader ({error})")
    raise ImportError(f"librnn.so was not found. Tried {'; '.join(tried)}. {_HOW_TO_MEND}")


def _check_version(library: ctypes.CDLL) -> None:
    library.rnn_version.restype = c_uint32
    number = library.rnn_version()
    major, minor = number // 10000, number // 100 % 100
    if major != _c.RNN_VERSION_MAJOR or minor < _c.RNN_VERSION_MINOR:
        expected = f"{_c.RNN_VERSION_MAJOR}.{_c.RNN_VERSION_MINOR}"
        raise ImportError(
            f"{library._name}: expected librnn {expected} or a later {_c.RNN_VERSION_MAJOR}.x, "
            f"got {major}.{minor}. {_HOW_TO_MEND}"
        )


def _declare(library: ctypes.CDLL) -> None:
    for name, (restype, argtypes) in FUNCTIONS.items():
        try:
            function = getattr(library, name)
        except AttributeError:
            raise ImportError(f"{library._name}: has no function {name}. {_HOW_TO_MEND}") from None
        function.restype = restype
        function.argtypes = argtypes


def _load() -> ctypes.CDLL:
    library = _find()
    if not hasattr(library, "rnn_version"):
        raise ImportError(f"{library._name}: is not librnn. {_HOW_TO_MEND}")
    _check_version(library)
    _declare(library)
    return library


lib = _load()

# Arguments of C that Python calls otherwise.
_RENAMED = {"input": "x", "target": "y", "from": "start", "to": "end"}
_AT_THE_BEGINNING = re.compile(r"(input|target|from, to|to)\b")


def check(status: int) -> None:
    """Raise the exception of a failed call, with the library's own sentence.

    The sentence begins with the argument; where Python calls it otherwise it gets Python's name.
    """
    if status != _c.RNN_OK:
        raise from_status(status, _rename(lib.rnn_last_error().decode("utf-8", "replace")))


def _rename(sentence: str) -> str:
    """Return a sentence with Python's names for the arguments that it is about."""
    begin = _AT_THE_BEGINNING.match(sentence)
    for name in begin[0].split(", ") if begin else ():
        sentence = re.sub(rf"\b{name}\b", _RENAMED[name], sentence)
    return sentence


def create(function: Any, *arguments: Any) -> int:
    """Call a function whose last argument receives a new handle, and return the handle."""
    handle = c_void_p()
    check(function(*arguments, ctypes.byref(handle)))
    assert handle.value is not None
    return handle.value
