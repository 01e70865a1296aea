"""Streams of every cell: steps, blocks and whole sequences compute the same bits."""

import librnn
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cells import (
    ACTIVATED,
    CELLS,
    FORWARD,
    FUNCTIONS,
    cell_models,
    model_of,
)
from streams import DTYPES, WIDTHS, answers, assert_same_states, same, spoil, stepped
from support import assert_close, assert_same_bits, input_for, integers, normal, perturbed

STEPS = 7


def assert_all_ways_are_one(model, rows, steps=STEPS):
    x = input_for(model, 1, steps, rows)
    one, other = model.stream(rows), model.stream(rows)
    outputs = stepped(one, x)
    assert_same_bits(np.concatenate([other.process(x[:3]), other.process(x[3:])]), outputs)
    assert_same_states(other.state, one.state)
    whole, end = model(x)
    same(outputs, whole, "whole sequence")
    for part, expected in zip(one.state, end, strict=True):
        same(part, expected, "state")
    for row in range(rows):
        alone = model.stream()
        for t in range(steps):
            assert_same_bits(alone.step(x[t, row : row + 1])[0], outputs[t, row], "a lane alone")


# ---- Steps, blocks, sequences, lanes


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", FORWARD | ACTIVATED)
def test_every_cell_streams_as_it_runs(name, dtype):
    assert_all_ways_are_one(model_of((FORWARD | ACTIVATED)[name], dtype=dtype), 3)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", WIDTHS[2:])
@pytest.mark.parametrize("name", CELLS)
def test_around_the_width_of_vectors(name, size, dtype):
    options = {"layer_norm": True} if "before" not in name else {}
    if "LSTM" in name and "Min" not in name:
        options |= {"peepholes": True, "proj_size": size // 2}
    model = model_of(CELLS[name], 5, size, dtype, num_layers=2, residual=True, **options)
    assert_all_ways_are_one(model, 5, 4)


@given(cell_models(dtypes=DTYPES, both_ways=False), st.integers(1, 9))
def test_random_stacks(model, rows):
    assert_all_ways_are_one(model, rows)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("function", FUNCTIONS, ids=str)
def test_linear_layers(function, dtype):
    """With a function, and with what the model reads added."""
    stack = [librnn.Linear(5, 9, activation=function), librnn.GRU(9, 4)]
    stack.append(librnn.Linear(4, 3, activation=function, skip=True))
    assert_all_ways_are_one(perturbed(librnn.Model(*stack, dtype=dtype), 3), 4)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_head_tied_to_the_embedding(dtype):
    stack = [librnn.Embedding(11, 4), librnn.LSTM(4, 4), librnn.Linear(4, 11, tied=True)]
    model = perturbed(librnn.Model(*stack, dtype=dtype), 3)
    x = integers(1, 11, STEPS, 3)
    stream = model.stream(3)
    same(stepped(stream, x), model(x)[0])
    assert_same_bits(model.stream(3).process(x), model(x)[0])


def test_no_stream_walks_both_ways():
    for merge in ("concat", "sum"):
        model = model_of((librnn.GRU, {"bidirectional": True, "merge": merge}))
        with pytest.raises(
            librnn.ModelError, match=r"layer 0 \(GRU\): direction: expected forward"
        ):
            model.stream()


# ---- States


def test_h_is_as_wide_as_the_projection_and_c_as_the_cell():
    model = model_of((librnn.LSTM, {"num_layers": 2, "proj_size": 2}), size=5)
    stream = model.stream(4)
    assert [part.shape for part in stream.state] == [(2, 4, 2), (2, 4, 5)]
    assert [part.shape for part in model(normal(1, 3, 4, 2))[1]] == [(2, 4, 2), (2, 4, 5)]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", FORWARD)
def test_states_go_out_and_in_and_from_stream_to_stream(name, dtype):
    model = model_of(FORWARD[name], dtype=dtype)
    x = input_for(model, 1, 2 * STEPS, 3)
    whole = model.stream(3)
    outputs = whole.process(x)
    first = model.stream(3)
    first.process(x[:STEPS])
    put, joined, copied = model.stream(3), model.stream(3, idle_lanes=3), model.stream(3)
    put.state = first.state
    for lane in range(3):
        joined.join(lane, first.export(lane))
        first.copy(lane, copied, lane)
    for stream in (put, joined, copied, first):
        assert_same_bits(stream.process(x[STEPS:]), outputs[STEPS:])
        assert_same_states(stream.state, whole.state)
    y, end = model(x[STEPS:], state=model(x[:STEPS])[1])
    same(y, outputs[STEPS:])
    for part, expected in zip(end, whole.state, strict=True):
        same(part, expected)


@given(cell_models(dtypes=DTYPES, both_ways=False), st.data())
def test_idle_lanes_touch_no_other(model, data):
    rows = 5
    idle = data.draw(st.lists(st.integers(0, rows - 1), max_size=4, unique=True))
    busy = [lane for lane in range(rows) if lane not in idle]
    x = input_for(model, 1, STEPS, rows)
    expected = model.stream(rows).process(x)
    stream = model.stream(rows)
    for lane in idle:
        stream.leave(lane)
    assert_same_bits(stream.process(spoil(x, idle))[:, busy], expected[:, busy])
    for lane in idle:
        stream.join(lane)
    assert_same_bits(stream.process(x)[:, idle], expected[:, idle])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CELLS)
def test_lanes_begin_with_the_learned_state(name, dtype):
    model = model_of(CELLS[name], dtype=dtype, learn_state=True, num_layers=2)
    x = input_for(model, 1, STEPS, 3)
    expected, _ = model(x)
    zeros = model(x, state=[np.zeros_like(part) for part in model(x)[1]])[0]
    assert np.any(expected != zeros)
    stream = model.stream(3)
    learned = [value for key, value in model.state_dict().items() if "h_0" in key]
    for level, value in enumerate(learned):
        assert_same_bits(stream.state[0][level], np.stack([value] * 3))
    same(stream.process(x), expected)
    stream.reset()
    same(stream.process(x), expected)
    stream.join(1)
    same(stream.process(x)[:, 1], expected[:, 1])
    stream.leave(2)
    stream.step(x[0])
    stream.join(2)
    same(stream.process(x)[:, 2], expected[:, 2])


# ---- Newer weights


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", FORWARD)
def test_a_swap_keeps_the_state(name, dtype):
    model, newer = (model_of(FORWARD[name], dtype=dtype, seed=seed) for seed in (0, 1))
    x = input_for(model, 1, STEPS, 3)
    stream, expected = model.stream(3), newer.stream(3)
    stream.process(x)
    expected.state = stream.state
    stream.swap(newer)
    newer.close()
    assert_same_bits(stream.process(x), expected.process(x))
    assert_same_states(stream.state, expected.state)
    stream.reset()
    expected.reset()
    assert_same_bits(stream.process(x), expected.process(x))


BASE = {"zoneout": 0.2}
OTHERS = {
    "learned state": {"learn_state": True},
    "zoneout": {"zoneout": 0.3},
    "zoneout of c": {"zoneout_cell": 0.1},
    "peepholes": {"peepholes": True},
    "layer norm": {"layer_norm": True},
    "functions": {"activations": ["sigmoid", "tanh", "softsign"]},
    "the functions of an LSTM": {"activations": ["sigmoid", "tanh", "tanh"]},
    "coupled": {"coupled": True},
    "residual": {"residual": True},
}


@pytest.mark.parametrize("base", [BASE, {"input_dropout": 0.2}], ids=repr)
@pytest.mark.parametrize("name", OTHERS)
def test_a_swap_to_another_computation_is_refused(name, base):
    model, other = (librnn.Model(librnn.LSTM(4, 4, **own)) for own in (base, base | OTHERS[name]))
    x = normal(1, STEPS, 1, 4, dtype="float32")
    for one, newer in ((model, other), (other, model)):
        stream = one.stream()
        before = stream.step(x[0])
        with pytest.raises(librnn.ModelError):
            stream.swap(newer)
        stream.reset()
        assert_same_bits(stream.step(x[0]), before)


def test_what_matters_to_training_alone_does_not_matter_to_a_swap():
    rates = {"input_dropout": 0.3, "recurrent_dropout": 0.3, "weight_drop": 0.3, "dropout": 0.2}
    plain, dropping = (
        librnn.Model(librnn.LSTM(4, 4, 2, **options), seed=seed)
        for seed, options in enumerate((BASE, BASE | rates))
    )
    x = normal(1, STEPS, 1, 4, dtype="float32")
    for one, newer in ((plain, dropping), (dropping, plain)):
        stream = one.stream()
        stream.swap(newer)
        same(stream.process(x), newer(x)[0])


# ---- What computes


def test_zoneout_streams_its_mean():
    """h_t = z h_{t-1} + (1 - z) of what the cell gives."""
    model = librnn.Model(librnn.RNN(2, 3, zoneout=0.25), dtype="float64")
    plain = librnn.Model(librnn.RNN(2, 3), dtype="float64")
    plain.load_state_dict(model.state_dict())
    x, h = normal(1, STEPS, 1, 2), np.zeros((1, 1, 3))
    stream = model.stream()
    for step in x:
        h = 0.25 * h + 0.75 * plain(step[None], state=h)[0]
        assert_close(stream.step(step), h[0], bound=1e-14)


def test_zoneout_of_the_cell_streams_its_mean():
    model = librnn.Model(librnn.LSTM(2, 3, zoneout_cell=0.25), dtype="float64")
    plain = librnn.Model(librnn.LSTM(2, 3), dtype="float64")
    plain.load_state_dict(model.state_dict())
    x, h, c = normal(1, STEPS, 1, 2), np.zeros((1, 1, 3)), np.zeros((1, 1, 3))
    stream = model.stream()
    for step in x:
        _, (own_h, own_c) = plain(step[None], state=(h, c))
        # h sees c before its zoneout.
        h, c = own_h, 0.25 * c + 0.75 * own_c
        stream.step(step)
        assert_close(stream.state[0], h, "h", bound=1e-13)
        assert_close(stream.state[1], c, "c", bound=1e-13)


SCRIPT = """
import hashlib, numpy, librnn
digest = hashlib.sha256()
for kind in (librnn.RNN, librnn.GRU, librnn.LSTM):
    for weights in ("int8", "bfloat16"):
        layer = kind(5, 19, 2, residual=True, learn_state=True, input_dropout=0.2)
        model = librnn.Model(layer, librnn.Linear(19, 5, skip=True, activation="softsign"), seed=3)
        x = numpy.random.default_rng(1).standard_normal((9, 3, 5)).astype("float32")
        digest.update(librnn.quantize(model, weights=weights).model.stream(3).process(x).tobytes())
print(digest.hexdigest())
"""


def test_all_instruction_sets_give_the_same_bits_of_small_weights():
    assert len(answers(SCRIPT)) == 1


@pytest.mark.parametrize("dtype", DTYPES)
def test_everything_at_once(dtype):
    full = {"peepholes": True, "layer_norm": True, "learn_state": True, "zoneout": 0.2}
    full |= {"zoneout_cell": 0.3, "num_layers": 3, "residual": True, "proj_size": 11}
    assert_all_ways_are_one(model_of((librnn.LSTM, full), 11, 37, dtype), 6)


def test_a_swap_between_cells_that_are_fused_and_not_is_refused():
    """Both compute the same without training, with weights that lie in other places."""
    plain, fused, phased = (
        librnn.Model(librnn.LSTM(4, 4, **own))
        for own in ({}, {"input_dropout": 0.2}, {"recurrent_dropout": 0.2})
    )
    for one, other in ((fused, phased), (phased, fused), (plain, phased), (phased, plain)):
        with pytest.raises(librnn.ModelError):
            one.stream().swap(other)
