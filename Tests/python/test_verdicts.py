"""Rate, horizon and verdict of networks that are made to be healthy, to vanish, to explode ..."""

import librnn
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support import assert_close, normal, perturbed, still

MSE = librnn.MSELoss("sum")
H = 6


def orthogonal(seed, size=H):
    return np.linalg.qr(normal(seed, size, size))[0]


def elman(w_hh, nonlinearity="identity", bias=0.0, scale=1.0, head=None, dtype="float64"):
    """An Elman network with a given recurrent matrix, and a head on its last step."""
    size = len(w_hh)
    layer = librnn.RNN(size, size, nonlinearity=nonlinearity)
    model = librnn.Model(layer, librnn.Linear(size, 1, last=True), dtype=dtype)
    weights = model.state_dict()
    weights["0.weight_ih_l0"] = scale * np.eye(size, dtype=dtype)
    weights["0.weight_hh_l0"] = w_hh.astype(dtype)
    weights["0.bias_ih_l0"] = np.full(size, bias, dtype)
    weights["0.bias_hh_l0"] = np.zeros(size, dtype)
    if head is not None:
        weights["1.weight"] = np.full((1, size), head, dtype)
    model.load_state_dict(weights)
    return model


def observe(model, x, y=None, lengths=None, **options):
    """What a step says of the first recurrent layer, and the step."""
    if y is None:
        shape = (x.shape[1], 1) if model.layers[-1].last else (*x.shape[:2], 1)
        y = np.ones(shape, x.dtype)
    result = still(model, MSE, **options).step(x, y, lengths, observe=True)
    return result.flow.layers[0], result


# ---- The linear recurrence has a closed form


def symmetric(seed, low, high, size=H):
    """W = Q L Qᵀ, Q and L."""
    values, q = np.linspace(low, high, size), orthogonal(seed, size)
    return q @ np.diag(values) @ q.T, q, values


@pytest.mark.parametrize("low, high", [(0.9, 1.0), (-1.0, 0.99), (0.95, 1.02), (0.3, 0.6)])
def test_a_symmetric_linear_recurrence_follows_its_eigenvalues(low, high):
    """h_t = Σ_s Wᵗ⁻ˢ x_s, and ∂L/∂h_t = (Wᵀ)ᵀ⁻¹⁻ᵗ ∂L/∂h_T-1, both by powers of L."""
    steps, rows = 200, 3
    w, q, values = symmetric(1, low, high)
    model = elman(w)
    x = normal(2, steps, rows, H)
    powers = values[None, :] ** np.arange(steps)[:, None]
    turned = x @ q
    h = np.stack(
        [np.einsum("sbj,sj->bj", turned[: t + 1], powers[t::-1]) @ q.T for t in range(steps)]
    )
    weights = model.state_dict()
    assert_close(model(x)[1][0][0], h[-1], "h", 1e-10)
    layer, _ = observe(model, x)
    y = h[-1] @ weights["1.weight"].T + weights["1.bias"]
    last = 2 * (y - 1) @ weights["1.weight"] @ q
    back = np.linalg.norm(last[None] * powers[::-1, None], axis=2)
    for name, expected in [
        ("grad_h_mean", back.mean(1)),
        ("grad_h_max", back.max(1)),
        ("h_mean", h.mean((1, 2))),
        ("h_std", h.std((1, 2))),
        ("h_max", np.abs(h).max((1, 2))),
    ]:
        error = np.abs(getattr(layer, name) - expected) / np.abs(expected)
        worst = error.max() if "grad" in name else (error * np.abs(expected) / layer.h_max).max()
        assert worst <= 1e-10, name
    squares = np.sum(back**2, axis=1)
    assert_close(layer.gain[:-1], np.sqrt(squares[:-1] / squares[1:]), "gain", 1e-10)
    assert_close(
        np.float64(layer.rate), (squares[0] / squares[-1]) ** (0.5 / (steps - 1)), "", 1e-9
    )


# ---- Verdicts


@given(st.integers(0, 99), st.integers(2, 60))
def test_an_orthogonal_linear_recurrence_is_healthy(seed, steps):
    layer, _ = observe(elman(orthogonal(seed)), normal(seed, steps, 4, H))
    assert layer.verdict == "healthy"
    assert_close(np.float64(layer.rate), 1.0)
    assert np.allclose(layer.gain[:-1], 1, rtol=0, atol=1e-12)
    assert layer.horizon == np.inf or layer.horizon > 1e10
    assert np.isnan(layer.saturated_fraction) and layer.dead_fraction == 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rate", [0.5, 0.9, 0.97, 1.03, 1.1, 1.3])
@pytest.mark.parametrize("steps", [2, 50, 100])
def test_a_multiple_of_an_orthogonal_matrix_is_judged_by_what_it_leaves(rate, steps, dtype):
    layer, _ = observe(
        elman(rate * orthogonal(1), dtype=dtype), normal(2, steps, 4, H, dtype=dtype)
    )
    left = rate ** (steps - 1)
    expected = "vanishing" if left < 0.01 else "exploding" if left > 100 else "healthy"
    assert layer.verdict == expected
    assert abs(layer.rate - rate) < 1e-5 * rate
    horizon = np.log(0.01) / np.log(rate) if rate < 1 else np.inf
    assert layer.horizon == horizon or abs(layer.horizon / horizon - 1) < 1e-3
    assert f"norm by {rate};" in layer.reason
    assert f"over {steps - 1} steps" in layer.reason


@pytest.mark.parametrize(
    "rate, steps, verdict, left",
    [
        (0.9, 44, "healthy", "0.0108"),
        (0.9, 45, "vanishing", "0.0097"),
        (1.1, 49, "healthy", "97.0"),
        (1.1, 50, "exploding", "107.0"),
    ],
)
def test_verdicts_turn_at_a_hundredth_and_a_hundred(rate, steps, verdict, left):
    """T steps have T - 1 steps back between them."""
    layer, _ = observe(elman(rate * orthogonal(1)), normal(2, steps, 4, H))
    assert layer.verdict == verdict
    assert f"over {steps - 1} steps {left} of it is left" in layer.reason


@pytest.mark.parametrize("bptt, verdict", [(None, "vanishing"), (1, "healthy")])
def test_the_rate_is_over_the_steps_that_the_gradient_goes(bptt, verdict):
    """Cut at each step there is none: no rate, no horizon."""
    model = elman(0.5 * orthogonal(1))
    layer, _ = observe(model, normal(2, 12, 4, H), bptt=bptt)
    assert layer.verdict == verdict
    if bptt:
        assert np.isnan(layer.gain).all() and np.isnan(layer.rate) and np.isnan(layer.horizon)
    else:
        assert_close(np.float64(layer.rate), 0.5)


@pytest.mark.parametrize("kind", [librnn.RNN, librnn.GRU, librnn.LSTM])
def test_large_weights_saturate(kind):
    model = perturbed(librnn.Model(kind(3, H), librnn.Linear(H, 1, last=True), dtype="float64"), 3)
    x, y = normal(1, 20, 8, 3), np.ones((8, 1))
    calm, _ = observe(model, 0.1 * x, y)
    assert calm.saturated_fraction == 0 and calm.verdict != "saturated"
    layer, _ = observe(model, 500 * x, y)
    assert layer.verdict == "saturated" and layer.saturated_fraction > 0.9
    gate = -2 if kind is librnn.LSTM else -1
    expected = layer.gate_low[gate] + layer.gate_high[gate]
    assert_close(np.float64(layer.saturated_fraction), expected.mean())


def test_the_saturated_fraction_is_of_all_valid_activations():
    """One sequence of 3 steps is saturated, three of one step are not."""
    model = elman(np.zeros((H, H)), "tanh")
    x = np.zeros((3, 4, H))
    x[:, 0] = 9
    layer, _ = observe(model, x, lengths=[3, 1, 1, 1])
    assert layer.saturated_fraction == 3 / 6


@pytest.mark.parametrize("large, verdict", [(2, "healthy"), (3, "saturated")])
def test_one_half_is_not_yet_saturated(large, verdict):
    model = librnn.Model(librnn.RNN(H, H), librnn.Linear(H, 1), dtype="float64")
    weights = {name: np.zeros_like(value) for name, value in model.state_dict().items()}
    model.load_state_dict(weights | {"0.weight_ih_l0": np.eye(H)})
    x = np.zeros((4, 1, H))
    x[:large] = 9
    layer, _ = observe(model, x, np.ones((4, 1, 1)), bptt=1)
    assert (layer.saturated_fraction, layer.verdict) == (large / 4, verdict)


def test_what_is_no_tanh_does_not_saturate():
    for nonlinearity in ("relu", "identity"):
        layer, _ = observe(elman(np.eye(H), nonlinearity, bias=5.0), normal(1, 5, 4, H))
        assert np.isnan([layer.saturated_fraction, *layer.gate_low[0], *layer.gate_high[0]]).all()
        assert layer.verdict == "healthy"


@pytest.mark.parametrize("alive", [0, 1, 3, 4, 6])
def test_units_that_stay_at_zero_are_dead(alive):
    """More than half of them are too many."""
    model = elman(0.1 * np.eye(H), "relu")
    weights = model.state_dict()
    weights["0.bias_ih_l0"][alive:] = -1e3
    weights["0.bias_ih_l0"][:alive] = 10
    model.load_state_dict(weights)
    layer, _ = observe(model, normal(1, 3, 4, H))
    assert layer.dead_fraction == (H - alive) / H
    assert (layer.verdict == "dead") == (alive < H / 2)
    assert ("stay at zero" in layer.reason) == (alive < H / 2)


def test_a_unit_that_lives_only_in_the_padding_is_dead():
    model = elman(np.zeros((H, H)), "relu", bias=-1.0)
    x = np.zeros((5, 2, H))
    x[4] = 9
    assert observe(model, x, lengths=[3, 4])[0].dead_fraction == 1
    assert observe(model, x, lengths=[3, 5])[0].dead_fraction == 0


@pytest.mark.parametrize("value, dead", [(0, 1), (9e-7, 1), (1.1e-6, 0), (-1.1e-6, 0)])
def test_a_unit_is_alive_that_once_leaves_zero_by_a_millionth(value, dead):
    x = np.zeros((5, 2, H))
    x[3, 1] = value
    assert observe(elman(np.zeros((H, H))), x)[0].dead_fraction == dead


def test_of_no_steps_no_part_is_saturated():
    layers = [librnn.RNN(H, H), librnn.Linear(H, 1)]  # a head on the last step needs one
    model = librnn.Model(*layers, dtype="float64")
    layer, _ = observe(model, np.ones((5, 2, H)), np.ones((5, 2, 1)), lengths=[0, 0])
    assert layer.saturated_fraction == 0 and np.isnan(layer.h_max).all()


# ---- Not finite


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_activations_that_are_not_finite_have_diverged(dtype):
    """From 1 by 1e30 a step: infinite before 12 steps are over in either type."""
    model = elman(1e30 * np.eye(H), dtype=dtype)
    layer, result = observe(model, np.ones((12, 2, H), dtype))
    assert result.skipped
    assert layer.verdict == "diverged" and "activations are not finite" in layer.reason


@pytest.mark.parametrize("head", [1.0, 0.0])
def test_gradients_that_are_not_finite_have_diverged(head):
    """2 (y - target) is infinite; a head of 0 makes NaN of it. The activations are finite."""
    model, y = elman(orthogonal(1), head=head), np.full((2, 1), 1.7e308)
    layer, result = observe(model, normal(1, 5, 2, H), y)
    assert result.skipped and np.isfinite(layer.h_max).all()
    assert not np.isfinite(layer.grad_h_mean).any() and np.isnan(layer.grad_h_mean[-1]) == (
        not head
    )
    assert layer.verdict == "diverged" and "gradient is not finite" in layer.reason


@pytest.mark.parametrize("row", [0, 1, 2])
def test_nan_is_the_largest_norm_wherever_it_is_in_the_batch(row):
    y = np.ones((3, 1))
    y[row] = 1.7e308
    layer, _ = observe(elman(orthogonal(1), head=0.0), normal(1, 5, 3, H), y)
    assert np.isnan(layer.grad_h_mean[-1]) and np.isnan(layer.grad_h_max[-1])


def test_steps_that_no_sequence_reaches_are_no_divergence():
    """All sequences may be shorter than T."""
    model = elman(orthogonal(1))
    layer, _ = observe(model, normal(1, 6, 2, H), lengths=[3, 4])
    assert np.isnan(layer.h_mean[4:]).all() and np.isfinite(layer.h_mean[:4]).all()
    assert layer.verdict == "healthy", layer.reason


@pytest.mark.parametrize("head, target, scale", [(1e-200, 1.0, 1e-200), (1.0, 1e200, 1e200)])
def test_norms_whose_squares_leave_the_range_are_still_norms(head, target, scale):
    """|∂L/∂h| = 2 |y - target| |W|, which an orthogonal matrix keeps: float64 holds it."""
    model = elman(orthogonal(1), head=head)
    weights = model.state_dict()
    weights["1.bias"][:] = 0
    model.load_state_dict(weights)
    layer, result = observe(model, normal(1, 5, 2, H), np.full((2, 1), target))
    assert not result.skipped and np.isfinite(result.grad_norm)
    assert_close(layer.grad_h_max, np.full(5, 2 * scale * np.sqrt(H)), "", 1e-10)
    assert_close(layer.gain[:-1], np.ones(4), "", 1e-10)
    assert layer.verdict == "healthy", layer.reason
