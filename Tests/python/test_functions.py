"""σ and tanh as streams have them: how exact they are, and that they stay within their bounds."""

import librnn
import numpy as np
import pytest

FORMATS = ("int8", "bfloat16")
FAR = [30, -30, 1e4, -1e4, 3e38, -3e38]
ARGUMENTS = np.concatenate([np.linspace(-12, 12, 24001), FAR]).astype(np.float32)


def shown(cell):
    """A unit that shows a function of its input: small weights leave one input and its weight."""
    model = librnn.Model(cell(1, 1))
    state = {name: np.zeros_like(tensor) for name, tensor in model.state_dict().items()}
    state["0.weight_ih_l0"][0] = 1
    if cell is librnn.LSTM:  # c = σ(x)·1 + 0
        state["0.bias_ih_l0"][:] = [0, -100, 100, 100]
    model.load_state_dict(state)
    return model


def values(model, x):
    stream = model.stream(len(x))
    stream.step(x[:, None])
    return stream.state[-1].ravel().astype(np.float64)


def logistic(x):
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize("weights", FORMATS)
def test_functions_beside_small_weights_are_good_to_four_digits(weights):
    x = ARGUMENTS.astype(np.float64)
    tanh = values(librnn.quantize(shown(librnn.RNN), weights=weights).model, ARGUMENTS)
    assert np.max(np.abs(tanh - np.tanh(x))) < 1e-4
    assert np.max(np.abs(tanh)) <= 1
    near = np.abs(x) < 0.1
    np.testing.assert_allclose(tanh[near], np.tanh(x[near]), rtol=1e-4)
    sigma = values(librnn.quantize(shown(librnn.LSTM), weights=weights).model, ARGUMENTS)
    assert np.max(np.abs(sigma - logistic(x))) < 5e-5
    assert sigma.min() >= 0
    assert sigma.max() <= 1


@pytest.mark.parametrize("weights", FORMATS)
def test_a_gate_that_is_nearly_open_or_shut_keeps_its_distance(weights):
    """How long a cell remembers, and how little it lets in, is that of the model's own weights."""
    x = np.linspace(-30, 9, 3001).astype(np.float32)
    sigma = values(librnn.quantize(shown(librnn.LSTM), weights=weights).model, x)
    shut, open_ = x < -2, x > 2
    np.testing.assert_allclose(sigma[shut], logistic(x[shut].astype(np.float64)), rtol=2e-4)
    np.testing.assert_allclose(1 - sigma[open_], logistic(-x[open_].astype(np.float64)), rtol=1e-3)


@pytest.mark.parametrize("rows", [1, 7])
def test_functions_far_from_zero_in_a_stream(rows):
    for cell, limits in ((librnn.RNN, (-1, 1)), (librnn.LSTM, (0, 1))):
        for x, limit in zip((-3e38, 3e38), limits, strict=True):
            y = values(shown(cell), np.full(rows, x, np.float32))
            np.testing.assert_allclose(y, limit, atol=1e-37)
