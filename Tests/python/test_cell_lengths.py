"""Variable lengths of every cell, both ways too: a batch equals each sequence alone."""

import librnn
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cells import CELLS, NAMED, VARIANTS, batch_for, cell_models, model_of
from support import (
    assert_close,
    assert_dicts_close,
    assert_same_bits,
    assert_same_dicts,
    normal,
    still,
)
from test_lengths import ROWS, STEPS, garbage, of_row, padding, ragged

SUM = librnn.MSELoss("sum")
DTYPES = ("float64", "float32")
ALL = VARIANTS | NAMED


def assert_as_if_alone(model, seed):
    x, lengths = batch_for(model, seed, STEPS, ROWS)[0], ragged(seed, shortest=0)
    y, state = model(x, lengths)
    for row, length in enumerate(lengths):
        if length == 0:
            continue
        alone, end = model(np.ascontiguousarray(x[:length, row : row + 1]))
        assert_same_bits(np.ascontiguousarray(y[:length, row : row + 1]), alone)
        for t in range(length, STEPS):
            assert_same_bits(y[t, row], y[length - 1, row])
        for part, expected in zip(state, end, strict=True):
            assert_same_bits(np.ascontiguousarray(part[:, row : row + 1]), expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ALL)
def test_each_sequence_is_as_if_alone(name, dtype):
    assert_as_if_alone(model_of(ALL[name], dtype=dtype), 1)


@given(cell_models(dtypes=DTYPES), st.integers(0, 9))
def test_of_random_stacks(model, seed):
    assert_as_if_alone(model, seed)


@given(cell_models(dtypes=DTYPES), st.integers(0, 9))
def test_full_lengths_are_no_lengths_to_the_bit(model, seed):
    (x, y), full = batch_for(model, seed, STEPS, ROWS), [STEPS] * ROWS
    assert_same_bits(model(x, full)[0], model(x)[0])
    one, other = still(model, SUM, seed=seed), still(model, SUM, seed=seed)
    assert one.step(x, y).loss == other.step(x, y, full).loss
    assert_same_dicts(other.gradients(), one.gradients())


@given(cell_models(dtypes=DTYPES), st.integers(0, 9))
def test_padding_may_hold_anything(model, seed):
    """In training with all masks too."""
    (x, y), lengths = batch_for(model, seed, STEPS, ROWS), ragged(seed, shortest=0)
    bad_x, bad_y = garbage(x, model, lengths), garbage(y, model, lengths)
    clean, end = model(x, lengths)
    output, bad_end = model(bad_x, lengths)
    assert_same_bits(output, clean)
    for part, expected in zip(bad_end, end, strict=True):
        assert_same_bits(part, expected)
    one, other = still(model, SUM, seed=seed), still(model, SUM, seed=seed)
    assert one.step(x, y, lengths).loss == other.step(bad_x, bad_y, lengths).loss
    assert_same_dicts(other.gradients(), one.gradients())


@given(cell_models(), st.integers(0, 9))
def test_a_sequence_of_no_steps_keeps_its_state(model, seed):
    x, lengths = batch_for(model, seed, STEPS, ROWS)[0], ragged(seed, shortest=0)
    begin = tuple(normal(seed + i, *part.shape) for i, part in enumerate(model(x)[1]))
    _, end = model(x, lengths, begin)
    empty = lengths == 0
    for part, expected in zip(end, begin, strict=True):
        assert_same_bits(part[:, empty], expected[:, empty])


@given(cell_models(masks=False), st.integers(0, 9), st.booleans())
def test_gradients_are_the_sums_of_those_alone(model, seed, has_state):
    (x, y), lengths = batch_for(model, seed, STEPS, ROWS), ragged(seed)
    parts = model(x)[1]
    begin = tuple(0.3 * normal(i, *part.shape) for i, part in enumerate(parts))
    alone, total, sums = still(model, SUM), 0.0, dict.fromkeys(model.state_dict(), 0)
    for row, length in enumerate(lengths):
        own = [of_row(model, array, row, length) for array in (x, y)]
        state = [np.ascontiguousarray(part[:, row : row + 1]) for part in begin]
        total += alone.step(*own, state=state if has_state else None).loss
        sums = {name: sums[name] + value for name, value in alone.gradients().items()}
    together = still(model, SUM)
    result = together.step(x, y, lengths, state=begin if has_state else None)
    assert_close(result.loss, total)
    assert_dicts_close(together.gradients(), sums, bound=1e-11)


@given(cell_models(dtypes=DTYPES), st.integers(0, 9))
def test_a_row_does_not_see_the_others(model, seed):
    x, lengths = batch_for(model, seed, STEPS, ROWS)[0], ragged(seed)
    other = x.copy()
    other[:, 1:] = normal(seed + 50, *other[:, 1:].shape, dtype=model.dtype)
    assert_same_bits(model(other, lengths)[0][:, 0], model(x, lengths)[0][:, 0])


@pytest.mark.parametrize("name", ALL)
def test_what_an_earlier_step_left_at_padding_reaches_nothing(name):
    """Not NaN either, which nothing times zero is."""
    model = model_of(ALL[name])
    (x, y), lengths = batch_for(model, 1, STEPS, ROWS), ragged(1, shortest=0)
    one, other = still(model, SUM, seed=5), still(model, SUM, seed=5)
    for sign in (1, -1):
        assert one.step(x, y).step == other.step(np.full_like(x, sign * np.inf), y).step
    assert one.step(x, y, lengths).loss == other.step(x, y, lengths).loss
    assert_same_dicts(other.gradients(), one.gradients())


# ---- Both ways


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("merge", ["concat", "sum"])
def test_the_way_back_is_a_layer_of_turned_sequences(name, merge):
    """By two layers of one direction."""
    model = model_of(CELLS[name], size=4, bidirectional=True, merge=merge)
    forward, backward = (model_of(CELLS[name], size=4) for _ in range(2))
    values = model.state_dict()
    for one, suffix in ((forward, ""), (backward, "_reverse")):
        one.load_state_dict({key: values[key + suffix] for key in one.state_dict()})
    x, lengths = batch_for(model, 1, STEPS, ROWS)[0], ragged(2)
    turned, expected = x.copy(), np.zeros((STEPS, ROWS, 8))
    for row, length in enumerate(lengths):
        turned[:length, row] = x[:length, row][::-1]
    ways = [forward(x, lengths), backward(turned, lengths)]
    for row, length in enumerate(lengths):
        for t in range(STEPS):
            last = min(t, length - 1)
            pair = ways[0][0][last, row], ways[1][0][length - 1 - last, row]
            expected[t, row] = np.concatenate(pair)
    y, state = model(x, lengths)
    if merge == "sum":
        expected = expected[..., :4] + expected[..., 4:]
    assert_close(y, expected)
    for part, one, other in zip(state, ways[0][1], ways[1][1], strict=True):
        assert_same_bits(part, np.concatenate([one, other]))


def test_states_are_layer_by_layer_then_direction_by_direction():
    options = {"num_layers": 2, "bidirectional": True, "proj_size": 2}
    model = model_of((librnn.LSTM, options), 3, 5)
    x = normal(1, STEPS, ROWS, 3)
    assert [part.shape for part in model(x)[1]] == [(4, ROWS, 2), (4, ROWS, 5)]
    names = [name for name in model.state_dict() if "weight_hr" in name]
    assert names == [f"0.weight_hr_l{k}{way}" for k in (0, 1) for way in ("", "_reverse")]
    # A state of the upper backward level changes its half of the output alone.
    begin = [np.zeros_like(part) for part in model(x)[1]]
    before, _ = model(x, state=begin)
    begin[0][3] = 1.0
    after, _ = model(x, state=begin)
    assert_same_bits(after[..., :2], before[..., :2])
    assert np.all(after[-1, :, 2:] != before[-1, :, 2:])


def test_a_last_step_head_above_both_ways():
    """It sees the last step of each sequence, where the backward direction has just begun."""
    stack = [librnn.GRU(2, 3, bidirectional=True), librnn.Linear(6, 2, last=True)]
    model = librnn.Model(*stack, dtype="float64")
    x, lengths = normal(1, STEPS, ROWS, 2), ragged(2)
    y, _ = model(x, lengths)
    for row, length in enumerate(lengths):
        assert_close(y[row], model(np.ascontiguousarray(x[:length, row : row + 1]))[0][0])
    assert padding(lengths).any()


RESET = {
    "reset before": lambda: librnn.GRU(3, 4, reset_after=False),
    "projection": lambda: librnn.LSTM(3, 4, proj_size=2),
    "coupled": lambda: librnn.LSTM(3, 4, coupled=True, proj_size=2),
    "normalised": lambda: librnn.LSTM(3, 4, proj_size=2, layer_norm=True),
}


@pytest.mark.parametrize("name", RESET)
def test_padding_forgets_a_step_that_was_not_finite(name):
    """What that step left at the places of padding must not meet the gradient, zero as it is."""
    x = normal(1, STEPS, ROWS, 3)
    infinite, lengths = np.full_like(x, np.inf), [STEPS, *range(ROWS - 1)]
    trainers = [librnn.Trainer(librnn.Model(RESET[name](), dtype="float64"), SUM) for _ in "ab"]
    y = np.zeros_like(trainers[0].model(x)[0])
    assert trainers[0].step(infinite, y).skipped
    for trainer in trainers:
        assert not trainer.step(x, y, lengths).skipped
    assert_same_dicts(trainers[0].gradients(), trainers[1].gradients())


ADDED = {
    "residual": [librnn.MinGRU(3, 3, residual=True)],
    "skip": [librnn.GRU(3, 3), librnn.Linear(3, 2, skip=True, activation="tanh")],
}


@pytest.mark.parametrize("name", ADDED)
@pytest.mark.parametrize("options", [{}, {"bptt": 16}, {"recompute": True}], ids=repr)
def test_what_is_added_to_states_stays_at_padding(name, options):
    """Sequences that end many stretches before the longest."""
    model = librnn.Model(*ADDED[name])
    x, lengths = normal(2, 300, 2, 3).astype("float32"), [300, 10]
    y = model(x, lengths)[0]
    assert_same_bits(y[10:, 1], np.broadcast_to(y[9, 1], y[10:, 1].shape).copy())
    assert_same_bits(y[:, 0], model(np.ascontiguousarray(x[:, :1]))[0][:, 0])
    trainer = librnn.Trainer(model, SUM, librnn.SGD(lr=0.1), **options)
    assert np.isfinite(trainer.step(x, y, lengths).loss)
