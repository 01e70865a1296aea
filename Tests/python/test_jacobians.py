"""Jacobians of the state against differences, and what follows from their definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from librnn import Model, dynamics

from dynamical import MODELS, ROWS, STEPS, differences, initial, make
from support import assert_close, assert_same_bits, input_for, stacks


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("start, end", [(-1, STEPS - 1), (-1, 0), (1, 4), (2, 3)])
def test_jacobians_are_those_of_the_state(name, start, end):
    model = make(name)
    x = input_for(model, 1, STEPS, ROWS)
    state = initial(model, x, 2)
    jacobian = dynamics.jacobian(model, x, start, end, state=state)
    assert_close(jacobian, differences(model, x, start, end, state), bound=1e-8)


@given(stacks(nonlinearities=("tanh", "identity")), st.integers(-1, 5), st.integers(0, 5))
def test_jacobians_of_random_stacks(model, start, more):
    x, end = input_for(model, 1, STEPS, ROWS), min(start + more, STEPS - 1)
    state = initial(model, x, 2)
    jacobian = dynamics.jacobian(model, x, start, end, state=state)
    assert_close(jacobian, differences(model, x, start, end, state), bound=1e-7)


@pytest.mark.parametrize("name", MODELS)
def test_between_equal_steps_nothing_changes(name):
    model = make(name)
    jacobian = dynamics.jacobian(model, input_for(model, 1, STEPS, ROWS), 2, 2)
    assert_same_bits(jacobian, np.stack([np.eye(jacobian.shape[1])] * ROWS))


@given(stacks(), st.lists(st.integers(-1, 5), min_size=3, max_size=3).map(sorted))
def test_product_rule(model, steps):
    x, (first, middle, last) = input_for(model, 1, STEPS, ROWS), steps
    earlier = dynamics.jacobian(model, x, first, middle)
    later = dynamics.jacobian(model, x, middle, last)
    assert_close(later @ earlier, dynamics.jacobian(model, x, first, last), bound=1e-11)


@pytest.mark.parametrize("name", MODELS)
def test_jacobians_with_lengths_are_those_of_each_sequence_alone(name):
    model = make(name)
    x, lengths = input_for(model, 1, STEPS, ROWS), [STEPS, 4, 3]
    jacobian = dynamics.jacobian(model, x, 0, 2, lengths=lengths)
    for row, length in enumerate(lengths):
        alone = dynamics.jacobian(model, np.ascontiguousarray(x[:length, row : row + 1]), 0, 2)
        assert_close(jacobian[row : row + 1], alone)


def test_jacobians_look_at_no_padding():
    model = make("GRU")
    x, lengths = input_for(model, 1, STEPS, ROWS), [STEPS, 4, 3]
    expected = dynamics.jacobian(model, x, -1, 2, lengths=lengths)
    x[4:, 1], x[3:, 2] = np.nan, np.nan
    assert_same_bits(dynamics.jacobian(model, x, -1, 2, lengths=lengths), expected)


def test_jacobians_beyond_one_stretch_of_steps():
    """The library goes through 256 steps at a time."""
    model, steps = make("LSTM"), 600
    x = input_for(model, 1, steps, 1)
    whole = dynamics.jacobian(model, x, 200, 530)
    parts = [dynamics.jacobian(model, x, t, t + 1) for t in range(200, 530)]
    assert_close(np.linalg.multi_dot([part[0] for part in parts[::-1]]), whole[0], bound=1e-11)


@pytest.mark.parametrize("name", MODELS)
def test_a_float32_model_is_measured_in_float64(name):
    single = make(name, "float32")
    double = Model(*MODELS[name], dtype="float64")
    double.load_state_dict(
        {key: value.astype("float64") for key, value in single.state_dict().items()}
    )
    x = input_for(single, 1, 40, ROWS)
    wide = x if x.dtype.kind == "i" else x.astype("float64")
    jacobian = dynamics.jacobian(single, x, -1, STEPS)
    assert jacobian.dtype == np.float64
    assert_same_bits(jacobian, dynamics.jacobian(double, wide, -1, STEPS))
    for got, expected in zip(
        dynamics.lyapunov(single, x), dynamics.lyapunov(double, wide), strict=True
    ):
        assert_same_bits(got, expected)
    for got, expected in zip(dynamics.spectra(single), dynamics.spectra(double), strict=True):
        assert_same_bits(got.eigenvalues, expected.eigenvalues)


def test_batch_first_asks_for_the_same_arrays_transposed():
    model = make("LSTM")
    other = Model(*MODELS["LSTM"], dtype="float64", batch_first=True)
    other.load_state_dict(model.state_dict())
    x = input_for(model, 1, STEPS, ROWS)
    turned = np.ascontiguousarray(x.swapaxes(0, 1))
    assert_same_bits(dynamics.jacobian(other, turned, 0, 3), dynamics.jacobian(model, x, 0, 3))
