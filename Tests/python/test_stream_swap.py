"""Newer weights for a stream that runs: by its own thread, and by another beside it."""

import threading
from contextlib import contextmanager

import librnn
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams import DTYPES, assert_same_states, begun, charlm, noise, sensor, twin
from support import assert_same_bits, input_for, normal, perturbed, stacks

BLOCKS = 300


def going_on_from(model, stream):
    """A stream of a model at the state of another."""
    other = model.stream(stream.batch_size)
    other.state = stream.state
    return other


def trained(model, x, y):
    librnn.Trainer(model, librnn.MSELoss(), librnn.SGD(lr=0.5)).step(x, y)
    return model


# ---- By the thread that streams


def test_a_stream_has_the_weights_of_its_beginning_until_it_is_given_others():
    model, x = sensor(), normal(1, 3, 1, 3)
    before, _ = model(x)
    stream = model.stream()
    y = stream.step(x[0])
    trained(model, x[:1], y[None] + 1)
    stream.swap(model)
    expected = going_on_from(model, stream).step(x[1])
    assert np.any(expected != before[1])
    assert_same_bits(stream.step(x[1]), expected)


@given(stacks(dtypes=DTYPES), st.integers(1, 4), st.booleans())
def test_the_states_of_lanes_carry_over(model, rows, in_blocks):
    newer, stream = twin(model, 3), begun(model, rows)
    expected = going_on_from(newer, stream)
    stream.swap(newer)
    newer.close()
    for seed in (2, 3):
        x = input_for(model, seed, 2, rows)
        if in_blocks:
            assert_same_bits(stream.process(x), expected.process(x))
        else:
            for step in map(np.ascontiguousarray, x):
                assert_same_bits(stream.step(step), expected.step(step))
    assert_same_states(stream.state, expected.state)


def test_a_model_that_is_trained_on_reaches_a_stream_only_by_swap():
    model, x = sensor(), normal(1, 1, 1, 3)
    stream, expected = begun(model, 1), begun(model, 1)
    trained(model, x, np.ones((1, 1, 2)))
    assert_same_bits(stream.process(x), expected.process(x))
    stream.swap(model)
    expected = going_on_from(model, stream)
    trained(model, x, np.ones((1, 1, 2)))
    assert_same_bits(stream.process(x), expected.process(x))


def test_only_the_last_offer_before_a_step_is_used():
    model = charlm()
    stream, x = begun(model, 2), noise(model, 2)
    offers = [twin(model, seed) for seed in range(5)]
    expected = going_on_from(offers[-1], stream)
    for offer in offers:
        stream.swap(offer)
    assert stream.swaps == 0
    assert_same_bits(stream.step(x), expected.step(x))
    assert stream.swaps == 1
    for offer in offers:
        expected = going_on_from(offer, stream)
        stream.swap(offer)
        assert_same_bits(stream.step(x), expected.step(x))
    assert stream.swaps == 1 + len(offers)


def test_an_offer_waits_until_a_step_succeeds():
    model = sensor()
    stream, newer = begun(model, 1), twin(model, 3)
    expected = going_on_from(newer, stream)
    stream.swap(newer)
    with pytest.raises(librnn.NaNError):
        stream.step(np.full((1, 3), np.nan))
    assert_same_states(stream.state, expected.state)
    stream.reset()
    expected.reset()
    assert_same_bits(stream.step(noise(model, 1)), expected.step(noise(model, 1)))
    assert stream.swaps == 1


def test_what_does_not_matter_to_a_swap():
    """Dropout, how weights began and the order of a batch: the layers compute the same."""
    model = librnn.Model(librnn.LSTM(3, 4, 2), seed=1)
    layer = librnn.LSTM(3, 4, 2, dropout=0.5, forget_bias=1.0, weight_init="xavier")
    stream = begun(model, 1)
    newer = librnn.Model(layer, seed=2, batch_first=True)
    expected = going_on_from(newer, stream)
    stream.swap(newer)
    assert_same_bits(stream.step(noise(model, 1)), expected.step(noise(model, 1)))


OTHERS = {
    "another dtype": sensor("float32"),
    "another cell": librnn.Model(librnn.RNN(3, 4), librnn.Linear(4, 2), dtype="float64"),
    "another size": librnn.Model(librnn.GRU(3, 5), librnn.Linear(5, 2), dtype="float64"),
    "more levels": librnn.Model(librnn.GRU(3, 4, 2), librnn.Linear(4, 2), dtype="float64"),
    "last step": librnn.Model(librnn.GRU(3, 4), librnn.Linear(4, 2, last=True), dtype="float64"),
    "no head": librnn.Model(librnn.GRU(3, 4), dtype="float64"),
    "tokens": charlm(),
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_model_of_other_layers_is_refused(name):
    model = sensor()
    stream, expected = begun(model, 2), begun(model, 2)
    with pytest.raises(librnn.ModelError, match="^model: expected"):
        stream.swap(OTHERS[name])
    assert_same_bits(stream.step(noise(model, 2)), expected.step(noise(model, 2)))
    assert stream.swaps == 0


def test_a_refused_offer_leaves_the_one_before():
    model = sensor()
    stream, newer = begun(model, 1), twin(model, 3)
    expected = going_on_from(newer, stream)
    stream.swap(newer)
    with pytest.raises(librnn.ModelError):
        stream.swap(charlm())
    assert_same_bits(stream.step(noise(model, 1)), expected.step(noise(model, 1)))


@pytest.mark.parametrize("model", [None, 1, sensor().stream(), librnn.GRU(3, 4)])
def test_what_is_no_model_is_refused(model):
    with pytest.raises(librnn.DTypeError, match="^model: expected a Model, got"):
        sensor().stream().swap(model)


# ---- By another thread


@contextmanager
def beside(act):
    """Act again and again on another thread."""
    done, failures = threading.Event(), []

    def run():
        try:
            while not done.is_set():
                act()
        except Exception as failure:
            failures.append(failure)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield thread
    finally:
        done.set()
        thread.join()
    assert not failures


@pytest.mark.parametrize("rows", [1, 5])
@pytest.mark.parametrize("in_blocks", [False, True])
def test_each_step_or_block_has_the_weights_of_one_model(in_blocks, rows):
    model = perturbed(librnn.Model(librnn.LSTM(8, 64, 2), librnn.Linear(64, 8)), 1)
    models = [model, twin(model, 2)]
    stream, (one, other) = model.stream(rows), [each.stream(rows) for each in models]
    seen, x = set(), input_for(model, 1, 8, rows)

    def swap():
        models.reverse()
        stream.swap(models[0])

    with beside(swap):
        for block in range(100 * BLOCKS):
            one.state = other.state = stream.state
            step = np.ascontiguousarray(x[block % len(x)])
            y, *choices = (
                each.process(x) if in_blocks else each.step(step) for each in (stream, one, other)
            )
            matches = [y.tobytes() == choice.tobytes() for choice in choices]
            assert sum(matches) == 1, block
            seen.add(matches.index(True))
            if block >= BLOCKS and len(seen) == 2:
                break
    assert stream.swaps > 0 and seen == {0, 1}


def test_a_model_is_trained_while_it_is_listened_to():
    model = librnn.Model(librnn.GRU(3, 32), librnn.Linear(32, 2), seed=1)
    trainer = librnn.Trainer(model, librnn.MSELoss(), librnn.SGD(lr=0.1))
    x, y = normal(1, 9, 4, 3, dtype="float32"), normal(2, 9, 4, 2, dtype="float32")
    stream, versions, outputs = model.stream(4), [model.state_dict()], []

    def train():
        trainer.step(x, y)
        versions.append(model.state_dict())
        stream.swap(model)

    with beside(train) as thread:
        while thread.is_alive() and (len(versions) < 30 or len(outputs) < 100):
            stream.reset()
            outputs.append(stream.step(x[0]))
    place, expected = 0, librnn.Model(*model.layers)
    for output in outputs:  # of versions one after another, perhaps not of all
        while True:
            expected.load_state_dict(versions[place])
            if output.tobytes() == expected.stream(4).step(x[0]).tobytes():
                break
            place += 1
    stream.reset()
    assert_same_bits(stream.step(x[0]), model.stream(4).step(x[0]))


def test_many_threads_offer_at_once():
    model = sensor()
    stream, models = model.stream(), [twin(model, seed) for seed in range(4)]
    x = normal(1, 1, 3)
    expected = {each.stream().step(x).tobytes() for each in models} | {stream.step(x).tobytes()}
    stop = threading.Event()

    def offer(each):
        while not stop.is_set():
            stream.swap(each)

    threads = [threading.Thread(target=offer, args=(each,)) for each in models]
    for thread in threads:
        thread.start()
    try:
        for _ in range(10 * BLOCKS):
            stream.reset()
            assert stream.step(x).tobytes() in expected
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert stream.swaps > 0
