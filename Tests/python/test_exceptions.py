"""Exceptions: one for every status, and what an error leaves behind."""

import copy
import ctypes
import pickle
import subprocess
import sys

import librnn
import numpy as np
import pytest
from librnn import _c_api, _c_types, errors

from conftest import ROOT
from support import assert_same_bits, assert_same_dicts, normal

T, B, I, O = 4, 3, 5, 2  # noqa: E741  the letters of the header


def sensor():
    """[T, B, I] -> [T, B, O]."""
    return librnn.Model(librnn.LSTM(I, 6), librnn.Linear(6, O))


def batch():
    """Features and target values for it."""
    return normal(1, T, B, I, dtype="float32"), normal(2, T, B, O, dtype="float32")


# ---- What misuse leaves behind


def test_a_refused_step_leaves_weights_and_counters():
    model = sensor()
    trainer = librnn.Trainer(model, librnn.MSELoss())
    before = model.state_dict()
    x, y = batch()
    for wrong in [(x[0], y), (x, y * np.nan), (x * np.nan, y), (x, y[1:])]:
        with pytest.raises(ValueError):
            trainer.step(*wrong)
    assert_same_dicts(model.state_dict(), before)
    assert trainer.step(x, y).step == 1


def test_a_refused_load_leaves_the_model_usable():
    model, (x, _) = sensor(), batch()
    expected, _ = model(x)
    with pytest.raises(ValueError):
        model.load_state_dict({})
    assert_same_bits(model(x)[0], expected)


def test_more_memory_than_there_is_is_an_error_and_not_the_end():
    with pytest.raises((MemoryError, ValueError)) as caught:
        sensor().stream(2**60)
    assert isinstance(caught.value, librnn.RnnError)
    with pytest.raises((MemoryError, ValueError)) as caught:
        librnn.Model(librnn.LSTM(2**40, 2**40))
    assert isinstance(caught.value, librnn.RnnError)


# ---- The map of statuses


NATURAL = {
    _c_types.RNN_ERR_ARGUMENT: ValueError,
    _c_types.RNN_ERR_STRUCT_SIZE: ValueError,
    _c_types.RNN_ERR_HANDLE: ValueError,
    _c_types.RNN_ERR_SHAPE: ValueError,
    _c_types.RNN_ERR_DTYPE: TypeError,
    _c_types.RNN_ERR_NAME: KeyError,
    _c_types.RNN_ERR_MODEL: ValueError,
    _c_types.RNN_ERR_NAN: ValueError,
    _c_types.RNN_ERR_NONFINITE: FloatingPointError,
    _c_types.RNN_ERR_OUT_OF_MEMORY: MemoryError,
    _c_types.RNN_ERR_IO: OSError,
    _c_types.RNN_ERR_FORMAT: ValueError,
}


def test_every_status_has_an_exception_of_a_natural_kind():
    known = {value for name, value in vars(_c_types).items() if name.startswith("RNN_ERR_")}
    assert known == set(NATURAL)
    kinds = set()
    for status, base in NATURAL.items():
        error = errors.from_status(status, "x: expected this, got that")
        assert isinstance(error, base) and isinstance(error, librnn.RnnError)
        assert error.status == status and str(error) == "x: expected this, got that"
        assert getattr(librnn, type(error).__name__) is type(error)
        kinds.add(type(error))
    assert len(kinds) == len(NATURAL)


def test_a_status_of_a_newer_library_is_still_an_error():
    error = errors.from_status(999, "something new")
    assert type(error) is librnn.RnnError and "999" in str(error) and "something new" in str(error)


def test_the_library_knows_no_other_name():
    info = _c_types.TensorInfo()
    model = sensor()
    with pytest.raises(KeyError) as caught:
        _c_api.check(_c_api.lib.rnn_model_find(model._handle, b"9.weight", ctypes.byref(info)))
    assert isinstance(caught.value, librnn.TensorNameError) and "9.weight" in str(caught.value)


def test_a_handle_that_is_freed_behind_our_back_is_an_error():
    """The library's own check, under ours: no call follows a pointer that is not alive."""
    model = sensor()
    pointer = model._handle
    model.close()
    model._owned = [pointer]
    assert model._handle == pointer
    with pytest.raises(librnn.HandleError):
        model(batch()[0])
    with pytest.raises(librnn.HandleError):
        model.state_dict()


# ---- No input crashes the interpreter


FAILING = """
import gc, sys
sys.path.insert(0, sys.argv[1])
import librnn

for make in [
    lambda: librnn.Model(librnn.GRU(2, 3), librnn.Linear(4, 1)),
    lambda: librnn.Trainer(None),
    lambda: librnn.Stream(None),
    lambda: librnn.Trainer.resume("/nonexistent"),
]:
    try:
        make()
    except librnn.RnnError as error:
        print(type(error).__name__)
    gc.collect()
for kind in [librnn.Model, librnn.Trainer, librnn.Stream]:
    empty = kind.__new__(kind)
    assert empty.closed
    empty.close()
"""


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, pickle.dumps])
def test_what_owns_a_handle_cannot_be_copied(duplicate):
    model = librnn.Model(librnn.LSTM(2, 3), librnn.Linear(3, 2))
    for owner in (model, librnn.Trainer(model), model.stream()):
        with pytest.raises(TypeError, match="cannot be copied or pickled"):
            duplicate(owner)
        assert not owner.closed


def test_objects_from_failed_constructors_die_quietly():
    sources = str(ROOT / "bindings" / "python" / "src")
    run = subprocess.run([sys.executable, "-c", FAILING, sources], capture_output=True, text=True)
    assert run.stderr == "" and run.returncode == 0
    assert run.stdout.split() == ["ModelError", "DTypeError", "DTypeError", "FileError"]
