"""Where a number that is not finite began, and what state such a step hands on."""

import librnn
import numpy as np
import pytest

from support import (
    assert_close,
    assert_same_bits,
    assert_same_dicts,
    normal,
    still,
)

SUM = librnn.MSELoss("sum")
DTYPES = ["float32", "float64"]
H = 3


def chain(*layers, dtype="float64", **weights):
    """A model whose weights are zero but for those given, by names with _ for the first dot."""
    model = librnn.Model(*layers, dtype=dtype)
    zeros = {name: np.zeros_like(value) for name, value in model.state_dict().items()}
    for name, value in weights.items():
        key = name.removeprefix("t").replace("_", ".", 1)
        zeros[key] = np.broadcast_to(np.asarray(value, dtype), zeros[key].shape).copy()
    model.load_state_dict(zeros)
    return model


def origin(model, x, y, lengths=None, **options):
    result = still(model, SUM, **options).step(x, y, lengths)
    assert result.skipped and not np.isfinite(result.grad_norm)
    return result.origin


def first_infinite(dtype, factor, start=1.0):
    """The first power of a factor that a type cannot hold."""
    value, step = np.asarray(start, dtype), 0
    with np.errstate(over="ignore"):
        while np.isfinite(value):
            value, step = (value * np.asarray(factor, dtype)).astype(dtype), step + 1
    return step


# ---- Origins


@pytest.mark.parametrize("options", [{}, {"bptt": 5}, {"recompute": True}], ids=repr)
@pytest.mark.parametrize("nonlinearity", ["relu", "identity"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_activations_that_grow_without_bound_are_an_origin(dtype, nonlinearity, options):
    """h is 1 and then 1e30 times as much at each step."""
    model = chain(
        librnn.RNN(H, H, nonlinearity=nonlinearity),
        dtype=dtype,
        t0_weight_ih_l0=np.eye(H),
        t0_weight_hh_l0=1e30 * np.eye(H),
    )
    x = np.zeros((20, 2, H), dtype)
    x[3, 1] = 1
    found = origin(model, x, np.zeros_like(x), **options)
    step = 3 + first_infinite(dtype, 1e30)
    assert found == ("activation", 0, 0, step, "0.weight_hh_l0")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("level", [0, 1])
def test_the_origin_is_the_first_layer_that_is_not_finite(dtype, level):
    """One layer multiplies its input by more than the type holds, the others by 1."""
    weights = {f"t1_weight_ih_l{k}": np.eye(H) for k in range(2)}
    weights[f"t1_weight_ih_l{level}"] = 1e30 * np.eye(H)
    layers = [
        librnn.Linear(H, H),
        librnn.RNN(H, H, 2, nonlinearity="identity"),
        librnn.Linear(H, 1),
    ]
    huge = np.finfo(dtype).max / 1e20
    model = chain(*layers, dtype=dtype, t0_weight=huge * np.eye(H), **weights)
    x, y = np.zeros((7, 2, H), dtype), np.zeros((7, 2, 1), dtype)
    x[4, 0] = 1
    found = origin(model, x, y)
    assert found[:4] == ("activation", 1, level, 4)
    assert found.tensor.startswith("1.")


@pytest.mark.parametrize("options", [{}, {"bptt": 2}, {"recompute": True}], ids=repr)
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_loss_that_is_not_finite_is_an_origin(dtype, options):
    """Activations of 9, and a head that makes more of it than the type holds."""
    huge = np.finfo(dtype).max / 4
    model = chain(
        librnn.RNN(H, H, nonlinearity="identity"),
        librnn.Linear(H, 1),
        dtype=dtype,
        t0_weight_ih_l0=np.eye(H),
        t1_weight=huge,
    )
    x, y = np.zeros((7, 2, H), dtype), np.zeros((7, 2, 1), dtype)
    x[5, 1] = 9
    found = origin(model, x, y, **options)
    assert found[:4] == ("loss", None, None, 5)
    assert found.tensor in model.state_dict()


@pytest.mark.parametrize("lengths", [None, [4, 2]])
def test_the_loss_of_a_last_step_head_is_that_of_the_last_step(lengths):
    layers = [librnn.RNN(H, H, nonlinearity="identity"), librnn.Linear(H, 1, last=True)]
    model = chain(*layers, t0_weight_ih_l0=np.eye(H), t1_weight=1e308)
    x = np.zeros((6, 2, H))
    x[5 if lengths is None else 1, 1] = 9
    step = 5 if lengths is None else 1
    assert origin(model, x, np.zeros((2, 1)), lengths)[:4] == ("loss", None, None, step)


@pytest.mark.parametrize("options", [{}, {"recompute": True}], ids=repr)
@pytest.mark.parametrize("dtype", DTYPES)
def test_gradients_that_grow_without_bound_are_an_origin(dtype, options):
    """All activations are zero; the gradient grows by 1e30 at each step back."""
    layers = [librnn.RNN(H, H, nonlinearity="identity"), librnn.Linear(H, 1, last=True)]
    model = chain(*layers, dtype=dtype, t0_weight_hh_l0=1e30 * np.eye(H), t1_weight=1)
    x, y = np.zeros((20, 2, H), dtype), np.ones((2, 1), dtype)
    found = origin(model, x, y, **options)
    step = 19 - first_infinite(dtype, 1e30, 2)
    assert found == ("state_gradient", 0, 0, step, "0.weight_hh_l0")


@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.parametrize("kind", [librnn.RNN, librnn.GRU, librnn.LSTM])
def test_the_padding_is_no_origin(kind, recompute):
    """The last step of the first sequence is its second."""
    model = librnn.Model(kind(2, H, 2), librnn.Linear(H, 2, last=True))
    x, y = normal(1, 9, 3, 2, dtype="float32"), normal(2, 3, 2, dtype="float32")
    y[0] = 3e38
    trainer = still(model, SUM, recompute=recompute)
    trainer.step(x, np.full_like(y, 3e38), observe=True)
    assert trainer.step(x, y, [2, 9, 4]).origin[:4] == ("state_gradient", 0, 1, 1)


LARGE = pytest.mark.parametrize("dtype, large", [("float32", 1e30), ("float64", 1e170)])


@LARGE
def test_the_last_layer_is_the_first_on_the_way_back(dtype, large):
    layers = [librnn.RNN(H, H, 2, nonlinearity="identity"), librnn.GRU(H, H), librnn.Linear(H, 1)]
    model = chain(*layers, dtype=dtype, t0_weight_ih_l1=large * np.eye(H), t2_weight=1)
    weights = model.state_dict()
    weights["1.weight_ih_l0"][2 * H :] = np.eye(H)
    model.load_state_dict(weights)
    x, y = np.zeros((5, 2, H), dtype), np.zeros((5, 2, 1), dtype)
    y[3, 1] = large**0.875
    assert origin(model, x, y)[:4] == ("state_gradient", 0, 0, 3)


@LARGE
def test_a_sum_over_the_steps_is_an_origin(dtype, large):
    """Gradients of states are finite, their products with the inputs are not."""
    model = chain(librnn.RNN(H, H, nonlinearity="identity"), dtype=dtype)
    x, y = np.full((9, 2, H), large, dtype), np.full((9, 2, H), large**0.875, dtype)
    assert origin(model, x, y) == ("tensor_gradient", None, None, None, "0.weight_ih_l0")


@pytest.mark.parametrize("observe", [False, True])
def test_a_finite_gradient_has_no_origin(observe):
    model = librnn.Model(librnn.GRU(3, 4), dtype="float64")
    result = still(model, SUM).step(normal(1, 5, 2, 3), normal(2, 5, 2, 4), observe=observe)
    assert result.origin is None and result.action == "updated"


def test_a_failure_says_where_it_began():
    model = chain(
        librnn.RNN(H, H, nonlinearity="relu"),
        dtype="float32",
        t0_weight_ih_l0=np.eye(H),
        t0_weight_hh_l0=1e30 * np.eye(H),
    )
    x = np.ones((9, 2, H), "float32")
    place = "activations of layer 0, stacked layer 0, at step 2, tensor 0.weight_hh_l0"
    with pytest.raises(librnn.NonFiniteError, match=f"first in the {place}") as caught:
        still(model, SUM, nonfinite="fail").step(x, x)
    assert caught.value.result.origin == ("activation", 0, 0, 2, "0.weight_hh_l0")


# ---- States


@pytest.mark.parametrize("policy", ["skip", "roll_back"])
def test_a_state_that_is_not_finite_is_not_handed_on(policy):
    layer = librnn.RNN(H, H, nonlinearity="identity")
    model = chain(layer, dtype="float32", t0_weight_ih_l0=10 * np.eye(H))
    trainer = librnn.Trainer(model, SUM, nonfinite=policy)
    x, y = normal(1, 4, 2, H, dtype="float32"), normal(2, 4, 2, H, dtype="float32")
    (state,) = trainer.step(x, y).state
    assert np.abs(state).min() > 0
    result = trainer.step(np.full_like(x, 3e38), y)
    assert result.action == {"skip": "skipped", "roll_back": "rolled_back"}[policy]
    assert_same_bits(result.state[0], np.zeros_like(state))


def test_a_finite_state_of_a_step_without_an_update_is_handed_on():
    model = librnn.Model(librnn.LSTM(H, H))
    x = normal(1, 4, 2, H, dtype="float32")
    result = still(model, SUM).step(x, np.full_like(x, 3e38))
    assert result.skipped
    for part, expected in zip(result.state, model(x)[1], strict=True):
        assert_close(part, expected)
        assert np.abs(part).max() > 0


def test_an_observed_step_that_fails_has_a_flow():
    layer = librnn.RNN(H, H, nonlinearity="identity")
    model = chain(layer, dtype="float32", t0_weight_ih_l0=10 * np.eye(H))
    x = np.full((4, 2, H), 3e38, "float32")
    with pytest.raises(librnn.NonFiniteError) as caught:
        still(model, SUM, nonfinite="fail").step(x, x, observe=True)
    assert caught.value.result.flow is not None
    assert caught.value.result.flow.layers[0].verdict == "diverged"


# ---- Flossing


def test_a_step_of_flossing_that_fails_has_its_exponents():
    model = chain(librnn.RNN(1, 2, nonlinearity="relu"), t0_weight_hh_l0=[[0.5, 0], [0, 0]])
    trainer = still(model, SUM, nonfinite="fail")
    with pytest.raises(librnn.NonFiniteError, match="gradient: expected a finite norm") as caught:
        trainer.floss(np.zeros((4, 1, 1)), state=np.ones((1, 1, 2)))
    result = caught.value.result
    assert result.skipped and result.step == 1 and result.exponents[0, 1] == -np.inf


@pytest.mark.parametrize("policy", ["skip", "fail"])
def test_flossing_along_states_that_run_away_has_no_gradient(policy):
    model = chain(librnn.RNN(1, 2, nonlinearity="identity"), t0_weight_hh_l0=1e200)
    trainer, before = still(model, SUM, nonfinite=policy), model.state_dict()
    if policy == "fail":
        with pytest.raises(librnn.NonFiniteError, match="the weights are unchanged") as caught:
            trainer.floss(np.zeros((4, 1, 1)), state=np.ones((1, 1, 2)))
        result = caught.value.result
    else:
        result = trainer.floss(np.zeros((4, 1, 1)), state=np.ones((1, 1, 2)))
    assert (result.action, result.step, result.origin) == ("skipped", 1, None)
    assert np.isnan([result.loss, result.grad_norm, *result.exponents[0]]).all()
    assert_same_dicts(model.state_dict(), before)
