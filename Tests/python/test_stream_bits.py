"""Steps, blocks of steps, whole sequences and training compute the same bits."""

import librnn
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams import DTYPES, STACKS, WIDTHS, assert_same_states, same, sensor, stack, stepped
from support import (
    assert_same_bits,
    has_last_step,
    input_for,
    normal,
    stacks,
    target_for,
    uniform,
)

TINY = {"float64": 5e-310, "float32": 1e-40}
CHUNKS = st.lists(st.integers(1, 5), min_size=1, max_size=5)


def in_chunks(stream, x, chunks):
    """The outputs of blocks of these sizes; a block of one step goes by `step` or `process`."""
    outputs, start = [], 0
    for count in chunks:
        part = x[start : start + count]
        outputs.append(stepped(stream, part) if count == 1 else stream.process(part))
        start += count
    return np.concatenate(outputs)


def step_of_training(model, x, **options):
    """The outputs before an update, and the final state."""
    loss = librnn.MSELoss()
    trainer = librnn.Trainer(model, loss, librnn.SGD(lr=0.1), **options)
    y = target_for(model, loss, 2, *x.shape[:2])
    batch = trainer._batch(x, y, None, None, None)
    output = batch.add_output()
    result = trainer._run(librnn._c_api.lib.rnn_trainer_step, trainer._handle, batch)
    return output, result.state


def assert_all_ways_are_one(model, x, chunks):
    rows = x.shape[1]
    one, other = model.stream(rows), model.stream(rows)
    outputs = stepped(one, x)
    assert outputs.shape[:2] == x.shape[:2] and outputs.dtype == model.dtype
    assert_same_bits(in_chunks(other, x, chunks), outputs)
    assert_same_states(other.state, one.state)
    whole, end = model(x)
    same(outputs[-1] if has_last_step(model) else outputs, whole, "whole sequence")
    for part, expected in zip(one.state, end, strict=True):
        same(part, expected, "state")


# ---- Any model


@given(stacks(dtypes=DTYPES), CHUNKS, st.integers(1, 9))
def test_steps_blocks_and_the_whole_sequence(model, chunks, rows):
    assert_all_ways_are_one(model, input_for(model, 1, sum(chunks), rows), chunks)


@given(
    stacks(dtypes=DTYPES),
    CHUNKS,
    st.integers(1, 9),
    st.sampled_from([{}, {"bptt": 2}, {"recompute": True}, {"clip_step_norm": 0.1}]),
)
def test_what_training_computes_before_its_update(model, chunks, rows, options):
    x = input_for(model, 1, sum(chunks), rows)
    stream = model.stream(rows)
    outputs = in_chunks(stream, x, chunks)
    trained, end = step_of_training(model, x, **options)
    same(outputs[-1] if has_last_step(model) else outputs, trained, "training")
    for part, expected in zip(stream.state, end, strict=True):
        same(part, expected, "state")


@given(stacks(dtypes=DTYPES), st.integers(1, 20), st.integers(2, 15), st.data())
def test_a_row_does_not_see_the_others(model, steps, rows, data):
    first = data.draw(st.integers(0, rows - 1))
    part = slice(first, data.draw(st.integers(first + 1, rows)))
    x = input_for(model, 1, steps, rows)
    axis = 0 if has_last_step(model) else 1
    whole = np.moveaxis(model(x)[0], axis, 0)[part]
    alone = np.moveaxis(model(np.ascontiguousarray(x[:, part]))[0], axis, 0)
    same(np.ascontiguousarray(alone), np.ascontiguousarray(whole), "rows")


@given(stacks(dtypes=DTYPES), st.integers(1, 4))
def test_a_last_step_head_answers_at_every_step(model, rows):
    x = input_for(model, 1, 4, rows)
    y = model.stream(rows).process(x)
    for t in range(len(x)):
        prefix, _ = model(x[: t + 1])
        same(y[t], prefix if has_last_step(model) else prefix[-1])


# ---- Chosen models


@pytest.mark.parametrize("rows", [1, 2, 7])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", STACKS)
def test_layers_of_every_kind_in_every_place(name, dtype, rows):
    model = stack(name, dtype)
    assert_all_ways_are_one(model, input_for(model, 1, 8, rows), [1, 2, 1, 1, 3])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", [librnn.RNN, librnn.GRU, librnn.LSTM])
@pytest.mark.parametrize("units", WIDTHS)
def test_sizes_around_those_of_vectors(units, kind, dtype):
    inputs = WIDTHS[-1 - WIDTHS.index(units)]
    layers = [kind(inputs, units, 3), librnn.Linear(units, units), kind(units, inputs)]
    model = librnn.Model(*layers, dtype=dtype, seed=units)
    for rows in (1, 3):
        assert_all_ways_are_one(model, input_for(model, 1, 5, rows), [1, 3, 1])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", [librnn.RNN, librnn.GRU, librnn.LSTM])
def test_any_number_of_units(kind, dtype):
    for units in range(1, 100):
        model = librnn.Model(kind(2, units), dtype=dtype, seed=units)
        for rows in (1, 2):
            x = normal(units, 3, rows, 2, dtype=dtype)
            same(stepped(model.stream(rows), x), model(x)[0], f"{units} units, {rows} rows")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", [librnn.RNN, librnn.GRU, librnn.LSTM])
@pytest.mark.parametrize("units", [16, 33])
def test_every_lane_of_a_large_batch_is_as_alone(units, kind, dtype):
    model = librnn.Model(kind(3, units, 2), librnn.Linear(units, 5), dtype=dtype, seed=1)
    for rows in (2, 5, 6, 7, 12, 13, 29):
        x = normal(rows, 4, rows, 3, dtype=dtype)
        together = model.stream(rows).process(x)
        for row in range(rows):
            alone = model.stream().process(np.ascontiguousarray(x[:, row : row + 1]))
            assert_same_bits(together[:, row : row + 1].copy(), alone)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_a_stream_and_a_sequence_on_several_threads(threads):
    librnn.set_num_threads(threads)
    model = librnn.Model(librnn.LSTM(16, 128), librnn.Linear(128, 16), seed=1)
    assert_all_ways_are_one(model, normal(1, 20, 33, 16, dtype="float32"), [1, 19])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("scale", ["tiny", "huge", "zero"])
def test_numbers_at_the_ends_of_the_range(dtype, scale):
    """Those too small to be normal count as zero, large ones saturate."""
    model = sensor(dtype, seed=1)
    factor = {"tiny": TINY[dtype], "huge": np.finfo(dtype).max / 8, "zero": -0.0}[scale]
    x = (uniform(1, 6, 3, 3) * factor).astype(dtype)
    assert_all_ways_are_one(model, x, [2, 1, 3])
    if scale == "tiny":
        assert_same_bits(model.stream(3).process(x), model.stream(3).process(np.zeros_like(x)))


# ---- Arrays of `process`


@given(stacks(dtypes=DTYPES), CHUNKS, st.integers(1, 4))
def test_a_model_that_is_batch_first(model, chunks, rows):
    turned = librnn.Model(*model.layers, dtype=model.dtype, batch_first=True)
    turned.load_state_dict(model.state_dict())
    x = input_for(model, 1, sum(chunks), rows)
    y = turned.stream(rows).process(x.swapaxes(0, 1))
    assert y.shape[:2] == (rows, len(x)) and y.flags.c_contiguous
    expected = model.stream(rows).process(x)
    assert_same_bits(np.ascontiguousarray(y.swapaxes(0, 1)), expected)
    assert_same_bits(stepped(turned.stream(rows), x), expected)


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_blocks_of_tokens_come_in_both_widths(dtype):
    model = stack("embedding and head", "float32")
    x = input_for(model, 1, 5, 3)
    assert_same_bits(model.stream(3).process(x.astype(dtype)), stepped(model.stream(3), x))


@pytest.mark.parametrize(
    "kind, x",
    [
        (librnn.ShapeError, normal(1, 0, 2, 3)),
        (librnn.ShapeError, normal(1, 2, 3)),
        (librnn.ShapeError, normal(1, 5, 3, 3)),
        (librnn.ShapeError, normal(1, 5, 2, 2)),
        (librnn.DTypeError, normal(1, 5, 2, 3, dtype="float32")),
        (librnn.DTypeError, [[[0.0] * 3] * 2]),
        (librnn.ArgumentError, normal(1, 2, 5, 3).swapaxes(0, 1)),
        (librnn.NaNError, np.where(np.arange(30).reshape(5, 2, 3) == 29, np.nan, 0)),
    ],
)
def test_a_block_that_is_refused_changes_nothing(kind, x):
    stream = sensor().stream(2)
    stream.process(normal(1, 3, 2, 3))
    before = stream.state
    with pytest.raises(kind, match="^(x|input): expected"):
        stream.process(x)
    assert_same_states(stream.state, before)


def test_a_token_out_of_range_in_a_block_changes_nothing():
    model = stack("embedding and head", "float64")
    stream, x = model.stream(2), input_for(model, 1, 4, 2)
    stream.process(x)
    before = stream.state
    for token in (-1, 5, 2**62, -(2**62)):
        x[3, 1] = token
        with pytest.raises(librnn.ArgumentError, match=str(token)):
            stream.process(x)
    assert_same_states(stream.state, before)
