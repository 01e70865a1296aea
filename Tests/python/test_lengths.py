"""Variable lengths: a batch of ragged sequences equals each of them alone, whatever the padding."""

import librnn
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from support import (
    LOSSES,
    assert_close,
    assert_dicts_close,
    assert_same_bits,
    assert_same_dicts,
    has_last_step,
    input_for,
    integers,
    normal,
    perturbed,
    stacks,
    still,
    target_for,
    weights_for,
)

STEPS, ROWS = 6, 4


def ragged(seed, shortest=1):
    """Lengths in shortest .. STEPS, one of them STEPS and one the shortest."""
    lengths = integers(seed, STEPS + 1 - shortest, ROWS) + shortest
    lengths[seed % ROWS], lengths[(seed + 1) % ROWS] = STEPS, shortest
    return lengths


def padding(lengths):
    """Where [T, B] is beyond a sequence's end."""
    return np.arange(STEPS)[:, None] >= lengths


def of_row(model, array, row, length):
    """One sequence of a batch without its padding; targets of a last-step head have no T."""
    if array is None or (has_last_step(model) and array.shape[0] == ROWS):
        return None if array is None else array[row : row + 1]
    return np.ascontiguousarray(array[:length, row : row + 1])


# ---- Inference


@given(stacks(dtypes=("float64", "float32")), st.integers(0, 9))
def test_each_sequence_is_as_if_alone(model, seed):
    x, lengths = input_for(model, seed, STEPS, ROWS), ragged(seed)
    y, state = model(x, lengths=lengths)
    for row, length in enumerate(lengths):
        alone, end = model(np.ascontiguousarray(x[:length, row : row + 1]))
        got = y[row : row + 1] if has_last_step(model) else y[:length, row : row + 1]
        assert_close(got, alone, "y")
        for part, expected in zip(state, end, strict=True):
            assert_close(part[:, row : row + 1], expected, "state")


@given(stacks(), st.integers(0, 9))
def test_outputs_keep_their_last_value_after_the_end(model, seed):
    if has_last_step(model):
        model = librnn.Model(*model.layers[:-1], dtype="float64")
    lengths = ragged(seed)
    y, _ = model(input_for(model, seed, STEPS, ROWS), lengths=lengths)
    for row, length in enumerate(lengths):
        for t in range(length, STEPS):
            assert_same_bits(y[t, row], y[length - 1, row])


@given(stacks(), st.integers(0, 9))
def test_a_sequence_of_no_steps_keeps_its_state(model, seed):
    if has_last_step(model):
        model = librnn.Model(*model.layers[:-1], dtype="float64")
    x, lengths = input_for(model, seed, STEPS, ROWS), ragged(seed, shortest=0)
    begin = tuple(normal(seed + i, *part.shape) for i, part in enumerate(model(x)[1]))
    _, end = model(x, lengths, begin)
    empty = lengths == 0
    assert empty.any()
    for part, expected in zip(end, begin, strict=True):
        assert_same_bits(part[:, empty], expected[:, empty])


@given(stacks(dtypes=("float64", "float32")))
def test_full_lengths_are_no_lengths_to_the_bit(model):
    x = input_for(model, 1, STEPS, ROWS)
    y, state = model(x)
    y_full, state_full = model(x, lengths=[STEPS] * ROWS)
    assert_same_bits(y_full, y)
    for part, expected in zip(state_full, state, strict=True):
        assert_same_bits(part, expected)


@pytest.mark.parametrize("kind", [list, tuple, np.int8, np.int32, np.uint64, np.int64, "strided"])
def test_lengths_come_in_many_forms(kind):
    model = librnn.Model(librnn.GRU(3, 4), dtype="float64")
    x, lengths = normal(1, STEPS, ROWS, 3), ragged(2)
    expected, _ = model(x, lengths=lengths)
    if kind in (list, tuple):
        given_lengths = kind(map(int, lengths))
    elif kind == "strided":
        given_lengths = np.repeat(lengths, 2)[::2]
    else:
        given_lengths = lengths.astype(kind)
    assert_same_bits(model(x, lengths=given_lengths)[0], expected)


# ---- Padding


def garbage(x, model, lengths):
    """The same sequences with the worst there is in their padding."""
    worst = x.copy()
    worst[padding(lengths)] = -(2**31) if x.dtype.kind == "i" else np.nan
    return worst


@given(stacks(dtypes=("float64", "float32")), st.integers(0, 9))
def test_padding_is_not_looked_at(model, seed):
    x, lengths = input_for(model, seed, STEPS, ROWS), ragged(seed)
    y, state = model(x, lengths)
    y_again, state_again = model(garbage(x, model, lengths), lengths)
    assert_same_bits(y_again, y)
    for part, expected in zip(state_again, state, strict=True):
        assert_same_bits(part, expected)


@given(stacks(dtypes=("float64", "float32")), st.sampled_from(LOSSES), st.integers(0, 9))
def test_padding_reaches_neither_loss_nor_gradient(model, loss, seed):
    x, y = input_for(model, seed, STEPS, ROWS), target_for(model, loss, seed, STEPS, ROWS)
    weights, lengths = weights_for(model, seed, STEPS, ROWS), ragged(seed)
    clean, worst = still(model, loss), still(model, loss)
    expected = clean.step(x, y, lengths, weights=weights)
    if not has_last_step(model):
        y, weights = garbage(y, model, lengths), garbage(weights, model, lengths)
    result = worst.step(garbage(x, model, lengths), y, lengths, weights=weights)
    assert (result.loss, result.grad_norm) == (expected.loss, expected.grad_norm)
    assert_same_dicts(worst.gradients(), clean.gradients())
    for part, end in zip(result.state, expected.state, strict=True):
        assert_same_bits(part, end)


def test_an_ignored_label_in_the_padding_is_still_padding():
    model = librnn.Model(librnn.GRU(3, 5), dtype="float64")
    x, y, lengths = normal(1, STEPS, ROWS, 3), integers(2, 5, STEPS, ROWS), ragged(3)
    trainer = still(model, librnn.CrossEntropyLoss())
    expected = trainer.step(x, y, lengths).loss
    y[padding(lengths)] = -100
    assert trainer.step(x, y, lengths).loss == expected
    assert_close(trainer.step(x, y).loss, reference.loss(trainer.loss, model(x)[0], y))


# ---- Training


@given(stacks(), st.sampled_from(LOSSES), st.integers(0, 9), st.booleans())
def test_loss_and_gradient_are_the_sums_over_the_sequences_alone(model, loss, seed, weighted):
    x, y = input_for(model, seed, STEPS, ROWS), target_for(model, loss, seed, STEPS, ROWS)
    weights = weights_for(model, seed, STEPS, ROWS) if weighted else None
    lengths, alone = ragged(seed), still(model, type(loss)(reduction="sum"))
    total, sums, mass = 0.0, {name: 0 for name in model.state_dict()}, 0.0
    for row, length in enumerate(lengths):
        own = [of_row(model, array, row, length) for array in (x, y, weights)]
        total += alone.step(own[0], own[1], weights=own[2]).loss
        sums = {name: sums[name] + value for name, value in alone.gradients().items()}
        steps = 1 if has_last_step(model) else length
        mass += steps if own[2] is None else own[2].sum()
    if loss.reduction == "mean":
        width = 1 if isinstance(loss, librnn.CrossEntropyLoss) else y.shape[-1]
        total, sums = total / (mass * width), {n: v / (mass * width) for n, v in sums.items()}
    trainer = still(model, loss)
    assert_close(trainer.step(x, y, lengths, weights=weights).loss, total)
    assert_dicts_close(trainer.gradients(), sums)
    assert_close(trainer.evaluate(x, y, lengths, weights=weights).loss, total)


@given(stacks(), st.integers(0, 9))
def test_a_sequence_of_no_steps_adds_nothing(model, seed):
    if has_last_step(model):
        model = perturbed(librnn.Model(*model.layers[:-1], dtype="float64"), seed)
    loss = librnn.MSELoss()
    x, y = input_for(model, seed, STEPS, ROWS), target_for(model, loss, seed, STEPS, ROWS)
    lengths = ragged(seed, shortest=0)
    kept = lengths > 0
    whole, without = still(model, loss), still(model, loss)
    expected = without.step(
        np.ascontiguousarray(x[:, kept]), np.ascontiguousarray(y[:, kept]), lengths[kept]
    )
    assert_close(whole.step(x, y, lengths).loss, expected.loss)
    assert_dicts_close(whole.gradients(), without.gradients())


def test_a_batch_of_nothing_but_padding_is_skipped():
    model = librnn.Model(librnn.GRU(3, 2))
    before = model.state_dict()
    x, y = normal(1, 3, 2, 3, dtype="float32"), normal(2, 3, 2, 2, dtype="float32")
    result = librnn.Trainer(model, librnn.MSELoss()).step(x, y, lengths=[0, 0])
    assert np.isnan(result.loss) and result.skipped
    assert_same_dicts(model.state_dict(), before)
