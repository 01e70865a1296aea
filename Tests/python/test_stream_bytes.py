"""The state of one lane as bytes: here, in another process, and bytes that are refused."""

import os
import subprocess
import sys

import librnn
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import ROOT
from streams import DTYPES, assert_same_states, begun, charlm, sensor, stack, twin
from support import assert_close, assert_same_bits, input_for, integers, perturbed, stacks

HEAD = 24  # bytes: what they are, of which version, of which layers and how many numbers


@given(stacks(dtypes=DTYPES), st.integers(1, 5), st.integers(1, 5), st.data())
def test_a_lane_goes_on_from_bytes_in_another_stream(model, rows, others, data):
    lane, to = data.draw(st.integers(0, rows - 1)), data.draw(st.integers(0, others - 1))
    stream = begun(model, rows)
    other = begun(model, others, seed=2, idle_lanes=data.draw(st.integers(0, others)))
    state = stream.export(lane)
    assert state.startswith(b"RNNSTATE") and len(state) >= HEAD
    assert stream.export(lane) == state
    other.join(to, data.draw(st.sampled_from([bytes, bytearray]))(state))
    assert other.export(to) == state
    x, y = input_for(model, 3, 4, rows), input_for(model, 4, 4, others)
    y[:, to] = x[:, lane]
    assert_same_bits(other.process(y)[:, to].copy(), stream.process(x)[:, lane].copy())
    assert other.export(to) == stream.export(lane)


@given(stacks(dtypes=DTYPES), st.integers(1, 4), st.data())
def test_a_lane_without_bytes_begins_at_zero(model, rows, data):
    lane = data.draw(st.integers(0, rows - 1))
    stream = begun(model, rows, idle_lanes=data.draw(st.integers(0, rows)))
    stream.join(lane, None)
    assert not any(part[:, lane].any() for part in stream.state)
    assert stream.export(lane) == model.stream().export()


def test_what_does_not_matter_to_a_state():
    """Dropout and how weights began: the layers compute the same."""
    plain = librnn.Model(librnn.LSTM(3, 4, 2), dtype="float64", seed=1)
    options = {"dropout": 0.5, "forget_bias": 1.0, "recurrent_init": "orthogonal"}
    other = librnn.Model(librnn.LSTM(3, 4, 2, **options), dtype="float64", seed=2)
    state = begun(plain, 2).export(1)
    stream = other.stream()
    stream.join(0, state)
    assert stream.export() == state


CHILD = """
import sys, librnn, numpy
folder = sys.argv[1]
x = numpy.load(folder + "/x.npy")
stream = librnn.load(folder + "/model").stream(3, idle_lanes=2)
stream.join(2, open(folder + "/state", "rb").read())
y = numpy.stack([stream.step(numpy.stack([step[0]] * 3)) for step in x])
numpy.save(folder + "/y.npy", y[:, 2:])
open(folder + "/end", "wb").write(stream.export(2))
"""


def go_on_elsewhere(folder, **environment):
    """What another process makes of a model, the state of a lane and a sequence for it."""
    path = str(ROOT / "bindings" / "python" / "src")
    variables = os.environ | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"} | environment
    subprocess.run([sys.executable, "-c", CHILD, str(folder)], env=variables, check=True)
    return np.load(folder / "y.npy"), (folder / "end").read_bytes()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["deep GRU", "deep LSTM", "linear between", "embedding and head"])
def test_a_lane_goes_on_in_another_process(tmp_path, name, dtype):
    model = stack(name, dtype)
    model.save(tmp_path / "model")
    stream = begun(model, 2)
    stream.fork(1, 0)
    (tmp_path / "state").write_bytes(stream.export(1))
    x = input_for(model, 5, 4, 1)
    np.save(tmp_path / "x.npy", x)
    expected = stream.process(np.repeat(x, 2, axis=1))[:, 1:]
    y, end = go_on_elsewhere(tmp_path)
    assert_same_bits(y, expected.copy())
    assert end == stream.export(1)
    y, end = go_on_elsewhere(tmp_path, LIBRNN_INSTRUCTION_SET="baseline")
    assert_close(y, expected.copy())
    assert end[:HEAD] == stream.export(1)[:HEAD]


# ---- Bytes that are refused


def assert_refused(kind, sentence, stream, state):
    """Joining fails for an active and an idle lane, and changes nothing."""
    before, active = stream.state, stream.active_lanes
    for lane in (0, 1):
        with pytest.raises(kind, match=sentence):
            stream.join(lane, state)
    assert_same_states(stream.state, before)
    assert stream.active_lanes == active


def some_stream(model):
    return begun(model, 2, seed=2, idle_lanes=1)


@given(stacks(dtypes=DTYPES), st.integers(0, HEAD - 1), st.integers(1, 255))
def test_a_damaged_head_is_refused(model, place, change):
    state = bytearray(begun(model, 1).export())
    state[place] ^= change
    assert_refused(librnn.FormatError, "^state: ", some_stream(model), state)


@given(stacks(dtypes=DTYPES), st.integers(-40, 40).filter(bool))
def test_bytes_too_few_or_too_many_are_refused(model, by):
    state = begun(model, 1).export()
    changed = state[: max(0, len(state) + by)] + bytes(max(0, by))
    sentence = f"^state: expected {len(state)} bytes, got {len(changed)}"
    assert_refused(librnn.ShapeError, sentence, some_stream(model), changed)


@given(stacks(dtypes=DTYPES), st.binary(min_size=HEAD, max_size=HEAD), st.data())
def test_foreign_bytes_are_refused(model, head, data):
    state = head + begun(model, 1).export()[HEAD:]
    assert_refused(librnn.FormatError, "^state: expected bytes of", some_stream(model), state)


@given(stacks(dtypes=DTYPES), st.integers(0, 99))
def test_a_state_with_nan_is_refused(model, number):
    state = begun(model, 1).export()
    numbers = np.frombuffer(state[HEAD:], model.dtype).copy()
    numbers[number % numbers.size] = np.nan
    changed = state[:HEAD] + numbers.tobytes()
    assert_refused(librnn.NaNError, "^state: ", some_stream(model), changed)


# Each with as many bytes of state as a GRU of four units in float64.
OTHERS = {
    "another dtype": librnn.Model(librnn.GRU(3, 8), librnn.Linear(8, 2)),
    "another cell": librnn.Model(librnn.RNN(3, 4), librnn.Linear(4, 2), dtype="float64"),
    "more levels": librnn.Model(librnn.GRU(3, 2, 2), librnn.Linear(2, 2), dtype="float64"),
    "two layers": librnn.Model(librnn.GRU(3, 2), librnn.GRU(2, 2), dtype="float64"),
    "another input": librnn.Model(librnn.GRU(2, 4), librnn.Linear(4, 2), dtype="float64"),
    "another output": librnn.Model(librnn.GRU(3, 4), librnn.Linear(4, 3), dtype="float64"),
    "last step": librnn.Model(librnn.GRU(3, 4), librnn.Linear(4, 2, last=True), dtype="float64"),
    "no head": librnn.Model(librnn.GRU(3, 4), dtype="float64"),
    "an LSTM": librnn.Model(librnn.LSTM(3, 2), librnn.Linear(2, 2), dtype="float64"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_the_state_of_other_layers_is_refused(name):
    state = begun(OTHERS[name], 1).export()
    assert len(state) == len(sensor().stream().export())
    assert_refused(librnn.FormatError, "^state: ", some_stream(sensor()), state)


def test_the_state_of_another_nonlinearity_is_refused():
    tanh, relu = (librnn.Model(librnn.RNN(2, 3, nonlinearity=kind)) for kind in ("tanh", "relu"))
    assert_refused(librnn.FormatError, "^state: ", some_stream(tanh), begun(relu, 1).export())


@pytest.mark.parametrize("state", [0, "RNNSTATE", np.zeros(3), [b""], memoryview(b"")])
def test_a_state_is_bytes(state):
    sentence = r"^state: expected bytes of export\(\), got"
    assert_refused(librnn.DTypeError, sentence, some_stream(sensor()), state)


def test_no_bytes_are_not_none():
    assert_refused(librnn.ShapeError, "got 0 bytes", some_stream(sensor()), b"")


def test_a_twin_takes_the_state_but_not_the_weights():
    model, x = perturbed(charlm(), 1), integers(1, 9, 4, 1)
    stream, other = begun(model, 1), twin(model, 2).stream()
    other.join(0, stream.export())
    assert other.export() == stream.export()
    assert np.any(other.process(x) != stream.process(x))
