"""What the tests share: data by a stated rule, random stacks, and one measure of agreement."""

import threading

import librnn
import numpy as np
import pytest
from hypothesis import strategies as st

# The greatest difference allowed, relative to the greatest magnitude expected.
BOUNDS = {"float64": 1e-12, "float32": 1e-5}


def normal(seed, *shape, dtype="float64"):
    """Standard normal numbers of numpy's default generator."""
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def integers(seed, high, *shape, dtype="int64"):
    """Uniform integers in 0 .. high - 1."""
    return np.random.default_rng(seed).integers(0, high, shape).astype(dtype)


def uniform(seed, *shape, dtype="float64"):
    """Uniform numbers in [0, 1)."""
    return np.random.default_rng(seed).random(shape).astype(dtype)


def assert_close(actual, expected, what="", bound=None):
    """max |actual - expected| <= bound * max |expected|; the bound is that of the element type."""
    actual = np.asarray(actual)
    assert actual.shape == np.shape(expected), f"{what}: {actual.shape} != {np.shape(expected)}"
    bound = BOUNDS[str(actual.dtype)] if bound is None else bound
    difference = np.max(np.abs(actual - expected), initial=0.0)
    scale = np.max(np.abs(expected), initial=0.0)
    # Written so that NaN fails.
    assert difference <= bound * scale, f"{what}: {difference} > {bound} * {scale}"


def assert_dicts_close(actual, expected, bound=None):
    assert list(actual) == list(expected)
    for name in expected:
        assert_close(actual[name], expected[name], name, bound)


def assert_same_bits(actual, expected, what=""):
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.dtype == expected.dtype and actual.shape == expected.shape, what
    assert actual.tobytes() == expected.tobytes(), what


def assert_same_dicts(actual, expected):
    assert list(actual) == list(expected)
    for name in expected:
        assert_same_bits(actual[name], expected[name], name)


def assert_differ(actual, expected):
    """At least one tensor has other bits."""
    assert any(actual[name].tobytes() != expected[name].tobytes() for name in expected)


def perturbed(model, seed):
    """Move every weight of a model by a tenth of a standard normal, so that no bias is zero."""
    moved = {
        name: value + 0.1 * normal(seed + index, *value.shape, dtype=value.dtype)
        for index, (name, value) in enumerate(model.state_dict().items())
    }
    model.load_state_dict(moved)
    return model


def input_for(model, seed, steps, rows):
    """Tokens or features [T, B, ...] that a model takes."""
    first = model.layers[0]
    if isinstance(first, librnn.Embedding):
        return integers(seed, first.num_embeddings, steps, rows)
    width = first.in_features if isinstance(first, librnn.Linear) else first.input_size
    return normal(seed, steps, rows, width, dtype=model.dtype)


SIZES = st.integers(1, 6)


@st.composite
def stacks(draw, dtypes=("float64",), nonlinearities=("tanh", "relu"), dropout=0.0):
    """A random model of one or two recurrent layers, perhaps with an embedding and a head."""
    layers, width = [], draw(SIZES)
    if draw(st.booleans()):
        layers.append(librnn.Embedding(width, width := draw(SIZES)))
    for _ in range(draw(st.integers(1, 2))):
        kind = draw(st.sampled_from([librnn.RNN, librnn.GRU, librnn.LSTM]))
        options = {"num_layers": draw(st.integers(1, 3)), "dropout": dropout}
        if kind is librnn.RNN:
            options["nonlinearity"] = draw(st.sampled_from(nonlinearities))
        layers.append(kind(width, width := draw(SIZES), **options))
    if draw(st.booleans()):
        layers.append(librnn.Linear(width, draw(SIZES), last=draw(st.booleans())))
    dtype = draw(st.sampled_from(dtypes))
    return perturbed(librnn.Model(*layers, dtype=dtype, seed=draw(st.integers(0, 99))), 7)


def output_size(model):
    last = model.layers[-1]
    return last.out_features if isinstance(last, librnn.Linear) else last.hidden_size


def has_last_step(model):
    return getattr(model.layers[-1], "last", False)


EVERY_LAYER = [
    librnn.Embedding(7, 3, weight_init="xavier"),
    librnn.RNN(3, 4, 2, 0.25, nonlinearity="relu", recurrent_init="identity"),
    librnn.GRU(4, 5, weight_init="orthogonal"),
    librnn.LSTM(5, 6, num_layers=3, dropout=0.5, forget_bias=1.0),
    librnn.Linear(6, 2, last=True),
]

LOSSES = [
    kind(reduction=reduction)
    for kind in [librnn.CrossEntropyLoss, librnn.MSELoss, librnn.BCEWithLogitsLoss]
    for reduction in ["mean", "sum"]
]


def target_for(model, loss, seed, steps, rows):
    """Labels, or values in [0, 1), of the shape that a model's outputs ask for."""
    places = (rows,) if has_last_step(model) else (steps, rows)
    if isinstance(loss, librnn.CrossEntropyLoss):
        return integers(seed, output_size(model), *places)
    return uniform(seed, *places, output_size(model), dtype=model.dtype)


def weights_for(model, seed, steps, rows):
    """Weights in [0, 1) of the steps' losses."""
    return uniform(seed, *((rows,) if has_last_step(model) else (steps, rows)), dtype=model.dtype)


def still(model, loss, **options):
    """A trainer that computes gradients and changes nothing."""
    return librnn.Trainer(model, loss, librnn.SGD(lr=0), **options)


def norm(tensors):
    """Over all tensors together."""
    return np.sqrt(sum(np.sum(np.square(value, dtype=np.float64)) for value in tensors.values()))


def assert_told(kind, sentence, act):
    """`act` raises a `kind`, whose text says the "argument | expected | got" of the sentence."""
    argument, expected, got = sentence.split(" | ")
    with pytest.raises(kind) as caught:
        act()
    assert isinstance(caught.value, librnn.RnnError)
    head, _, tail = str(caught.value).partition(" got ")
    name, _, wanted = head.partition(" expected ")
    assert name.startswith((f"{argument}:", f"{argument}[", f"{argument} ")), head
    assert expected in wanted, head
    assert got in tail, tail


def at_once(run, count):
    """Call `run(place)` for so many places, each on a thread of its own."""
    threads = [threading.Thread(target=run, args=(place,)) for place in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
