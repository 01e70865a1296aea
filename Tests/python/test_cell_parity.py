"""Recurrent layers with every option, against numbers of PyTorch, its autograd, ONNX and Keras.

`fixtures/record_cells.py` recorded them in float64; none of these is needed here. Outputs at valid
steps, final states and the gradients by all parameters may differ by 1e-12 times the largest number
of their tensor. `scripts/nightly-parity.sh` does the same for thousands of fresh configurations.
"""

from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file

from cell_runs import run_librnn
from fixtures.draw_cells import draw_case, draw_data, features
from support import assert_close

PATH = Path(__file__).parent / "fixtures" / "cells.safetensors"
RECORDED = load_file(PATH)
with safe_open(PATH, "numpy") as file:
    SEED = int(file.metadata()["seed"])
FEATURES = (
    "RNN GRU LSTM MinGRU MinLSTM reset_before coupled peepholes proj_size layer_norm residual "
    "learn_state zoneout zoneout_cell activations concat sum front lengths state"
).split()
LEAST = {"pytorch": 90, "equations": 220, "onnx": 75, "keras": 55}


def drawn(key):
    """Draw the configuration of a key, "equations.7"."""
    source, number = key.split(".")
    return draw_case(SEED, source, int(number))


def label(key):
    """Return a readable name: "equations.7-LSTM-levels2-peepholes-concat"."""
    return "-".join([key, *features(drawn(key))]).replace(" ", "")


@pytest.mark.parametrize("key", RECORDED, ids=label)
def test_numbers(key):
    """Outputs, final states and gradients of one configuration."""
    case = drawn(key)
    found = run_librnn(case, draw_data(case))
    ends = np.cumsum([found[name].size for name in sorted(found)])
    assert ends[-1] == len(RECORDED[key])
    for name, expected in zip(sorted(found), np.split(RECORDED[key], ends[:-1]), strict=True):
        assert_close(found[name], expected.reshape(found[name].shape), name, 1e-12)


def test_every_option_is_recorded():
    """The fixture has enough of every source, and of the equations every option."""
    sources = [key.split(".")[0] for key in RECORDED]
    assert all(sources.count(source) >= least for source, least in LEAST.items())
    met = [features(drawn(key)) for key in RECORDED if key.startswith("equations")]
    for feature in FEATURES:
        assert sum(feature in found for found in met) >= 10, feature
