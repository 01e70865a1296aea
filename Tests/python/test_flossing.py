"""The gradient of flossing is the slope of the mean squared exponents that the dynamics measure."""

import librnn
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from librnn import GRU, LSTM, RNN, Embedding, Linear, Model, dynamics

from dynamical import MODELS, chaotic, initial, make, recurrent
from support import (
    assert_close,
    assert_dicts_close,
    assert_same_bits,
    assert_same_dicts,
    input_for,
    integers,
    normal,
    perturbed,
    stacks,
    still,
)

MSE = librnn.MSELoss()


def floss(model, x, *count, **options):
    """What a step of flossing says, and its gradient."""
    trainer = still(model, MSE)
    return trainer.floss(x, *count, **options), trainer.gradients()


def squares(model, x, *count, **options):
    """F."""
    return np.mean(dynamics.lyapunov(model, x, *count, **options).exponents ** 2)


def assert_slopes(model, gradients, value, width=1e-4):
    """Central differences of fourth order, along one direction for each tensor."""
    weights = model.state_dict()
    scale = np.sqrt(sum(np.sum(g**2) for g in gradients.values()))
    for seed, (name, w) in enumerate(weights.items()):
        along = normal(seed, *w.shape)
        along /= np.linalg.norm(along)

        def at(place, name=name, w=w, along=along):
            model.load_state_dict(weights | {name: w + place * width * along})
            return value()

        slope = (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * width)
        assert abs(np.sum(gradients[name] * along) - slope) <= 1e-7 * scale, name
    model.load_state_dict(weights)


@st.composite
def problems(draw, nonlinearities=("tanh", "identity")):
    """A model, its input, and all that may be asked of the exponents."""
    model = draw(stacks(nonlinearities=list(nonlinearities), dropout=0.3))
    steps, rows, seed = draw(st.integers(1, 9)), draw(st.integers(1, 3)), draw(st.integers(0, 99))
    x = input_for(model, seed, steps, rows)
    size = sum(part[:, 0].size for part in model(x)[1])
    options = {"count": draw(st.integers(1, min(size, 6)))}
    shortest = steps
    if draw(st.booleans()):
        options["lengths"] = integers(seed, steps, rows) + 1
        shortest = options["lengths"].min()
    if draw(st.booleans()):
        options["state"] = initial(model, x, seed)
    options["warm_up"] = draw(st.integers(0, int(shortest) - 1))
    options["interval"] = draw(st.sampled_from([1, 1, 2, 5]))
    return model, x, options


# ---- Slopes


@settings(max_examples=100)
@given(problems())
def test_the_gradient_is_the_slope_of_the_mean_square(problem):
    model, x, options = problem
    result, gradients = floss(model, x, **options)
    assert_close(np.float64(result.loss), squares(model, x, **options), bound=1e-13)
    assert_slopes(model, gradients, lambda: squares(model, x, **options))


@given(problems(nonlinearities=["relu"]))
def test_units_that_are_off_have_no_slope(problem):
    model, x, options = problem
    result, gradients = floss(model, x, **options)
    assume(np.max(np.abs(result.exponents)) < 8)  # else directions are lost to rounding
    assert_slopes(model, gradients, lambda: squares(model, x, **options), width=1e-6)


@pytest.mark.parametrize("warm_up, interval", [(0, 1), (3, 1), (0, 4), (5, 3)])
@pytest.mark.parametrize("name", sorted(set(MODELS) - {"relu", "linear before"}))
def test_slopes_of_every_kind_of_stack(name, warm_up, interval):
    model = make(name)
    x = input_for(model, 1, 9, 2)
    options = {"warm_up": warm_up, "interval": interval, "state": initial(model, x, 3)}
    result, gradients = floss(model, x, 2, **options)
    assert result.loss > 0 and np.isfinite(result.grad_norm)
    assert_slopes(model, gradients, lambda: squares(model, x, 2, **options))


def test_slopes_with_linear_layers_before_between_and_behind():
    layers = [Linear(3, 4), Linear(4, 3), RNN(3, 4), Linear(4, 2), Linear(2, 3), GRU(3, 2, 2)]
    model = perturbed(Model(*layers, Linear(2, 5), LSTM(5, 2), Linear(2, 2), dtype="float64"), 5)
    x = normal(1, 8, 2, 3)
    _, gradients = floss(model, x)
    for name, gradient in gradients.items():
        assert name.startswith("8.") == (np.max(np.abs(gradient)) == 0), name
    assert_slopes(model, gradients, lambda: squares(model, x))


def test_tokens_that_do_not_occur_have_no_gradient():
    model = perturbed(Model(Embedding(5, 3), LSTM(3, 2), dtype="float64"), 5)
    x = np.array([[0, 1], [1, 1], [3, 0], [4, 1], [2, 2]])
    _, gradients = floss(model, x, 2, lengths=[3, 5])
    rows = np.abs(gradients["0.weight"]).max(axis=1)
    assert np.all(rows[:4] > 0) and rows[4] == 0


def test_the_slope_of_a_rotation_that_grows_is_known():
    """λ = ln g of h <- g Q h, so that ∂F/∂W = 2 ln g / n · W⁻ᵀ."""
    rotation, _ = np.linalg.qr(normal(1, 5, 5))
    model = recurrent(1.3 * rotation, "identity")
    result, gradients = floss(model, np.zeros((40, 2, 1)))
    assert_close(np.float64(result.loss), np.log(1.3) ** 2)
    expected = 2 * np.log(1.3) / 5 * rotation / 1.3
    assert_close(gradients["0.weight_hh_l0"], expected, bound=1e-11)
    assert_close(result.grad_norm, np.linalg.norm(expected), bound=1e-11)


def test_many_units_and_steps():
    """Blocks of products, and more steps than are otherwise held at a time."""
    model = recurrent(chaotic(0.9, 40, 2))
    x, options = np.zeros((600, 1, 1)), {"count": 5, "warm_up": 20, "interval": 3}
    options["state"] = [normal(1, 1, 1, 40)]
    result, gradients = floss(model, x, **options)
    assert_close(np.float64(result.loss), squares(model, x, **options), bound=1e-13)
    assert_slopes(model, gradients, lambda: squares(model, x, **options), width=1e-5)


# ---- What it is a function of


@given(problems(nonlinearities=["tanh", "relu", "identity"]))
def test_exponents_are_those_of_the_dynamics_bit_for_bit(problem):
    model, x, options = problem
    found = still(model, MSE).floss(x, **options).exponents
    assert_same_bits(found, dynamics.lyapunov(model, x, **options).exponents)


@pytest.mark.parametrize("name", MODELS)
def test_a_batch_is_the_mean_of_its_sequences(name):
    model = make(name)
    x, lengths, state = input_for(model, 1, 7, 3), [7, 4, 6], None
    state = initial(model, x, 3)
    whole, gradients = floss(model, x, 1, warm_up=2, lengths=lengths, state=state)
    mean, sums = 0.0, {key: np.zeros_like(value) for key, value in gradients.items()}
    for row, length in enumerate(lengths):
        own = [np.ascontiguousarray(part[:, row : row + 1]) for part in state]
        alone, slopes = floss(
            model, np.ascontiguousarray(x[:length, row : row + 1]), 1, warm_up=2, state=own
        )
        assert_same_bits(whole.exponents[row], alone.exponents[0])
        mean += alone.loss / 3
        sums = {key: sums[key] + slopes[key] / 3 for key in sums}
    assert_close(np.float64(whole.loss), mean)
    assert_dicts_close(gradients, sums)


@pytest.mark.parametrize("name", MODELS)
def test_the_gradient_of_float32_is_that_of_its_weights_rounded(name):
    model, wide = make(name, "float32"), make(name)
    wide.load_state_dict({n: w.astype("float64") for n, w in model.state_dict().items()})
    x = input_for(model, 1, 8, 2)
    single, gradients = floss(model, x, 1)
    double, exact = floss(wide, x if x.dtype.kind == "i" else x.astype("float64"), 1)
    assert single.loss == double.loss
    assert_same_dicts(gradients, {n: g.astype("float32") for n, g in exact.items()})


@pytest.mark.parametrize("kind", [RNN, GRU, LSTM])
def test_threads_floss_alike(kind):
    runs = []
    for threads in (1, 2, 3):
        librnn.set_num_threads(threads)
        model = Model(kind(3, 70, 2), Linear(70, 60), kind(60, 70), dtype="float64")
        runs.append(floss(model, normal(1, 12, 2, 3), 40))
    for result, gradients in runs[1:]:
        assert_same_bits(result.exponents, runs[0][0].exponents)
        assert_same_dicts(gradients, runs[0][1])


def test_a_batch_first_model_flosses_alike():
    model, other = (perturbed(Model(GRU(3, 4), dtype="float64", batch_first=b), 5) for b in (0, 1))
    x, lengths = normal(1, 6, 2, 3), [3, 6]
    result, gradients = floss(model, x, 3, lengths=lengths)
    same, slopes = floss(other, np.ascontiguousarray(x.swapaxes(0, 1)), 3, lengths=lengths)
    assert_same_bits(same.exponents, result.exponents)
    assert_same_dicts(slopes, gradients)
