"""Every kind of clipping by itself and all together, against plain numpy."""

import librnn
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference import clip, units
from support import (
    assert_close,
    assert_same_dicts,
    norm,
    normal,
    perturbed,
    still,
)

SUM = librnn.MSELoss("sum")
KINDS = ["clip_value", "clip_adaptive", "clip_tensor_norm", "clip_norm"]


def make(dtype="float64", **options):
    """A trainer that takes the clipped gradient from the weights."""
    model = librnn.Model(librnn.LSTM(3, 4, 2), librnn.Linear(4, 2), dtype=dtype)
    return librnn.Trainer(perturbed(model, 3), SUM, librnn.SGD(lr=1), **options)


def batch(seed=1, dtype="float64", scale=1.0):
    x, y = normal(seed, 5, 3, 3, dtype=dtype), normal(seed + 50, 5, 3, 2, dtype=dtype)
    return x, y * np.asarray(scale, dtype)


def assert_step(trainer, problem, threshold=None, **options):
    """A step moves the weights by the clipped gradient and names the kinds that changed it."""
    before = trainer.model.state_dict()
    result = trainer.step(*problem)
    gradients, after = trainer.gradients(), trainer.model.state_dict()
    expected, actions = clip(gradients, before, threshold=threshold, **options)
    for name in before:
        moved, step = before[name] - after[name], expected[name]
        allowed = 1e-14 * np.max(np.abs(before[name])) + 1e-12 * np.max(np.abs(step))
        assert np.max(np.abs(moved - step)) <= allowed, name
    assert_close(np.float64(result.grad_norm), norm(gradients))
    assert tuple(a for a in result.clipping if a != "step") == actions
    assert result.clipped == bool(result.clipping)
    assert_close(np.float64(result.clip_threshold or 0), np.float64(threshold or 0))
    return result


# ---- Kinds


@pytest.mark.parametrize("factor", [1e-4, 1e-2, 1.0, 1e6])
def test_adaptive_clipping_is_row_by_row(factor):
    result = assert_step(make(clip_adaptive=factor), batch(), adaptive=factor)
    assert result.clipping == (("adaptive",) if factor < 1e6 else ())


def test_adaptive_clipping_lets_rows_of_zeros_move():
    """By a factor of 1e-3."""
    trainer = make(clip_adaptive=0.5)
    weights = trainer.model.state_dict()
    weights["1.weight"][0] = 0
    weights["1.bias"][:] = 0
    trainer.model.load_state_dict(weights)
    assert_step(trainer, batch(), adaptive=0.5)
    moved = trainer.model.state_dict()
    assert_close(np.linalg.norm(moved["1.weight"][0]), 0.5e-3)
    assert_close(np.linalg.norm(moved["1.bias"]), 0.5e-3)


def test_a_bound_on_each_tensor_stands_beside_one_on_all():
    result = assert_step(
        make(clip_tensor_norm=0.5, clip_norm=1.0), batch(), tensor_norm=0.5, threshold=1.0
    )
    assert result.clipping == ("tensor_norm", "norm")
    result = assert_step(
        make(clip_tensor_norm=0.5, clip_norm=100.0), batch(), tensor_norm=0.5, threshold=100.0
    )
    assert result.clipping == ("tensor_norm",)


def test_the_bound_on_each_tensor_is_the_scope_by_another_name():
    scoped, named = make(clip_norm=0.5, clip_scope="per_tensor"), make(clip_tensor_norm=0.5)
    for seed in range(2):
        assert scoped.step(*batch(seed)).clipping == ("tensor_norm",)
        assert named.step(*batch(seed)).clipping == ("tensor_norm",)
    assert_same_dicts(scoped.model.state_dict(), named.model.state_dict())


THRESHOLDS = st.sampled_from([None, 1e-3, 0.05, 0.7, 5.0, 1e9])


@given(THRESHOLDS, THRESHOLDS, THRESHOLDS, THRESHOLDS, st.integers(0, 9))
def test_kinds_are_combined_in_their_order(value, adaptive, tensor_norm, threshold, seed):
    trainer = make(
        clip_value=value,
        clip_adaptive=adaptive,
        clip_tensor_norm=tensor_norm,
        clip_norm=threshold,
    )
    bounds = {"value": value, "adaptive": adaptive, "tensor_norm": tensor_norm}
    assert_step(trainer, batch(seed), threshold, **bounds)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("threads", [2, 3])
def test_threads_clip_alike(kind, threads):
    weights = []
    for count in (1, threads):
        librnn.set_num_threads(count)
        model = librnn.Model(librnn.GRU(20, 90), librnn.Linear(90, 40))
        trainer = librnn.Trainer(model, SUM, **{kind: 1e-2, "clip_step_norm": 1e-2})
        x, y = normal(1, 9, 30, 20, dtype="float32"), normal(2, 9, 30, 40, dtype="float32")
        assert set(trainer.step(x, y).clipping) == {"step", kind.removeprefix("clip_")}
        weights.append(model.state_dict())
    assert_same_dicts(weights[1], weights[0])


# ---- A quantile


@pytest.mark.parametrize("q", [0.01, 0.1, 0.5, 0.93, 1.0])
@pytest.mark.parametrize("window", [10, 13, 1000])
@pytest.mark.parametrize("threshold", [None, 20.0])
def test_the_threshold_follows_a_quantile_of_the_last_norms(q, window, threshold):
    trainer = make(clip_quantile=q, clip_window=window, clip_norm=threshold)
    trainer.learning_rate = 1e-3
    norms, seen = [], set()
    for seed in range(30):
        expected = [np.quantile(norms[-window:], q)] if len(norms) >= 10 else []
        result = trainer.step(*batch(seed % 7, scale=1 + seed % 3))
        bound = min(expected + [threshold] * bool(threshold), default=None)
        assert (result.clip_threshold is None) == (bound is None)
        if bound:
            assert_close(np.float64(result.clip_threshold), bound)
            assert result.clipped == (result.grad_norm > result.clip_threshold)
        assert_close(np.float64(result.grad_norm), norm(trainer.gradients()))
        norms.append(result.grad_norm)
        seen.add(result.clipped)
    assert seen == {False, True} or q == 1.0


def test_a_quantile_clips_as_a_norm_does():
    trainer = make(clip_quantile=0.1)
    trainer.learning_rate = 0
    norms = [trainer.step(*batch(seed)).grad_norm for seed in range(10)]
    trainer.learning_rate = 1
    result = assert_step(trainer, batch(12, scale=9), np.quantile(norms, 0.1))
    assert result.clipping == ("norm",)


def test_norms_that_are_not_finite_are_no_part_of_the_quantile():
    trainer, clean = make(clip_quantile=0.5), make(clip_quantile=0.5)
    for seed in range(12):
        assert trainer.step(batch(seed)[0], np.full((5, 3, 2), 1.7e308)).skipped
        one, other = trainer.step(*batch(seed)), clean.step(*batch(seed))
        assert (one.clip_threshold, one.grad_norm) == (other.clip_threshold, other.grad_norm)
    assert one.clip_threshold is not None


def test_everything_at_once():
    options = {"value": 0.4, "adaptive": 0.3, "tensor_norm": 0.1}
    trainer = make(
        clip_norm=0.2,
        clip_quantile=0.5,
        clip_step_norm=0.5,
        clip_step_value=0.4,
        orthogonality=0.01,
        **{f"clip_{name}": value for name, value in options.items()},
    )
    norms, seen = [], set()
    for seed in range(14):
        quantile = [np.quantile(norms, 0.5)] if len(norms) >= 10 else []
        result = assert_step(trainer, batch(seed), min([0.2, *quantile]), **options)
        norms.append(result.grad_norm)
        seen |= set(result.clipping)
    assert seen == {"value", "adaptive", "tensor_norm", "norm", "step"}


# ---- Ranges


@pytest.mark.parametrize("dtype, scale", [("float32", 3e25), ("float64", 1e200)])
@pytest.mark.parametrize("kind", [*KINDS, "clip_step_norm", "clip_step_value"])
def test_norms_whose_squares_overflow_are_clipped(dtype, scale, kind):
    """They are finite, and so are not skipped."""
    trainer = make(dtype, **{kind: 1.0})
    before = trainer.model.state_dict()
    result = trainer.step(*batch(1, dtype, scale))
    largest = max(np.max(np.abs(g)) for g in trainer.gradients().values())
    scaled = {n: (g / largest).astype("float64") for n, g in trainer.gradients().items()}
    assert_close(np.float64(result.grad_norm), float(largest) * norm(scaled), "", 1e-6)
    assert result.action == "updated"
    assert result.clipping == (("step",) if "step" in kind else (kind.removeprefix("clip_"),))
    moved = {n: before[n] - w for n, w in trainer.model.state_dict().items()}
    if kind == "clip_norm":
        assert_close(norm(moved), 1.0, "", 1e-5)
    elif kind in ("clip_value", "clip_tensor_norm"):
        order = {"clip_value": np.inf, "clip_tensor_norm": 2}[kind]
        for name, value in moved.items():
            assert_close(np.linalg.norm(value.reshape(-1), order), 1.0, name, 1e-5)
    elif kind == "clip_adaptive":
        for name, value in moved.items():
            bounds = np.maximum(np.linalg.norm(units(before[name]), axis=1), 1e-3)
            assert_close(np.linalg.norm(units(value), axis=1), bounds, name, 1e-5)
    else:
        recurrent = [g for n, g in trainer.gradients().items() if n.startswith("0.")]
        assert 0 < max(np.max(np.abs(g)) for g in recurrent) < 1e3


@pytest.mark.parametrize("kind", ["clip_norm", "clip_tensor_norm", "clip_step_norm"])
@pytest.mark.parametrize("bound", [1e-3, 1.0, 10.0])
def test_the_largest_gradients_are_scaled_to_the_bound(kind, bound):
    """Of all tensors only biases get a gradient: inputs are zero."""
    model = librnn.Model(librnn.RNN(3, 4, nonlinearity="identity"))
    zeros = {name: np.zeros_like(value) for name, value in model.state_dict().items()}
    model.load_state_dict(zeros)
    trainer = librnn.Trainer(model, SUM, librnn.SGD(lr=1), **{kind: bound})
    x, y = np.zeros((1, 1, 3), "float32"), np.full((1, 1, 4), 5e37, "float32")
    assert trainer.step(x, y).clipped
    moved = norm(model.state_dict())
    by_kind = {"clip_norm": 1, "clip_tensor_norm": np.sqrt(2), "clip_step_norm": np.sqrt(2)}
    assert_close(moved, bound * by_kind[kind], "", 1e-5)


@pytest.mark.parametrize("dtype, scale", [("float32", 1e-30), ("float64", 1e-200)])
def test_norms_whose_squares_are_nothing_are_norms(dtype, scale):
    """A gradient of that size is not clipped, but by a bound that is smaller still."""
    model = librnn.Model(librnn.RNN(3, 4, nonlinearity="identity"), dtype=dtype)
    zeros = {name: np.zeros_like(value) for name, value in model.state_dict().items()}
    model.load_state_dict(zeros)
    x, y = normal(1, 5, 3, 3, dtype=dtype), normal(2, 5, 3, 4, dtype=dtype)
    y *= np.asarray(scale, dtype)
    trainer = still(model, SUM, clip_norm=scale)
    result = trainer.step(x, y)
    scaled = {n: (g / scale).astype("float64") for n, g in trainer.gradients().items()}
    assert_close(np.float64(result.grad_norm), scale * norm(scaled), "", 1e-6)
    assert result.clipping == ("norm",)


# ---- Misuse


@pytest.mark.parametrize("value", [0, -1, np.nan, np.inf, 1e400, "1"], ids=repr)
@pytest.mark.parametrize("name", [*KINDS, "clip_step_norm", "clip_step_value"])
def test_a_threshold_is_a_number_above_0(name, value):
    with pytest.raises((ValueError, TypeError), match=f"{name}: expected .* got "):
        make(**{name: value})


@pytest.mark.parametrize(
    "name, value",
    [
        *(("clip_quantile", value) for value in (0, -0.5, 1.01, np.nan)),
        *(("rollback_factor", value) for value in (0, -0.5, 1.01, np.nan)),
        *(("clip_window", value) for value in (0, 9, 2**20 + 1, -1)),
        ("nonfinite", "rollback"),
    ],
)
def test_other_options_have_their_ranges(name, value):
    with pytest.raises(ValueError, match=f"{name}: expected .* got "):
        make(**{name: value})


def test_two_bounds_on_each_tensor_are_one_too_many():
    with pytest.raises(ValueError, match="clip_tensor_norm: expected 0 .* got 2"):
        make(clip_norm=1.0, clip_scope="per_tensor", clip_tensor_norm=2.0)
