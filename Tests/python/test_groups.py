"""Tensors with a learning rate or weight decay of their own, and frozen ones."""

import fnmatch
import re

import librnn
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from librnn import SGD, Adam, AdamW, RMSprop

import reference
from support import (
    assert_close,
    assert_dicts_close,
    assert_same_bits,
    assert_same_dicts,
    norm,
)
from trainers import problem, sensor

MSE = librnn.MSELoss()
DTYPES = ["float32", "float64"]
OPTIMIZERS = [
    SGD(lr=0.1, momentum=0.9, weight_decay=0.01),
    RMSprop(weight_decay=0.02),
    Adam(lr=0.01, weight_decay=0.1),
    AdamW(lr=0.01),
]


def trainer(optimizer=OPTIMIZERS[2], dtype="float64", **options):
    return librnn.Trainer(sensor(dtype), MSE, optimizer, **options)


def step(run, seed, **options):
    return run.step(*problem(seed, dtype=run.model.dtype), **options)


def bad(run):
    x, y = problem(dtype=run.model.dtype)
    return run.step(x, np.full_like(y, np.inf))


def changed(optimizer, **values):
    return type(optimizer)(**(vars(optimizer) | values))


def references(run, of):
    """PyTorch's rule for each tensor, with the optimiser that `of` gives it."""
    weights = run.model.state_dict()
    return {name: reference.Optimizer(of(name), value) for name, value in weights.items()}


# ---- Rates and decays


@pytest.mark.parametrize("options", [{}, {"clip_norm": 0.1}, {"clip_adaptive": 0.01}], ids=repr)
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_updates_are_those_of_an_optimizer_with_the_groups_values(optimizer, options):
    run = trainer(optimizer)
    run.set_group("0.*", lr_factor=0.5)
    run.set_group("*bias*", weight_decay=0)
    run.set_group("1.weight", lr_factor=3, weight_decay=0.3)

    def of(name):
        if name == "1.weight":
            return changed(optimizer, lr=3 * optimizer.lr, weight_decay=0.3)
        if "bias" in name:
            return changed(optimizer, weight_decay=0.0)
        return changed(optimizer, lr=0.5 * optimizer.lr)

    rules = references(run, of)
    for seed in range(4):
        step(run, seed)
        gradients = run.gradients()
        expected = {name: rule.update(gradients[name]) for name, rule in rules.items()}
        assert_dicts_close(run.model.state_dict(), expected)
    assert run.optimizer == optimizer


def test_a_factor_of_zero_keeps_the_weights_but_not_the_averages():
    run = trainer(SGD(lr=0.1, momentum=0.5))
    run.set_group("1.*", lr_factor=0)
    before = run.model.state_dict()
    step(run, 1)
    first = run.gradients()
    assert_same_bits(run.model.state_dict()["1.bias"], before["1.bias"])
    assert np.any(first["1.bias"] != 0)
    run.set_group("1.*", lr_factor=1)
    step(run, 2)
    moved = before["1.bias"] - run.model.state_dict()["1.bias"]
    assert_close(moved, 0.1 * (0.5 * first["1.bias"] + run.gradients()["1.bias"]), bound=1e-10)


def test_the_factor_is_of_the_scheduled_rate():
    run = trainer(SGD(lr=0.4), schedule=librnn.StepSchedule(1, 0.5))
    run.set_group("1.*", lr_factor=0.25)
    for seed in range(3):
        before = run.model.state_dict()
        rate = step(run, seed).learning_rate
        assert rate == 0.4 / 2**seed
        gradients = run.gradients()
        for name, value in run.model.state_dict().items():
            own = rate * (0.25 if name.startswith("1") else 1)
            assert_close(value, before[name] - own * gradients[name], name, 1e-14)


@pytest.mark.parametrize("options", [{}, {"clip_norm": 0.05}, {"clip_adaptive": 0.01}], ids=repr)
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_a_group_that_says_nothing_changes_no_bit(optimizer, options):
    run, plain = trainer(optimizer, **options), trainer(optimizer, **options)
    run.set_group("0.weight_hh_l0", lr_factor=1.0)
    run.set_group("*_ih_*", weight_decay=optimizer.weight_decay)
    for seed in range(4):
        one, other = step(run, seed), step(plain, seed)
        assert (one.loss, one.grad_norm, one.clipping) == (
            other.loss,
            other.grad_norm,
            other.clipping,
        )
    assert_same_dicts(run.model.state_dict(), plain.model.state_dict())


def test_a_later_call_takes_the_place_of_an_earlier():
    run, plain = trainer(), trainer()
    run.set_group("*", frozen=True, lr_factor=7, weight_decay=1)
    run.set_group("*")
    step(run, 1)
    step(plain, 1)
    assert_same_dicts(run.model.state_dict(), plain.model.state_dict())


# ---- Frozen tensors


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_frozen_tensors_keep_their_bits(optimizer, dtype):
    run = trainer(optimizer, dtype, clip_adaptive=0.1, orthogonality=0.1, ema_decay=0.7)
    run.set_group("0.*hh*", frozen=True)
    before = run.model.state_dict()
    for seed in range(4):
        step(run, seed, observe=seed % 2 == 0)
    after, average = run.model.state_dict(), run.average().state_dict()
    for name, value in before.items():
        if "hh" in name:
            assert_same_bits(after[name], value, name)
            assert_same_bits(average[name], value, name)
            assert not run.gradients()[name].any()
        else:
            assert np.any(after[name] != value) and np.any(average[name] != value)


def test_averages_of_frozen_tensors_stay_where_they_are():
    run = trainer(ema_decay=0.5)
    step(run, 1)
    run.set_group("1.weight", frozen=True)
    kept = run.average().state_dict()
    step(run, 2)
    average = run.average().state_dict()
    assert_same_bits(average["1.weight"], kept["1.weight"])
    assert np.any(average["1.bias"] != kept["1.bias"])


@pytest.mark.parametrize("options", [{"clip_norm": 0.05}, {"clip_value": 0.01}], ids=repr)
def test_frozen_tensors_are_left_out_of_the_norm(options):
    run, free = trainer(SGD(lr=1), **options), trainer(SGD(lr=0))
    run.set_group("0.*", frozen=True)
    before = run.model.state_dict()
    result, _ = step(run, 1), step(free, 1)
    head = {name: value for name, value in free.gradients().items() if name.startswith("1")}
    assert_close(result.grad_norm, norm(head), bound=1e-14)
    assert result.grad_norm < norm(free.gradients())
    moved = {name: before[name] - value for name, value in run.model.state_dict().items()}
    if "clip_norm" in options:
        assert_close(norm(moved), 0.05, bound=1e-12)


def test_a_gradient_that_is_not_finite_only_where_it_is_frozen_is_none():
    """dL/dw = 2 (b - y) x overflows, dL/db does not."""
    model = librnn.Model(librnn.Linear(1, 1), dtype="float64")
    model.load_state_dict({"0.weight": np.zeros((1, 1)), "0.bias": np.full(1, 1e9)})
    run = librnn.Trainer(model, librnn.MSELoss("sum"), SGD(lr=0.1))
    x, y = np.full((1, 1, 1), 1e300), np.zeros((1, 1, 1))
    assert run.step(x, y).action == "skipped"
    run.set_group("*weight", frozen=True)
    result = run.step(x, y)
    assert (result.action, result.grad_norm) == ("updated", 2e9)
    assert_same_bits(model.state_dict()["0.weight"], np.zeros((1, 1)))


def test_thawed_tensors_train_on():
    run = trainer(SGD(lr=0.1, momentum=0.9))
    run.set_group("1.*", frozen=True)
    step(run, 1)
    run.set_group("1.*")
    before = run.model.state_dict()
    step(run, 2)
    moved = before["1.weight"] - run.model.state_dict()["1.weight"]
    assert_close(moved, 0.1 * run.gradients()["1.weight"], bound=1e-12)


def test_what_is_frozen_stays_when_an_update_is_taken_back():
    run = trainer(nonfinite="roll_back", ema_decay=0.5)
    step(run, 1)
    kept = run.model.state_dict()
    step(run, 2)
    run.set_group("0.*", frozen=True)
    frozen, average = run.model.state_dict(), run.average().state_dict()
    assert bad(run).action == "rolled_back"
    now = run.model.state_dict()
    for name, value in now.items():
        assert_same_bits(value, (frozen if name.startswith("0") else kept)[name], name)
    assert_same_bits(run.average().state_dict()["0.bias_hh_l0"], average["0.bias_hh_l0"])


def test_what_is_frozen_leaves_a_group_of_steps():
    run, other = (trainer(SGD(lr=0.1), accumulate=2) for _ in range(2))
    step(run, 1)
    run.set_group("0.*", frozen=True)
    other.set_group("0.*", frozen=True)
    step(other, 1)
    assert step(run, 2).grad_norm == step(other, 2).grad_norm
    assert_same_dicts(run.model.state_dict(), other.model.state_dict())


def test_flossing_leaves_what_is_frozen():
    run = trainer(SGD(lr=0.1))
    run.set_group("*_ih_*", frozen=True)
    before = run.model.state_dict()
    run.floss(problem()[0], 2)
    after = run.model.state_dict()
    same = {name for name in before if before[name].tobytes() == after[name].tobytes()}
    assert {name for name in before if "_ih_" in name} <= same
    assert "0.weight_hh_l0" not in same


def test_observed_steps_tell_that_nothing_moves():
    run = trainer()
    run.set_group("0.*", frozen=True)
    tensors = step(run, 1, observe=True).flow.tensors
    for name, tensor in tensors.items():
        assert (tensor.grad_norm == 0) == (tensor.update_norm == 0) == name.startswith("0")


# ---- Names


NAMES = list(sensor().state_dict())


@pytest.mark.parametrize(
    "pattern",
    [
        "0.*",
        "*bias*",
        "1.weight",
        "*",
        "**",
        "*l0",
        "0*hh*",
        "*.weight*",
        "*i*h*",
        "1.*s",
        "*_*_l*",
    ],
)
def test_a_star_stands_for_any_text(pattern):
    run = trainer()
    run.set_group(pattern, frozen=True)
    step(run, 1)
    frozen = {name for name, value in run.gradients().items() if not value.any()}
    assert frozen == set(fnmatch.filter(NAMES, pattern)) != set()


@given(st.text("0.wb*_ihl", max_size=9))
def test_patterns_that_match_nothing_are_refused(pattern):
    found = fnmatch.filter(NAMES, pattern)
    run = trainer()
    if found:
        run.set_group(pattern, lr_factor=2)
        return
    message = re.escape(f'pattern: expected the name of a tensor, such as "{NAMES[0]}"')
    with pytest.raises(librnn.TensorNameError, match=message):
        run.set_group(pattern, lr_factor=2)


@pytest.mark.parametrize("pattern", ["", "0.", "bias", "[01].*", "?.bias", "1.weight_", "*x", "é*"])
def test_other_signs_stand_for_themselves(pattern):
    with pytest.raises(librnn.TensorNameError, match="expected .* got "):
        trainer().set_group(pattern)


WRONG = [
    {"lr_factor": -1},
    {"lr_factor": np.nan},
    {"lr_factor": np.inf},
    {"weight_decay": -1},
    {"weight_decay": np.inf},
]


@pytest.mark.parametrize("values", WRONG, ids=repr)
def test_wrong_values_are_refused_and_change_nothing(values):
    run, plain = trainer(), trainer()
    with pytest.raises(librnn.ArgumentError, match="expected .* got "):
        run.set_group("*", **values)
    step(run, 1)
    step(plain, 1)
    assert_same_dicts(run.model.state_dict(), plain.model.state_dict())


def test_rates_that_the_dtype_cannot_hold_are_refused():
    run = trainer(dtype="float32")
    with pytest.raises(librnn.ArgumentError, match="learning_rate: .* float32 can hold"):
        run.set_group("*", lr_factor=1e60)
    run.set_group("*", lr_factor=1e20)
    with pytest.raises(librnn.ArgumentError, match="learning_rate: .* float32 can hold"):
        run.learning_rate = 1e30
    assert run.learning_rate == 0.01


def test_a_pattern_is_text():
    with pytest.raises(librnn.DTypeError, match="pattern: expected a str"):
        trainer().set_group(3)
    with pytest.raises(librnn.ArgumentError, match="pattern: expected text without zero bytes"):
        trainer().set_group("*\0")


# ---- Checkpoints


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_a_run_is_resumed_bit_for_bit(tmp_path, optimizer, dtype):
    straight = trainer(optimizer, dtype, clip_norm=0.1, ema_decay=0.9)
    straight.set_group("0.*", lr_factor=1 / 3)
    straight.set_group("*bias*", weight_decay=0)
    straight.set_group("*hh_l0", frozen=True, weight_decay=0.3)
    for seed in range(3):
        step(straight, seed)
    straight.save(tmp_path / "run.safetensors")
    resumed = librnn.Trainer.resume(tmp_path / "run.safetensors")
    for seed in range(3, 6):
        one, same = step(straight, seed), step(resumed, seed)
        assert (one.loss, one.grad_norm) == (same.loss, same.grad_norm)
    for run in (straight, resumed):
        run.set_group("0.weight_hh_l0", weight_decay=None)
        step(run, 7)
    assert_same_dicts(resumed.model.state_dict(), straight.model.state_dict())
    assert_same_dicts(resumed.average().state_dict(), straight.average().state_dict())
