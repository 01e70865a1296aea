"""Models come and go, on many threads, and the library with them."""

import os
import subprocess
import sys
import tempfile

import librnn
import numpy as np
import pytest
from librnn import _c_api

from models import charlm, sensor
from support import (
    assert_close,
    assert_same_bits,
    at_once,
    integers,
    normal,
)


def test_close_ends_a_model_once():
    model = sensor()
    assert not model.closed
    model.close()
    model.close()
    assert model.closed and "closed" in repr(model)
    assert model.layers == sensor().layers and model.dtype == "float32"


def test_a_context_manager_closes():
    with sensor() as model:
        assert not model.closed
    assert model.closed
    with pytest.raises(librnn.HandleError, match="expected an open Model, got a closed one"):
        model.__enter__()


def test_what_was_made_from_a_model_goes_on_after_it_is_closed():
    x, y = normal(1, 3, 2, 3, dtype="float32"), normal(2, 3, 2, 2, dtype="float32")
    model = sensor()
    before, _ = model(x)
    trainer, stream = librnn.Trainer(model, librnn.MSELoss()), model.stream(2)
    model.close()
    assert_close(stream.step(x[0]), before[0])
    assert trainer.step(x, y).step == 1
    assert trainer.gradients().keys() == sensor().state_dict().keys()


def test_many_threads_may_call_one_model():
    model, x = charlm(), integers(1, 9, 20, 4)
    expected, results = model(x)[0], [None] * 8

    def run(place):
        for _ in range(20):
            results[place] = model(x)[0]

    at_once(run, len(results))
    for result in results:
        assert_same_bits(result, expected)


def test_set_num_threads_changes_no_bit():
    model, x = charlm(), integers(1, 9, 20, 33)
    expected = model(x)[0]
    for count in [2, 3, 1]:
        librnn.set_num_threads(count)
        assert librnn.get_num_threads() == count
        assert_same_bits(model(x)[0], expected)


def test_unloading_the_library_ends_its_threads():
    """In a process of its own, for this one has the library loaded for good."""
    program = """
import _ctypes, ctypes, os, sys
tasks = lambda: len(os.listdir("/proc/self/task"))
before = tasks()
library = ctypes.CDLL(sys.argv[1])
loaded = tasks()  # OpenBLAS's are among them
assert library.rnn_set_num_threads(3) == 0 and tasks() == loaded + 2
_ctypes.dlclose(library._handle)
assert tasks() == before, f"{tasks() - before} threads are left"
"""
    subprocess.run([sys.executable, "-c", program, _c_api.lib._name], check=True, timeout=60)


def test_openblas_multiplies_long_batches_too():
    """In a process of its own, for who multiplies is asked once. 200 steps are several blocks."""
    program = """
import librnn, numpy as np, sys
model = librnn.Model(librnn.LSTM(16, 32, num_layers=2), seed=1)
x = np.random.default_rng(0).standard_normal((200, 8, 16)).astype(np.float32)
np.save(sys.argv[1], model(x)[0])
"""
    results = []
    for products in ("blas", "kernels"):
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/y.npy"
            environment = os.environ | {"LIBRNN_PRODUCTS": products}
            command = [sys.executable, "-c", program, path]
            subprocess.run(command, check=True, timeout=60, env=environment)
            results.append(np.load(path))
    np.testing.assert_allclose(*results, atol=1e-5)
