"""Cells whose gates see x alone: threads share the steps, and no bit tells."""

import librnn
import numpy as np
import pytest

from cells import CELLS, model_of
from streams import DTYPES, same, stepped
from support import assert_same_bits, assert_same_dicts, normal

# Blocks of steps are 512 rows high, parts of them at least 32 steps long.
STEPS, SIZE = 700, 37
MINIMAL = ("MinGRU", "MinLSTM")
THREADS = (2, 3, 5)
# Of the gate that keeps h: nothing is kept, half of it, nearly all, all.
MEMORIES = (-30.0, 0.0, 4.0, 12.0, 60.0)
OPTIONS = {
    "plain": {},
    "zoneout": {"zoneout": 0.4},
    "layer norm": {"layer_norm": True},
    "both ways": {"num_layers": 2, "bidirectional": True},
    "learned state": {"num_layers": 2, "learn_state": True},
    "other functions": {"activations": ["sigmoid", "relu"]},
}


def remembering(name, options, memory, dtype="float32"):
    """A model whose states forget as slowly as is asked for."""
    model = model_of((CELLS[name][0], options), 5, SIZE, dtype, head=3)
    weights = model.state_dict()
    for key, bias in weights.items():
        if "bias_ih" in key:
            bias[:SIZE] += memory if name == "MinLSTM" else -memory
    model.load_state_dict(weights)
    return model


def step_of(model, rows, threads, *, bptt=None, observe=False):
    """What a training step leaves."""
    librnn.set_num_threads(threads)
    x = normal(1, STEPS, rows, 5, dtype=model.dtype)
    y = normal(2, STEPS, rows, 3, dtype=model.dtype)
    lengths = [STEPS, 260, 1, 511][:rows]
    trainer = librnn.Trainer(
        model, librnn.MSELoss(), librnn.SGD(lr=0.0), seed=3, bptt=bptt, clip_norm=None
    )
    result = trainer.step(x, y, lengths, observe=observe)
    return trainer.gradients(), result


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("memory", MEMORIES)
@pytest.mark.parametrize("option", [name for name in OPTIONS if name != "both ways"])
@pytest.mark.parametrize("name", MINIMAL)
def test_a_whole_sequence_has_the_bits_of_its_steps(name, option, memory, dtype):
    model = remembering(name, OPTIONS[option], memory, dtype)
    x = normal(1, STEPS, 1, 5, dtype=dtype)
    steps = stepped(model.stream(), x)
    for threads in (1, *THREADS):
        librnn.set_num_threads(threads)
        same(model(x)[0], steps, f"{threads} threads")


@pytest.mark.parametrize("memory", MEMORIES)
@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("name", MINIMAL)
def test_gradients_have_the_same_bits(name, option, memory):
    for dtype in DTYPES:
        model = remembering(name, OPTIONS[option], memory, dtype)
        for rows in (1, 2, 4):
            expected, one = step_of(model, rows, 1)
            for threads in THREADS:
                found, other = step_of(model, rows, threads)
                assert_same_dicts(found, expected)
                assert (other.loss, other.grad_norm) == (one.loss, one.grad_norm)


@pytest.mark.parametrize("name", MINIMAL)
def test_states_are_handed_on(name):
    """Truncated: blocks of steps begin with what others have left."""
    model = remembering(name, {"learn_state": True}, 4.0)
    expected, _ = step_of(model, 1, 1, bptt=300)
    for threads in THREADS:
        assert_same_dicts(step_of(model, 1, threads, bptt=300)[0], expected)


@pytest.mark.parametrize("name", MINIMAL)
def test_what_is_seen_is_the_same(name):
    """Of a step that is walked again what counts is what it has been at the end."""
    model = remembering(name, {"num_layers": 2}, 4.0)
    _, expected = step_of(model, 2, 1, observe=True)
    for threads in THREADS:
        _, found = step_of(model, 2, threads, observe=True)
        for one, other in zip(found.flow.layers, expected.flow.layers, strict=True):
            for name, value in other._asdict().items():
                if isinstance(value, np.ndarray):
                    assert_same_bits(getattr(one, name), value, name)


@pytest.mark.parametrize("place", [0, 255, 256, 699])
@pytest.mark.parametrize("name", MINIMAL)
def test_what_overflows_stays_where_it_begins(name, place):
    model = remembering(name, {"activations": ["sigmoid", "relu"]}, 0.0)
    weights = model.state_dict()
    model.load_state_dict(weights | {"0.weight_ih_l0": 9 * weights["0.weight_ih_l0"]})
    x = normal(1, STEPS, 1, 5, dtype="float32")
    x[place] = 3e38
    steps = stepped(model.stream(), x)
    assert np.isfinite(steps[:place]).all() and not np.isfinite(steps[place]).all()
    for threads in THREADS:
        librnn.set_num_threads(threads)
        assert_same_bits(model(x)[0], steps)
