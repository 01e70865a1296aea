"""What the tests of streams share: models, and ways to run them."""

import os
import subprocess
import sys

import librnn
import numpy as np
from librnn._arrays import address
from librnn._c_api import check, lib

from dynamical import MODELS, make
from support import assert_close, assert_same_bits, input_for, perturbed

# A stream beside a whole sequence: to the bit, but for OpenBLAS, whose sums depend on the shape.
same = assert_close if os.environ.get("LIBRNN_PRODUCTS") == "blas" else assert_same_bits

DTYPES = ("float64", "float32")
MARK = 12345  # what is in an array of the caller's before a call
# Numbers of units around those that a vector holds, and several vectors.
WIDTHS = [1, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65]
# Layers without a state, and what may lie before, between and after recurrent ones.
STACKS = {
    "linear": [librnn.Linear(3, 2)],
    "linear, last": [librnn.Linear(3, 2), librnn.Linear(2, 2, last=True)],
    "embedding": [librnn.Embedding(5, 3)],
    "embedding and linear": [librnn.Embedding(5, 3), librnn.Linear(3, 3)],
} | MODELS


def stack(name, dtype):
    if name in MODELS:
        return make(name, dtype)
    return perturbed(librnn.Model(*STACKS[name], dtype=dtype), 5)


def charlm(dtype="float64", **options):
    layers = [librnn.Embedding(9, 4), librnn.LSTM(4, 5, num_layers=2), librnn.Linear(5, 9)]
    return librnn.Model(*layers, dtype=dtype, **options)


def sensor(dtype="float64", **options):
    return librnn.Model(librnn.GRU(3, 4), librnn.Linear(4, 2), dtype=dtype, **options)


def twin(model, seed):
    """A model of the same layers with other weights."""
    return perturbed(librnn.Model(*model.layers, dtype=model.dtype, seed=seed), seed)


def noise(model, rows, seed=1):
    """One step of input, [B, ...]."""
    return np.ascontiguousarray(input_for(model, seed, 1, rows)[0])


def stepped(stream, x):
    """The outputs [T, B, O] of a stream that takes a sequence step by step."""
    return np.stack([stream.step(np.ascontiguousarray(step)) for step in x])


def process_into(y, stream, x):
    """Process a block as C does, into an array of the caller's."""
    x = x.astype(np.int64) if x.dtype.kind == "i" else x
    handle = stream._handle
    check(lib.rnn_stream_process(handle, len(x), address(x), x.nbytes, address(y), y.nbytes))


def begun(model, rows, seed=1, **options):
    """A stream that has gone some steps."""
    stream = model.stream(rows, **options)
    stream.process(input_for(model, seed, 3, rows))
    return stream


def spoil(x, rows):
    """Let rows of [T, B, ...] hold what no active lane may: NaN, or tokens out of range."""
    x = x.copy()
    x[:, rows] = np.iinfo(x.dtype).min if x.dtype.kind == "i" else np.nan
    return x


def assert_same_states(state, expected):
    for part, other in zip(state, expected, strict=True):
        assert_same_bits(part, other, "state")


def answers(script, *arguments):
    """What a program prints with the kernels of each instruction set: a set of one if all agree."""
    printed = set()
    for level in ("baseline", "avx2", "avx512", "best"):
        environment = os.environ | {"LIBRNN_INSTRUCTION_SET": level}
        command = [sys.executable, "-c", script, *arguments]
        run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        printed.add(run.stdout)
    return printed
