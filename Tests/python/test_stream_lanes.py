"""Lanes: those that are idle, those that go on from others, and those that are not there."""

import librnn
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams import (
    DTYPES,
    MARK,
    assert_same_states,
    begun,
    charlm,
    noise,
    process_into,
    sensor,
    spoil,
    stack,
)
from support import assert_same_bits, input_for, output_size, stacks

# ---- Lanes that are idle


@given(stacks(dtypes=DTYPES), st.integers(1, 6), st.data())
def test_the_last_lanes_are_idle_when_asked(model, rows, data):
    idle = data.draw(st.integers(0, rows))
    stream = model.stream(rows, idle_lanes=idle)
    assert stream.active_lanes == rows - idle
    for lane in range(rows):
        if lane < rows - idle:
            stream.export(lane)
            continue
        for use in (stream.export, stream.leave, lambda lane: stream.fork(lane, 0)):
            with pytest.raises(librnn.ArgumentError, match=f"lane: expected an active .* {lane}"):
                use(lane)
    assert stream.active_lanes == rows - idle


@pytest.mark.parametrize("idle", [-1, 3])
def test_no_more_lanes_can_be_idle_than_there_are(idle):
    with pytest.raises(librnn.ArgumentError, match="idle_lanes: expected"):
        sensor().stream(2, idle_lanes=idle)


@pytest.mark.parametrize("model", [sensor(), charlm()], ids=["features", "tokens"])
def test_a_stream_of_idle_lanes_does_nothing(model):
    stream = model.stream(3, idle_lanes=3)
    y = np.full((4, 3, output_size(model)), MARK, model.dtype)
    process_into(y, stream, spoil(input_for(model, 1, 4, 3), [0, 1, 2]))
    assert np.all(y == MARK) and stream.active_lanes == 0
    assert not any(part.any() for part in stream.state)


@pytest.mark.parametrize("model", [sensor(), charlm()], ids=["features", "tokens"])
def test_an_active_lane_is_looked_at_and_an_idle_one_is_not(model):
    stream = begun(model, 3)
    stream.leave(1)
    before = stream.state
    x = spoil(input_for(model, 1, 2, 3), [1])
    stream.process(x)
    stream.state = before
    stream.step(np.ascontiguousarray(x[0]))
    stream.state = before
    for lane in (0, 2):
        with pytest.raises((librnn.NaNError, librnn.ArgumentError), match="^x: expected"):
            stream.process(spoil(x, [lane]))
    assert_same_states(stream.state, before)


# ---- From lane to lane


def test_a_fork_of_a_lane_to_itself_changes_nothing():
    stream = begun(sensor(), 3)
    before = stream.state
    for lane in range(3):
        stream.fork(lane, lane)
    assert_same_states(stream.state, before)
    assert stream.active_lanes == 3


@pytest.mark.parametrize("name", ["linear", "embedding", "embedding and linear"])
def test_lanes_of_layers_without_a_state(name):
    model = stack(name, "float32")
    stream, x = model.stream(3, idle_lanes=1), noise(model, 3)
    expected = model.stream(3).step(x)
    stream.join(2, stream.export(0))
    stream.leave(0)
    stream.fork(2, 0)
    stream.copy(1, stream, 2)
    assert stream.state == () and stream.active_lanes == 3
    assert_same_bits(stream.step(x), expected)


@pytest.mark.parametrize("lane", [-1, 3, 2**40, -(2**63)])
def test_a_lane_that_is_not_there(lane):
    stream = begun(sensor(), 3)
    before, state = stream.state, stream.export()
    for act in (
        lambda: stream.export(lane),
        lambda: stream.join(lane),
        lambda: stream.join(lane, state),
        lambda: stream.leave(lane),
        lambda: stream.fork(lane, 0),
        lambda: stream.fork(0, lane),
        lambda: stream.copy(0, begun(sensor(), 3), lane),
    ):
        with pytest.raises(librnn.ArgumentError, match="lane: expected 0 to 2, got"):
            act()
    assert_same_states(stream.state, before)


@pytest.mark.parametrize("lane", [1.0, "1", None, np.array([1, 2])])
def test_a_lane_is_an_int(lane):
    stream = sensor().stream(3)
    for use in (stream.export, stream.join, stream.leave, lambda lane: stream.fork(lane, 0)):
        with pytest.raises(librnn.DTypeError, match="lane: expected an int"):
            use(lane)
    stream.leave(np.int8(1))
    assert stream.active_lanes == 2


def test_a_copy_to_a_stream_of_other_layers_is_refused():
    stream = begun(sensor(), 2)
    layers = [librnn.GRU(3, 4), librnn.Linear(4, 2, last=True)]
    for other in (charlm(), sensor("float32"), librnn.Model(*layers, dtype="float64")):
        target = other.stream(2, idle_lanes=1)
        with pytest.raises(librnn.ModelError, match="^other: expected a stream of"):
            stream.copy(0, target, 1)
        assert target.active_lanes == 1
    with pytest.raises(librnn.DTypeError, match="other: expected a Stream, got Model"):
        stream.copy(0, sensor(), 0)


# ---- Rows of idle lanes in Python's arrays


@pytest.mark.parametrize("model", [sensor(), charlm()], ids=["features", "tokens"])
def test_out_keeps_what_it_has_for_idle_lanes(model):
    stream, x = begun(model, 3), noise(model, 3)
    stream.leave(1)
    out = np.full((3, output_size(model)), MARK, model.dtype)
    stream.step(x, out)
    assert np.all(out[1] == MARK) and not np.any(out[[0, 2]] == MARK)


@pytest.mark.parametrize("model", [sensor(), charlm()], ids=["features", "tokens"])
def test_new_arrays_have_zeros_for_idle_lanes(model):
    """As the state has; not what a lane said before it left, nor what memory happened to hold."""
    stream, x = begun(model, 3), input_for(model, 1, 500, 3)
    stream.step(np.ascontiguousarray(x[0]))
    stream.leave(1)
    assert not stream.step(np.ascontiguousarray(x[0]))[1].any()
    for _ in range(5):
        used = np.full((500, 3, output_size(model)), MARK, model.dtype)
        del used
        assert not stream.process(x)[:, 1].any()
