"""Streaming, one step at a time: what goes in, what comes out, and how long a stream lives."""

import librnn
import numpy as np
import pytest

from streams import assert_same_states, begun, charlm, noise, same, sensor, stepped
from support import assert_same_bits, at_once, integers, normal

# ---- What goes in


@pytest.mark.parametrize("token", [3, np.int8(3), np.array([3]), np.array([3], dtype=np.int32)])
def test_a_token_comes_in_any_width(token):
    model = charlm()
    expected, _ = model(np.array([[3]]))
    same(model.stream().step(token), expected[0])


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_tokens_of_a_batch_come_in_both_widths(dtype):
    model, x = charlm(), integers(1, 9, 4, 3)
    stream, other = model.stream(3), model.stream(3)
    for step in x:
        assert_same_bits(stream.step(step.astype(dtype)), other.step(step))


def test_a_failed_step_leaves_the_state():
    stream = begun(sensor(), 1)
    before = stream.state
    for kind, x in [
        (librnn.NaNError, np.full((1, 3), np.nan)),
        (librnn.ShapeError, normal(1, 2, 3)),
        (librnn.ShapeError, normal(1, 3)),
        (librnn.DTypeError, normal(1, 1, 3, dtype="float32")),
        (librnn.DTypeError, normal(1, 1, 3).astype(">f8")),
        (librnn.ArgumentError, np.asfortranarray(normal(1, 2, 3))[::2]),
    ]:
        with pytest.raises(kind, match="^x: expected"):
            stream.step(x)
    assert_same_states(stream.state, before)


def test_a_step_copies_what_it_is_given():
    stream, x = sensor().stream(), normal(1, 1, 3)
    kept = x.copy()
    stream.step(x)
    assert_same_bits(x, kept)
    x.flags.writeable = False
    assert_same_bits(sensor().stream().step(x), sensor().stream().step(kept))


# ---- What comes out


def test_each_step_has_an_array_of_its_own():
    stream = sensor().stream()
    first = stream.step(normal(1, 1, 3))
    before = first.copy()
    stream.step(normal(2, 1, 3))
    assert_same_bits(first, before)


def test_out_is_written_and_returned():
    model, x = sensor(), normal(1, 2, 3)
    out = np.full((2, 2), 7.0)
    result = model.stream(2).step(x, out=out)
    assert result is out
    assert_same_bits(out, model.stream(2).step(x))


def test_out_of_tokens_is_written_step_after_step():
    model, x, out = charlm("float32"), integers(1, 9, 6, 2), np.empty((2, 9), np.float32)
    stream = model.stream(2)
    for step, expected in zip(x, stepped(model.stream(2), x), strict=True):
        assert_same_bits(stream.step(step, out), expected)


def test_an_out_that_is_refused_is_not_written_and_changes_nothing():
    model = sensor()
    stream, x = begun(model, 2), noise(model, 2)
    before, memory = stream.state, np.full((4, 3), 7.0)
    fixed = np.full((2, 2), 7.0)
    fixed.flags.writeable = False
    for kind, out in [
        (librnn.ShapeError, np.full((2, 3), 7.0)),
        (librnn.ShapeError, np.full(4, 7.0)),
        (librnn.DTypeError, np.full((2, 2), 7, np.float32)),
        (librnn.DTypeError, [[7.0, 7.0]] * 2),
        (librnn.ArgumentError, memory[:2, :2]),
        (librnn.ArgumentError, fixed),
    ]:
        with pytest.raises(kind, match="^out: expected"):
            stream.step(x, out)
        assert np.all(np.asarray(out) == 7)
    with pytest.raises(librnn.ArgumentError, match="^out: expected memory of its own"):
        square = librnn.Model(librnn.Linear(3, 3), dtype="float64").stream(4)
        square.step(memory, memory)
    with pytest.raises(librnn.NaNError):
        stream.step(np.full((2, 3), np.nan), out := np.full((2, 2), 7.0))
    assert np.all(out == 7)
    assert_same_states(stream.state, before)


# ---- How long it lives


def test_streams_of_one_model_are_independent():
    model, x = sensor(), normal(1, 5, 1, 3)
    alone = stepped(model.stream(), x)
    first, second = model.stream(), model.stream()
    for step, expected in zip(x, alone, strict=True):
        second.step(-step)
        assert_same_bits(first.step(step), expected)


def test_a_stream_outlives_its_model():
    model, x = sensor(), normal(1, 2, 1, 3)
    expected, _ = model(x)
    stream = model.stream()
    same(stream.step(x[0]), expected[0])
    model.close()
    del model
    same(stream.step(x[1]), expected[1])


def test_one_model_streams_on_many_threads():
    model, x = charlm(), integers(1, 9, 50)
    reference = model.stream()
    expected = np.stack([reference.step(int(token)) for token in x])
    results = [None] * 8

    def run(place):
        stream = model.stream()
        results[place] = np.stack([stream.step(int(token)) for token in x])

    at_once(run, len(results))
    for result in results:
        assert_same_bits(result, expected)


def test_what_a_stream_says_of_itself():
    for dtype, size in [("float64", 8), ("float32", 4)]:
        model = sensor(dtype)
        stream = model.stream(3, idle_lanes=1)
        assert stream.batch_size == 3 and stream.active_lanes == 2 and stream.swaps == 0
        assert stream.weight_bytes >= size * model.num_parameters
        assert len(stream.export()) == len(model.stream(1).export())


def test_a_stream_is_closed_once():
    with charlm().stream(batch_size=2) as stream:
        assert stream.batch_size == 2 and not stream.closed
    stream.close()
    assert stream.closed


CLOSED = {
    "step": lambda stream: stream.step(normal(1, 1, 3)),
    "step with out": lambda stream: stream.step(normal(1, 1, 3), np.zeros((1, 2))),
    "process": lambda stream: stream.process(normal(1, 4, 1, 3)),
    "prepare": lambda stream: stream.prepare(),
    "reset": lambda stream: stream.reset(),
    "state": lambda stream: stream.state,
    "set state": lambda stream: setattr(stream, "state", normal(1, 1, 1, 4)),
    "export": lambda stream: stream.export(),
    "join": lambda stream: stream.join(),
    "leave": lambda stream: stream.leave(0),
    "fork": lambda stream: stream.fork(0, 0),
    "copy": lambda stream: stream.copy(0, sensor().stream(), 0),
    "copy to it": lambda stream: sensor().stream().copy(0, stream, 0),
    "swap": lambda stream: stream.swap(sensor()),
    "active lanes": lambda stream: stream.active_lanes,
    "weight bytes": lambda stream: stream.weight_bytes,
    "swaps": lambda stream: stream.swaps,
}


@pytest.mark.parametrize("use", CLOSED)
def test_a_closed_stream_says_so(use):
    stream = sensor().stream()
    stream.close()
    others = [begun(sensor(), 1) for _ in range(10)]  # perhaps in the place of the closed one
    before = [other.state for other in others]
    with pytest.raises(librnn.HandleError, match="^stream: expected an open Stream, got a closed"):
        CLOSED[use](stream)
    for other, state in zip(others, before, strict=True):
        assert_same_states(other.state, state)
