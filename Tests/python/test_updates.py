"""From the gradient to the weights: clipping, gradients that are not finite, optimisers."""

import librnn
import numpy as np
import pytest
from librnn import SGD, Adam, AdamW, RMSprop

import reference
from support import (
    assert_close,
    assert_dicts_close,
    assert_same_bits,
    assert_same_dicts,
    norm,
    normal,
    still,
)
from trainers import problem, sensor

# ---- Clipping


def change(trainer, x, y):
    """What a step with SGD(lr=1) takes from the weights: the gradient after clipping."""
    before = trainer.model.state_dict()
    result = trainer.step(x, y)
    after = trainer.model.state_dict()
    return result, {name: before[name] - after[name] for name in before}


def clipping(**options):
    return librnn.Trainer(sensor(), librnn.MSELoss("sum"), SGD(lr=1), **options)


@pytest.mark.parametrize("threshold", [1e-3, 0.1, 1.0])
def test_a_gradient_clipped_by_norm_has_that_norm_and_its_direction(threshold):
    trainer = clipping(clip_norm=threshold)
    result, used = change(trainer, *problem())
    gradient = trainer.gradients()
    assert result.clipped and result.grad_norm > threshold
    assert_close(result.grad_norm, norm(gradient))
    scaled = {name: value * (threshold / result.grad_norm) for name, value in gradient.items()}
    # The weights are about 1: their last place is all that is lost by the subtraction.
    for name in used:
        assert np.max(np.abs(used[name] - scaled[name])) <= 4 * np.finfo(float).eps, name
    assert abs(norm(used) - threshold) <= 100 * np.finfo(float).eps


def test_clipping_per_tensor_gives_each_its_own_norm():
    threshold = 5.0
    trainer = clipping(clip_norm=threshold, clip_scope="per_tensor")
    result, used = change(trainer, *problem())
    norms = {name: np.linalg.norm(value) for name, value in trainer.gradients().items()}
    assert result.clipped and min(norms.values()) < threshold < max(norms.values())
    for name, value in used.items():
        expected = min(norms[name], threshold)
        assert abs(np.linalg.norm(value) - expected) <= 100 * np.finfo(float).eps, name


def test_clipping_by_value_is_element_by_element():
    trainer = clipping(clip_value=0.1)
    result, used = change(trainer, *problem())
    assert result.clipped
    for name, gradient in trainer.gradients().items():
        expected = np.clip(gradient, -0.1, 0.1)
        assert np.max(np.abs(used[name] - expected)) <= 4 * np.finfo(float).eps, name


def test_clipping_by_value_comes_before_clipping_by_norm():
    trainer = clipping(clip_value=0.1, clip_norm=0.2)
    _, used = change(trainer, *problem())
    cut = {name: np.clip(value, -0.1, 0.1) for name, value in trainer.gradients().items()}
    assert norm(cut) > 0.2
    for name, value in cut.items():
        expected = value * (0.2 / norm(cut))
        assert np.max(np.abs(used[name] - expected)) <= 4 * np.finfo(float).eps, name


@pytest.mark.parametrize("options", [{"clip_norm": 1e6}, {"clip_value": 1e6}, {}])
def test_a_threshold_that_is_not_reached_changes_nothing(options):
    trainer, free = clipping(**options), clipping()
    assert not trainer.step(*problem()).clipped
    free.step(*problem())
    assert_same_dicts(trainer.model.state_dict(), free.model.state_dict())


def test_clipped_steps_are_counted():
    trainer = clipping(clip_norm=1e-3)
    results = [trainer.step(*problem(seed)) for seed in range(3)]
    assert [result.step for result in results] == [1, 2, 3]
    assert [result.clipped_steps for result in results] == [1, 2, 3]
    assert {result.skipped_steps for result in results} == {0}


# ---- Gradients that are not finite


def poisoned(nonfinite, dtype="float64"):
    """A trainer whose next gradient is not finite, and the weights it begins with."""
    model = sensor(dtype)
    weights = model.state_dict()
    weights["1.weight"][0, 0] = np.inf
    model.load_state_dict(weights)
    return librnn.Trainer(model, librnn.MSELoss(), nonfinite=nonfinite, clip_norm=1.0), weights


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_gradient_that_is_not_finite_is_skipped_and_counted(dtype):
    trainer, weights = poisoned("skip", dtype)
    x, y = problem(dtype=dtype)
    first, second = trainer.step(x, y), trainer.step(x, y)
    assert first.skipped and not first.clipped and not np.isfinite(first.grad_norm)
    assert (second.step, second.skipped_steps, second.clipped_steps) == (2, 2, 0)
    assert_same_dicts(trainer.model.state_dict(), weights)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_gradient_that_is_not_finite_can_fail(dtype):
    trainer, weights = poisoned("fail", dtype)
    x, y = problem(dtype=dtype)
    h, c = normal(5, 1, 3, 4, dtype=dtype), normal(6, 1, 3, 4, dtype=dtype)
    with pytest.raises(FloatingPointError, match="expected .* got ") as caught:
        trainer.step(x, y, state=(h, c))
    result = caught.value.result
    assert isinstance(caught.value, librnn.NonFiniteError)
    assert result.skipped and (result.step, result.skipped_steps) == (1, 1)
    assert_same_bits(result.state[0], h)
    assert_same_bits(result.state[1], c)
    assert_same_dicts(trainer.model.state_dict(), weights)


def test_infinite_gradients_of_float32_are_skipped():
    model = sensor("float32")
    weights = model.state_dict()
    x, y = problem(dtype="float32")
    y[...] = 3e38
    result = librnn.Trainer(model, librnn.MSELoss("sum")).step(x, y)
    assert result.skipped and np.isinf(result.grad_norm)
    assert_same_dicts(model.state_dict(), weights)


def test_training_goes_on_after_a_skipped_step():
    skipping, clean = (librnn.Trainer(sensor("float32"), librnn.MSELoss("sum")) for _ in range(2))
    x, y = problem(dtype="float32")
    assert skipping.step(x, np.full_like(y, 3e38)).skipped
    assert not skipping.step(x, y).skipped
    clean.step(x, y)
    assert_same_dicts(skipping.model.state_dict(), clean.model.state_dict())


def test_a_mean_over_nothing_is_nan_and_skipped():
    model = librnn.Model(librnn.GRU(3, 5))
    weights = model.state_dict()
    x, y = normal(1, 6, 4, 3, dtype="float32"), np.full((6, 4), -100)
    result = librnn.Trainer(model).step(x, y)
    assert np.isnan(result.loss) and result.skipped and result.skipped_steps == 1
    assert_same_dicts(model.state_dict(), weights)


# ---- Optimisers


OPTIMIZERS = [
    SGD(lr=0.1),
    SGD(lr=0.1, momentum=0.9),
    SGD(lr=0.1, momentum=0.8, nesterov=True, weight_decay=0.01),
    RMSprop(),
    RMSprop(lr=0.02, alpha=0, eps=1e-3, weight_decay=0.01, momentum=0.5),
    Adam(),
    Adam(lr=0.01, betas=(0, 0.99), eps=1e-4, weight_decay=0.1),
    Adam(lr=0.01, betas=(0.5, 0)),
    AdamW(),
    AdamW(lr=0.01, weight_decay=0),
    AdamW(lr=0.1, betas=(0.8, 0.9), eps=1e-6, weight_decay=0.5),
    SGD(lr=0, weight_decay=0.5),
]


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_updates_are_those_of_pytorch(optimizer):
    model = sensor()
    trainer = librnn.Trainer(model, librnn.MSELoss(), optimizer)
    expected = {n: reference.Optimizer(optimizer, w) for n, w in model.state_dict().items()}
    for seed in range(5):
        trainer.step(*problem(seed))
        gradients = trainer.gradients()
        updated = {name: rule.update(gradients[name]) for name, rule in expected.items()}
        assert_dicts_close(model.state_dict(), updated)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_the_options_in_force_are_those_given(optimizer):
    trainer = librnn.Trainer(sensor(), librnn.MSELoss("sum"), optimizer)
    assert trainer.optimizer == optimizer and type(trainer.optimizer) is type(optimizer)
    assert trainer.loss == librnn.MSELoss("sum")
    assert trainer.learning_rate == optimizer.lr


def test_the_defaults_are_pytorchs():
    assert librnn.Trainer(sensor()).optimizer == Adam(1e-3, (0.9, 0.999), 1e-8, 0)
    assert librnn.Trainer(sensor()).loss == librnn.CrossEntropyLoss(-100, "mean")
    assert SGD() == SGD(lr=1e-3, momentum=0, nesterov=False, weight_decay=0)
    assert RMSprop() == RMSprop(lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0, momentum=0)
    assert AdamW() == AdamW(lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2)


def test_a_rate_of_zero_changes_no_bit():
    model = sensor()
    weights = model.state_dict()
    result = still(model, librnn.MSELoss()).step(*problem())
    assert result.grad_norm > 0 and result.learning_rate == 0 and not result.skipped
    assert_same_dicts(model.state_dict(), weights)


def test_the_learning_rate_can_be_set_at_any_step():
    trainer = librnn.Trainer(sensor(), librnn.MSELoss(), SGD(lr=0.1))
    assert trainer.step(*problem()).learning_rate == 0.1
    for rate in [0.25, 0, 1, np.float32(0.5)]:
        trainer.learning_rate = rate
        assert trainer.learning_rate == rate
        before = trainer.model.state_dict()
        assert trainer.step(*problem()).learning_rate == rate
        gradients = trainer.gradients()
        expected = {name: before[name] - float(rate) * gradients[name] for name in before}
        assert_dicts_close(trainer.model.state_dict(), expected)
