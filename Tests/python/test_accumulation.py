"""Several steps for one update by the mean of their gradients."""

import librnn
import numpy as np
import pytest
from librnn import SGD, Adam, AdamW, RMSprop

from support import (
    assert_close,
    assert_dicts_close,
    assert_same_bits,
    assert_same_dicts,
    integers,
    norm,
)
from trainers import problem, sensor

MSE = librnn.MSELoss()
OPTIMIZERS = [SGD(lr=0.1, momentum=0.9), RMSprop(), Adam(lr=0.01), AdamW(lr=0.01)]


def trainer(optimizer=OPTIMIZERS[2], dtype="float64", loss=MSE, **options):
    return librnn.Trainer(sensor(dtype), loss, optimizer, **options)


def bad(run):
    x, y = problem(dtype=run.model.dtype)
    return run.step(x, np.full_like(y, np.inf))


def steps(run, seeds):
    return [run.step(*problem(seed, dtype=run.model.dtype)) for seed in seeds]


def joined(seeds):
    """The batches of `steps` side by side."""
    return [np.concatenate(parts, axis=1) for parts in zip(*map(problem, seeds), strict=True)]


CLIPPING = [{}, {"clip_norm": 0.05}, {"clip_value": 0.01}, {"clip_adaptive": 0.01}]
CLIPPING += [{"clip_tensor_norm": 0.02, "orthogonality": 0.1}, {"clip_step_norm": 1e-9}]


@pytest.mark.parametrize("options", CLIPPING, ids=repr)
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
@pytest.mark.parametrize("count", [2, 3, 5])
def test_an_update_is_that_of_the_batches_side_by_side(count, optimizer, options):
    run, whole = trainer(optimizer, accumulate=count, **options), trainer(optimizer, **options)
    if "clip_step_norm" in options:
        # The whole batch's mean divides the gradient of a row by `count` before it is clipped.
        whole = trainer(optimizer, clip_step_norm=options["clip_step_norm"] / count)
    for start in range(0, 2 * count, count):
        seeds = range(start, start + count)
        results, one = steps(run, seeds), whole.step(*joined(seeds))
        assert [r.action for r in results] == ["accumulated"] * (count - 1) + ["updated"]
        assert_close(np.mean([r.loss for r in results]), one.loss)
        assert_close(results[-1].grad_norm, one.grad_norm)
        assert results[-1].clipping == one.clipping and bool(one.clipping) == bool(options)
        assert_dicts_close(run.gradients(), whole.gradients())
        assert_dicts_close(run.model.state_dict(), whole.model.state_dict())


def test_weights_stay_until_the_update():
    run = trainer(accumulate=3)
    before = run.model.state_dict()
    for result in steps(run, [1, 2]):
        assert result.action == "accumulated"
        assert not result.skipped and not result.clipped
        assert_same_dicts(run.model.state_dict(), before)
    (result,) = steps(run, [3])
    assert result.action == "updated" and (result.step, result.skipped_steps) == (3, 0)


def test_a_step_that_waits_tells_of_itself():
    run, alone = trainer(accumulate=2, clip_norm=1e-3), trainer(SGD(lr=0))
    for seed in (1, 2):
        (one,), (same,) = steps(run, [seed]), steps(alone, [seed])
        if one.action == "accumulated":
            assert (one.loss, one.grad_norm) == (same.loss, same.grad_norm)
            assert one.clip_threshold is None and one.clipping == ()
            assert_same_dicts(run.gradients(), alone.gradients())
        for part, expected in zip(one.state, same.state, strict=True):
            assert_same_bits(part, expected)
    assert one.clipping == ("norm",) and one.clipped_steps == 1
    assert_close(one.grad_norm, norm(run.gradients()))


def test_one_step_an_update_is_as_ever():
    run, plain = trainer(accumulate=1), trainer()
    assert {result.action for result in steps(run, range(4))} == {"updated"}
    steps(plain, range(4))
    assert_same_dicts(run.model.state_dict(), plain.model.state_dict())


@pytest.mark.parametrize("policy", ["skip", "fail"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_gradient_that_is_not_finite_is_left_out_and_another_awaited(place, policy):
    run, clean = (trainer(accumulate=3, nonfinite=policy) for _ in range(2))
    for seed in range(3):
        if seed == place:
            result = spoiled(run, policy)
            assert result.action == "skipped" and result.skipped
        (result,), (same,) = steps(run, [seed]), steps(clean, [seed])
        assert (result.action, result.loss) == (same.action, same.loss)
    assert result.action == "updated"
    assert (result.step, result.skipped_steps) == (4, 1)
    assert_same_dicts(run.model.state_dict(), clean.model.state_dict())


def spoiled(run, policy):
    if policy == "skip":
        return bad(run)
    with pytest.raises(librnn.NonFiniteError) as caught:
        bad(run)
    return caught.value.result


def test_a_batch_of_nothing_is_left_out():
    model = librnn.Model(librnn.GRU(3, 5), dtype="float64")
    run = librnn.Trainer(model, accumulate=2)
    x, y = problem()[0], integers(2, 5, 5, 3)
    actions = [run.step(x, target).action for target in (y, np.full_like(y, -100), y)]
    assert actions == ["accumulated", "skipped", "updated"]


def test_rolling_back_drops_the_group():
    """The gradients that wait were those of weights that are no more."""
    run, other = (trainer(accumulate=2, nonfinite="roll_back") for _ in range(2))
    steps(run, [0, 1])
    steps(other, [0, 1])
    steps(run, [2, 3, 4])
    assert bad(run).action == "rolled_back"
    other.learning_rate = run.learning_rate
    actions = [result.action for result in steps(run, [5, 6])]
    assert actions == ["accumulated", "updated"]
    steps(other, [5, 6])
    assert_same_dicts(run.model.state_dict(), other.model.state_dict())


def test_without_an_update_to_take_back_the_group_stays():
    run, clean = (trainer(accumulate=2, nonfinite="roll_back") for _ in range(2))
    steps(run, [1])
    assert bad(run).action == "skipped"
    steps(run, [2])
    steps(clean, [1, 2])
    assert_same_dicts(run.model.state_dict(), clean.model.state_dict())


def test_thresholds_and_schedules_count_updates():
    run = trainer(
        SGD(lr=0.1),
        accumulate=2,
        clip_quantile=0.5,
        clip_window=10,
        schedule=librnn.StepSchedule(1, 0.5),
    )
    results = steps(run, range(22))
    assert [r.learning_rate for r in results[:6]] == [0.1, 0.1, 0.05, 0.05, 0.025, 0.025]
    updates = [r.grad_norm for r in results[1:20:2]]
    assert [r.clip_threshold for r in results[:21]] == [None] * 21
    assert_close(results[21].clip_threshold, np.quantile(updates, 0.5))


def test_an_observed_step_computes_the_same_bits():
    run, plain = trainer(accumulate=2), trainer(accumulate=2)
    for seed in range(4):
        x, y = problem(seed)
        one, other = run.step(x, y, observe=True), plain.step(x, y)
        assert (one.loss, one.grad_norm) == (other.loss, other.grad_norm)
        tensors = one.flow.tensors.values()
        assert_close(np.linalg.norm([tensor.grad_norm for tensor in tensors]), one.grad_norm)
        assert all((t.update_norm > 0) == (one.action == "updated") for t in tensors)
    assert_same_dicts(run.model.state_dict(), plain.model.state_dict())


def test_flossing_updates_at_once_and_leaves_the_group():
    run, clean = trainer(SGD(lr=0.1), accumulate=2), trainer(SGD(lr=0.1), accumulate=2)
    x, _ = problem()
    steps(run, [1])
    steps(clean, [1])
    before = run.model.state_dict()
    assert run.floss(x, 1).action == "updated"
    moved = run.model.state_dict()
    assert any(np.any(moved[name] != before[name]) for name in moved)
    run.model.load_state_dict(before)
    steps(run, [2])
    steps(clean, [2])
    assert_same_dicts(run.model.state_dict(), clean.model.state_dict())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("cut", [1, 2, 3, 4, 6])
def test_a_run_is_resumed_bit_for_bit_also_within_a_group(tmp_path, cut, dtype):
    straight = trainer(dtype=dtype, accumulate=3, nonfinite="roll_back", clip_norm=0.1)
    run_on = [*range(5), None, *range(5, 10)]
    advance(straight, run_on[:cut])
    straight.save(tmp_path / "run.safetensors")
    resumed = librnn.Trainer.resume(tmp_path / "run.safetensors")
    assert advance(straight, run_on[cut:]) == advance(resumed, run_on[cut:])
    assert_same_dicts(resumed.model.state_dict(), straight.model.state_dict())


def advance(run, seeds):
    results = [bad(run) if seed is None else steps(run, [seed])[0] for seed in seeds]
    return [(r.action, r.step, r.skipped_steps, r.rolled_back_steps) for r in results]


def test_set_num_threads_changes_no_bit():
    results = []
    for count in [1, 2, 3]:
        librnn.set_num_threads(count)
        model = librnn.Model(librnn.Embedding(50, 16), librnn.LSTM(16, 33), librnn.Linear(33, 50))
        run = librnn.Trainer(model, accumulate=3)
        for seed in range(6):
            x = integers(seed, 50, 20, 17)
            run.step(x, x)
        results.append(model.state_dict())
    for weights in results[1:]:
        assert_same_dicts(weights, results[0])


def test_gradients_too_large_to_be_summed_have_a_mean():
    layer = librnn.Linear(1, 1)
    run = librnn.Trainer(librnn.Model(layer), librnn.MSELoss("sum"), SGD(lr=1e-38), accumulate=4)
    x, y = np.ones((1, 1, 1), np.float32), np.full((1, 1, 1), -8e37, np.float32)
    assert [run.step(x, y).action for _ in range(4)] == ["accumulated"] * 3 + ["updated"]
    assert_close(run.gradients()["0.bias"], np.full(1, 1.6e38, np.float32))


@pytest.mark.parametrize("value", [0, -1, 2**63])
def test_wrong_counts_are_refused(value):
    with pytest.raises(librnn.ArgumentError, match="accumulate: expected .* got "):
        trainer(accumulate=value)
