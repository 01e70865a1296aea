"""The states of all lanes at once: out, in, between streams and sequences."""

import librnn
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams import DTYPES, assert_same_states, begun, charlm, noise, same, sensor, stack
from support import assert_same_bits, has_last_step, input_for, normal, stacks


@given(stacks(dtypes=DTYPES), st.integers(1, 4))
def test_reset_begins_again_to_the_bit(model, rows):
    x = noise(model, rows)
    stream = model.stream(rows)
    first = stream.step(x)
    stream.step(x)
    stream.reset()
    assert not any(part.any() for part in stream.state)
    assert_same_bits(stream.step(x), first)


@given(stacks(dtypes=DTYPES), st.integers(1, 4))
def test_a_state_can_be_taken_out_and_put_back(model, rows):
    x = input_for(model, 2, 3, rows)
    one, other = begun(model, rows), model.stream(rows)
    other.state = one.state
    assert_same_bits(other.process(x), one.process(x))
    assert_same_states(other.state, one.state)


@given(stacks(dtypes=DTYPES), st.integers(1, 4))
def test_a_state_goes_from_a_sequence_to_a_stream_and_back(model, rows):
    x = input_for(model, 1, 5, rows)
    whole, end = model(x)
    _, middle = model(x[:3])
    stream = model.stream(rows)
    stream.state = middle
    y = stream.process(x[3:])
    same(y[-1] if has_last_step(model) else y, whole if has_last_step(model) else whole[3:])
    for part, expected in zip(stream.state, end, strict=True):
        same(part, expected)
    same(model(x, state=stream.state)[0][-1], model(x, state=end)[0][-1])


def test_the_state_is_a_copy():
    stream = begun(sensor(), 1)
    (before,) = stream.state
    stream.state[0].fill(7)
    assert_same_bits(stream.state[0], before)


def test_a_bare_array_sets_a_state_of_one_part():
    stream = sensor().stream(2)
    h = normal(1, 1, 2, 4)
    stream.state = h
    assert_same_bits(stream.state[0], h)


def test_prepare_changes_nothing():
    for model in (sensor(), charlm(), stack("embedding and head", "float32")):
        stream, other = begun(model, 3), begun(model, 3)
        stream.leave(0)
        other.leave(0)
        stream.prepare()
        assert_same_states(stream.state, other.state)
        x = noise(model, 3, seed=2)
        assert_same_bits(stream.step(x)[1:], other.step(x)[1:])


def test_a_state_of_another_batch_or_with_nan_is_refused():
    stream = begun(charlm(), 2)
    before = stream.state
    other = begun(charlm(), 3).state
    broken = tuple(part.copy() for part in before)
    broken[1][1, 1, 4] = np.nan
    for kind, state in [(librnn.ShapeError, other), (librnn.NaNError, broken)]:
        with pytest.raises(kind, match="^state"):
            stream.state = state
    assert_same_states(stream.state, before)


def test_prepare_changes_nothing_beside_a_lane_whose_state_has_become_nan():
    model = librnn.Model(librnn.RNN(1, 2, nonlinearity="identity"), dtype="float64")
    weights = {name: np.zeros_like(value) for name, value in model.state_dict().items()}
    weights["0.weight_hh_l0"] = np.array([[2.0, 0], [0, 2]])
    model.load_state_dict(weights)
    stream = model.stream(2)
    stream.state = np.array([[[np.inf, 0], [1, 1]]])  # 0 * infinity at the next step
    stream.step(np.zeros((2, 1)))
    before = stream.state
    assert np.isnan(before[0][0, 0]).any()
    stream.prepare()
    assert_same_states(stream.state, before)
