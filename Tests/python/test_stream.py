"""Streaming: equal to the whole sequence, one step at a time, without surprises."""

import os
import threading

import librnn
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support import (
    assert_close,
    assert_same_bits,
    has_last_step,
    input_for,
    integers,
    normal,
    output_size,
    stacks,
)

# To the bit, but for OpenBLAS, which sums in another order for every shape.
same = assert_close if os.environ.get("LIBRNN_PRODUCTS") == "blas" else assert_same_bits


def charlm(**options):
    stack = [librnn.Embedding(9, 4), librnn.LSTM(4, 5, num_layers=2), librnn.Linear(5, 9)]
    return librnn.Model(*stack, dtype="float64", **options)


def sensor(**options):
    return librnn.Model(librnn.GRU(3, 4), librnn.Linear(4, 2), dtype="float64", **options)


@given(stacks(dtypes=("float64", "float32")), st.integers(1, 7), st.integers(1, 5))
def test_steps_are_the_whole_sequence(model, steps, rows):
    x = input_for(model, 1, steps, rows)
    whole, end = model(x)
    stream = model.stream(rows)
    outputs = np.stack([stream.step(np.ascontiguousarray(step)) for step in x])
    same(outputs[-1] if has_last_step(model) else outputs, whole, "y")
    for part, expected in zip(stream.state, end, strict=True):
        same(part, expected, "state")


@given(stacks(dtypes=("float64", "float32")), st.integers(1, 20), st.integers(2, 15), st.data())
def test_a_row_does_not_see_the_others(model, steps, rows, data):
    first = data.draw(st.integers(0, rows - 1))
    part = slice(first, data.draw(st.integers(first + 1, rows)))
    x = input_for(model, 1, steps, rows)
    axis = 0 if has_last_step(model) else 1
    whole = np.moveaxis(model(x)[0], axis, 0)[part]
    alone = np.moveaxis(model(np.ascontiguousarray(x[:, part]))[0], axis, 0)
    same(np.ascontiguousarray(alone), np.ascontiguousarray(whole), "rows")


@given(stacks(), st.integers(1, 4))
def test_a_last_step_head_answers_at_every_step(model, rows):
    stream = model.stream(rows)
    for t, x in enumerate(input_for(model, 1, 3, rows)):
        y = stream.step(np.ascontiguousarray(x))
        assert y.shape == (rows, output_size(model)) and y.dtype == model.dtype
        prefix, _ = model(input_for(model, 1, 3, rows)[: t + 1])
        assert_close(y, prefix if has_last_step(model) else prefix[-1])


@given(stacks(dtypes=("float64", "float32")), st.integers(1, 4))
def test_reset_begins_again_to_the_bit(model, rows):
    x = np.ascontiguousarray(input_for(model, 1, 1, rows)[0])
    stream = model.stream(rows)
    first = stream.step(x)
    stream.step(x)
    stream.reset()
    assert not any(part.any() for part in stream.state)
    assert_same_bits(stream.step(x), first)


@given(stacks(dtypes=("float64", "float32")), st.integers(1, 4))
def test_a_state_can_be_taken_out_and_put_back(model, rows):
    x = input_for(model, 1, 4, rows)
    one, other = model.stream(rows), model.stream(rows)
    for step in x[:2]:
        one.step(np.ascontiguousarray(step))
    other.state = one.state
    for step in x[2:]:
        step = np.ascontiguousarray(step)
        assert_same_bits(other.step(step), one.step(step))


def test_the_state_is_a_copy():
    stream = sensor().stream()
    stream.step(normal(1, 1, 3))
    (before,) = stream.state
    stream.state[0].fill(7)
    assert_same_bits(stream.state[0], before)


def test_a_bare_array_sets_a_state_of_one_part():
    stream = sensor().stream(2)
    h = normal(1, 1, 2, 4)
    stream.state = h
    assert_same_bits(stream.state[0], h)


def test_the_state_continues_a_batch():
    model, x = charlm(), integers(1, 9, 6, 3)
    whole, _ = model(x)
    _, middle = model(x[:5])
    stream = model.stream(batch_size=3)
    stream.state = middle
    assert_close(stream.step(x[5]), whole[5])


def test_out_is_written_and_returned():
    model, x = sensor(), normal(1, 2, 3)
    out = np.full((2, 2), 7.0)
    result = model.stream(2).step(x, out=out)
    assert result is out
    assert_same_bits(out, model.stream(2).step(x))


def test_each_step_has_an_array_of_its_own():
    stream = sensor().stream()
    first = stream.step(normal(1, 1, 3))
    before = first.copy()
    stream.step(normal(2, 1, 3))
    assert_same_bits(first, before)


@pytest.mark.parametrize("token", [3, np.int8(3), np.array([3]), np.array([3], dtype=np.int32)])
def test_a_token_comes_in_any_width(token):
    model = charlm()
    expected, _ = model(np.array([[3]]))
    assert_close(model.stream().step(token), expected[0])


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_tokens_of_a_batch_come_in_both_widths(dtype):
    model, x = charlm(), integers(1, 9, 4, 3)
    stream, other = model.stream(3), model.stream(3)
    for step in x:
        assert_same_bits(stream.step(step.astype(dtype)), other.step(step))


def test_a_failed_step_leaves_the_state():
    stream = sensor().stream()
    stream.step(normal(1, 1, 3))
    (before,) = stream.state
    with pytest.raises(librnn.NaNError):
        stream.step(np.full((1, 3), np.nan))
    with pytest.raises(librnn.ShapeError):
        stream.step(normal(1, 2, 3))
    assert_same_bits(stream.state[0], before)


def test_streams_of_one_model_are_independent():
    model, x = sensor(), normal(1, 5, 1, 3)
    alone = [y.copy() for stream in [model.stream()] for y in map(stream.step, x)]
    first, second = model.stream(), model.stream()
    for step, expected in zip(x, alone, strict=True):
        second.step(-step)
        assert_same_bits(first.step(step), expected)


def trained(model, x, y):
    librnn.Trainer(model, librnn.MSELoss(), librnn.SGD(lr=0.5)).step(x, y)
    return model


def test_a_stream_has_the_weights_of_its_beginning_until_it_is_given_others():
    model, x = sensor(), normal(1, 3, 1, 3)
    before, _ = model(x)
    stream = model.stream()
    y = stream.step(x[0])
    trained(model, x[:1], y[None] + 1)
    assert_same_bits(stream.step(x[1]), before[1])
    state = stream.state
    stream.swap(model)
    assert stream.swaps == 0
    assert_same_bits(stream.step(x[2]), model(x[2:], state=state)[0][0])
    assert stream.swaps == 1


def test_a_stream_outlives_its_model():
    model, x = sensor(), normal(1, 2, 1, 3)
    expected, _ = model(x)
    stream = model.stream()
    assert_close(stream.step(x[0]), expected[0])
    model.close()
    del model
    assert_close(stream.step(x[1]), expected[1])


def test_one_model_streams_on_many_threads():
    model, x = charlm(), integers(1, 9, 50)
    reference = model.stream()
    expected = np.stack([reference.step(int(token)) for token in x])
    results = [None] * 8

    def run(place):
        stream = model.stream()
        results[place] = np.stack([stream.step(int(token)) for token in x])

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(results))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results:
        assert_same_bits(result, expected)


def test_a_stream_is_closed_once():
    with charlm().stream(batch_size=2) as stream:
        assert stream.batch_size == 2 and not stream.closed
    stream.close()
    assert stream.closed
