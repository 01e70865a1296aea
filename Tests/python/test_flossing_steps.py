"""A step of flossing is a step: clipped, judged by the policy, counted, given to the optimiser."""

import librnn
import numpy as np
import pytest
from librnn import GRU, LSTM, RNN, Linear, Model, dynamics

from dynamical import chaotic
from support import (
    assert_close,
    assert_same_bits,
    assert_same_dicts,
    norm,
    normal,
    perturbed,
    still,
)

MSE = librnn.MSELoss()
X, Y = normal(1, 9, 3, 2), normal(2, 9, 3, 2)


def gru(dropout=0.0):
    layers = [GRU(2, 4, 2, dropout), Linear(4, 2)]
    return perturbed(Model(*layers, dtype="float64"), 3)


def make(optimizer=librnn.SGD(lr=1), loss=MSE, **options):  # noqa: B008
    return librnn.Trainer(gru(), loss, optimizer, **options)


def dead():
    """A unit of three is off at all steps: its direction is lost, its exponent is -inf."""
    layer = RNN(1, 3, nonlinearity="relu", recurrent_init="identity")
    model = Model(layer, Linear(3, 1), dtype="float64")
    biases = {"0.bias_ih_l0": np.array([1.0, 1, -9]), "0.bias_hh_l0": np.zeros(3)}
    model.load_state_dict(model.state_dict() | biases)
    return model


# ---- Where it goes


def elman(gain):
    model = perturbed(Model(RNN(2, 20), dtype="float64"), 3)
    model.load_state_dict(model.state_dict() | {"0.weight_hh_l0": chaotic(gain, 20, 1)})
    return model


@pytest.mark.parametrize(
    "model",
    [
        elman(3.0),
        elman(0.3),
        perturbed(Model(GRU(2, 8), dtype="float64"), 3),
        perturbed(Model(LSTM(2, 6), Linear(6, 2), dtype="float64"), 3),
    ],
    ids=["chaotic", "contracting", "GRU", "LSTM"],
)
def test_exponents_go_to_zero(model):
    """From above and from below; from chaos by a way that the last bits of a tanh decide on."""
    trainer = librnn.Trainer(model, MSE, librnn.Adam(lr=0.01), clip_norm=0.1)
    x = 0.1 * normal(1, 15, 4, 2)
    first = trainer.floss(x, 5, warm_up=5)
    for _ in range(300):
        last = trainer.floss(x, 5, warm_up=5)
    assert last.loss < first.loss / 10
    found = dynamics.lyapunov(model, x, 5, warm_up=5).exponents
    assert np.max(np.abs(found)) < np.max(np.abs(first.exponents)) / 3


def test_a_step_says_what_was_before_it_and_moves_down_the_gradient():
    trainer, model = make(librnn.SGD(lr=0.5)), gru()
    before = model.state_dict()
    state = [normal(4, 2, 3, 4)]
    result = trainer.floss(X, 3, state=state)
    assert_same_bits(result.exponents, dynamics.lyapunov(model, X, 3, state=state).exponents)
    assert_close(np.float64(result.loss), np.mean(result.exponents**2))
    assert_close(np.float64(result.grad_norm), norm(trainer.gradients()))
    assert (result.action, result.clipping, result.learning_rate) == ("updated", (), 0.5)
    for name, g in trainer.gradients().items():
        assert_close(trainer.model.state_dict()[name], before[name] - 0.5 * g, name, 1e-15)
    assert result.flow is None and result.origin is None and result.clip_threshold is None
    assert_same_bits(result.state[0], state[0])
    assert not np.any(make().floss(X, 3).state[0])


def test_the_gradient_goes_into_the_optimizer():
    """With the learning rate in force."""
    trainer = make(librnn.SGD(lr=7, momentum=0.9))
    weights, average = trainer.model.state_dict(), None
    trainer.learning_rate = 0.1
    for _ in range(3):
        assert trainer.floss(X, 2).learning_rate == 0.1
        g = trainer.gradients()
        average = g if average is None else {n: 0.9 * average[n] + g[n] for n in g}
        weights = {n: weights[n] - 0.1 * average[n] for n in g}
    for name, value in trainer.model.state_dict().items():
        assert_close(value, weights[name], name)


# ---- What plays no part


PENALTIES = ["omega", "orthogonality", "activation_penalty", "temporal_activation_penalty"]


@pytest.mark.parametrize(
    "options",
    [
        {"loss": librnn.CrossEntropyLoss()},
        {"loss": librnn.BCEWithLogitsLoss("sum")},
        {name: 3.0 for name in PENALTIES},
        {"bptt": 2},
        {"recompute": True},
        {"clip_step_norm": 1e-6, "clip_step_value": 1e-6},
        {"clip_quantile": 0.1, "clip_window": 10},
    ],
    ids=repr,
)
def test_options_of_training_play_no_part(options):
    plain, trainer = make(), make(**options)
    expected, result = plain.floss(X, 3), trainer.floss(X, 3)
    assert (result.loss, result.grad_norm) == (expected.loss, expected.grad_norm)
    assert (result.penalty, result.omega, result.clipping) == (0, 0, ())
    assert_same_dicts(trainer.gradients(), plain.gradients())
    assert_same_dicts(trainer.model.state_dict(), plain.model.state_dict())


def test_nothing_is_dropped():
    dropping, plain = still(gru(dropout=0.5), MSE), still(gru(), MSE)
    assert dropping.floss(X).loss == plain.floss(X).loss
    assert_same_dicts(dropping.gradients(), plain.gradients())


def test_what_an_earlier_step_left_plays_no_part():
    trainer, fresh = still(gru(), MSE, clip_step_norm=1e-3, omega=1.0), still(gru(), MSE)
    trained = trainer.step(X, Y)
    assert trained.clipped_places > 0 and trained.exponents is None
    result = trainer.floss(X)
    assert (result.clipped_places, result.clipping) == (0, ())
    fresh.floss(X)
    assert_same_dicts(trainer.gradients(), fresh.gradients())
    assert trainer.step(X, Y).grad_norm == trained.grad_norm


# ---- Clipping


CLIPPING = {"clip_value": "value", "clip_adaptive": "adaptive", "clip_tensor_norm": "tensor_norm"}


@pytest.mark.parametrize("option", CLIPPING)
def test_every_clipping_of_the_whole_gradient_applies(option):
    trainer = make(**{option: 1e-6})
    before = trainer.model.state_dict()
    result = trainer.floss(X)
    assert result.clipping == (CLIPPING[option],) and result.clipped_steps == 1
    moved = {n: w - before[n] for n, w in trainer.model.state_dict().items()}
    assert 0 < norm(moved) < 1e-4 < result.grad_norm


def test_a_gradient_clipped_by_norm_has_that_norm():
    trainer = make(clip_norm=1e-3, clip_quantile=0.5)
    before = trainer.model.state_dict()
    result = trainer.floss(X)
    assert (result.clipping, result.clip_threshold) == (("norm",), 1e-3)
    assert_close(np.float64(result.grad_norm), norm(trainer.gradients()))
    moved = {n: before[n] - w for n, w in trainer.model.state_dict().items()}
    for name, g in trainer.gradients().items():
        assert_close(moved[name], g * 1e-3 / result.grad_norm, name, 1e-9)


def test_the_running_quantile_is_that_of_training_alone():
    """Neither does it bound flossing, nor do norms of flossing come into it."""
    trainer, plain = (still(gru(), MSE, clip_quantile=0.5, clip_window=10) for _ in range(2))
    for seed in range(14):
        y = normal(seed, 9, 3, 2)
        result, expected = trainer.step(X, y), plain.step(X, y)
        assert result.clip_threshold == expected.clip_threshold
        flossed = trainer.floss(X, warm_up=seed % 8)
        assert flossed.clip_threshold is None and flossed.clipping == ()
        assert flossed.grad_norm != result.grad_norm
    assert expected.clip_threshold is not None


# ---- A gradient that is not finite


def test_a_direction_that_is_lost_is_skipped():
    trainer = librnn.Trainer(dead(), MSE, librnn.SGD(lr=1e-3))
    x, before = np.zeros((5, 2, 1)), trainer.model.state_dict()
    result = trainer.floss(x)
    assert np.all(result.exponents[:, 2] == -np.inf)
    assert (result.loss, result.action, result.skipped_steps) == (np.inf, "skipped", 1)
    assert not np.isfinite(result.grad_norm)
    assert_same_dicts(trainer.model.state_dict(), before)
    again = trainer.floss(x, 1)
    assert again.action == "updated" and np.isfinite(again.grad_norm)
    assert (again.step, again.skipped_steps) == (2, 1)


def test_it_can_fail():
    trainer = librnn.Trainer(dead(), MSE, nonfinite="fail")
    before = trainer.model.state_dict()
    with pytest.raises(librnn.NonFiniteError, match="gradient: expected a finite norm") as caught:
        trainer.floss(np.zeros((5, 2, 1)))
    assert (caught.value.result.skipped_steps, caught.value.result.loss) == (1, np.inf)
    assert_same_dicts(trainer.model.state_dict(), before)


def test_it_can_take_the_last_update_back():
    model = dead()
    trainer = librnn.Trainer(model, MSE, librnn.SGD(lr=1e-3), nonfinite="roll_back")
    x, before = np.zeros((5, 2, 1)), model.state_dict()
    assert trainer.floss(x).action == "skipped"  # there was none
    trainer.floss(x, 1)
    assert norm({n: w - before[n] for n, w in model.state_dict().items()}) > 0
    result = trainer.floss(x)
    assert (result.action, result.rolled_back_steps) == ("rolled_back", 1)
    assert (result.learning_rate, trainer.learning_rate) == (1e-3, 5e-4)
    assert_same_dicts(model.state_dict(), before)
    trainer.floss(x, 1)
    assert trainer.step(x, np.full((5, 2, 1), 1.7e308)).action == "rolled_back"
    assert_same_dicts(model.state_dict(), before)


# ---- Counts and files


def test_steps_of_both_kinds_are_counted_together():
    trainer = make(librnn.SGD(lr=0), clip_norm=1e-9)
    for step in range(1, 7, 2):
        assert trainer.floss(X, 2).step == step
        assert trainer.step(X, Y).step == step + 1
    last = trainer.floss(X, 2)
    assert (last.step, last.clipped_steps, last.skipped_steps) == (7, 7, 0)


@pytest.mark.parametrize("cut", [0, 1, 4])
def test_a_run_that_flosses_is_resumed_bit_for_bit(tmp_path, cut):
    def go(trainer, place):
        return trainer.step(X, Y) if place % 3 else trainer.floss(X, 2, warm_up=1)

    straight = make(librnn.Adam(), clip_norm=0.1, clip_quantile=0.5, nonfinite="roll_back")
    for place in range(cut):
        go(straight, place)
    straight.save(tmp_path / "run")
    resumed = librnn.Trainer.resume(tmp_path / "run")
    for place in range(cut, 7):
        one, same = go(straight, place), go(resumed, place)
        assert (one.loss, one.grad_norm, one.step) == (same.loss, same.grad_norm, same.step)
    assert_same_dicts(resumed.model.state_dict(), straight.model.state_dict())
