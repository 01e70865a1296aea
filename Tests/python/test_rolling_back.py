"""Going back to the weights of before the last update when a gradient is not finite."""

import librnn
import numpy as np
import pytest

from support import assert_same_bits, assert_same_dicts, integers, normal, perturbed

SUM = librnn.MSELoss("sum")
DTYPES = ["float32", "float64"]


OPTIMIZERS = [librnn.SGD(momentum=0.9), librnn.RMSprop(momentum=0.5), librnn.Adam(), librnn.AdamW()]


def trainer(optimizer=OPTIMIZERS[2], dtype="float64", policy="roll_back", **options):
    model = librnn.Model(
        librnn.Embedding(5, 3), librnn.GRU(3, 4, 2), librnn.Linear(4, 2), dtype=dtype
    )
    return librnn.Trainer(perturbed(model, 3), SUM, optimizer, nonfinite=policy, **options)


def good(run, seed):
    return run.step(*batch(run, seed))


def bad(run):
    x, y = batch(run, 0)
    return run.step(x, np.full_like(y, np.finfo(y.dtype).max))


def batch(run, seed):
    return integers(seed, 5, 6, 3), normal(seed + 9, 6, 3, 2, dtype=run.model.dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_rolling_back_takes_the_last_update_back(optimizer, dtype):
    """Weights and optimiser are those of a trainer that did not take it, as later steps show."""
    run, other = trainer(optimizer, dtype), trainer(optimizer, dtype)
    for seed in range(3):
        good(run, seed)
        good(other, seed)
    kept = run.model.state_dict()
    good(run, 3)
    result = bad(run)
    assert result.action == "rolled_back" and result.learning_rate == optimizer.lr
    assert_same_dicts(run.model.state_dict(), kept)
    assert run.learning_rate == optimizer.lr / 2
    other.learning_rate = optimizer.lr / 2
    for seed in range(4, 7):
        one, same = good(run, seed), good(other, seed)
        assert (one.loss, one.learning_rate) == (same.loss, optimizer.lr / 2)
    assert_same_dicts(run.model.state_dict(), other.model.state_dict())


@pytest.mark.parametrize("factor", [0.5, 0.1, 1.0])
def test_the_rate_falls_with_each_step_that_is_rolled_back(factor):
    run = trainer(rollback_factor=factor)
    good(run, 1)
    kept = run.model.state_dict()
    good(run, 2)
    rate = run.learning_rate
    for count in range(1, 4):
        result = bad(run)
        assert result.action == "rolled_back" and result.learning_rate == rate
        rate *= factor
        assert run.learning_rate == rate
        assert_same_dicts(run.model.state_dict(), kept)
        assert (result.step, result.rolled_back_steps, result.skipped_steps) == (
            2 + count,
            count,
            0,
        )
    assert good(run, 3).action == "updated"
    assert bad(run).rolled_back_steps == 4


def test_before_any_update_there_is_nothing_to_go_back_to():
    run = trainer()
    kept = run.model.state_dict()
    result = bad(run)
    assert result.action == "skipped" and result.origin is not None
    assert (result.skipped_steps, result.rolled_back_steps) == (1, 0)
    assert run.learning_rate == 1e-3
    assert_same_dicts(run.model.state_dict(), kept)


def test_weights_that_were_written_since_stay():
    run = trainer()
    good(run, 1)
    written = {name: value + 1 for name, value in run.model.state_dict().items()}
    run.model.load_state_dict(written)
    assert bad(run).action == "skipped" and run.learning_rate == 1e-3
    assert_same_dicts(run.model.state_dict(), written)
    good(run, 2)
    assert bad(run).action == "rolled_back"
    assert_same_dicts(run.model.state_dict(), written)


@pytest.mark.parametrize("dtype", DTYPES)
def test_all_who_use_the_model_go_back(dtype):
    """They keep what they made of its weights until these change; a stream, until it is told."""
    run = trainer(librnn.SGD(lr=0.1), dtype)
    x, y = batch(run, 5)
    stream = run.model.stream(3)
    expected, loss = run.model(x)[0], run.evaluate(x, y).loss
    first = stream.step(x[0])
    good(run, 1)
    assert run.evaluate(x, y).loss != loss
    assert np.any(run.model(x)[0] != expected)
    stream.swap(run.model)
    stream.reset()
    assert np.any(stream.step(x[0]) != first)
    assert bad(run).action == "rolled_back"
    assert run.evaluate(x, y).loss == loss
    assert_same_bits(run.model(x)[0], expected)
    stream.swap(run.model)
    stream.reset()
    assert_same_bits(stream.step(x[0]), first)


@pytest.mark.parametrize("policy", ["skip", "roll_back"])
def test_policies_do_nothing_while_all_is_finite(policy):
    run, plain = trainer(policy=policy), trainer(policy="fail")
    for seed in range(3):
        result = good(run, seed)
        good(plain, seed)
        assert result.action == "updated" and not result.skipped
    assert_same_dicts(run.model.state_dict(), plain.model.state_dict())


@pytest.mark.parametrize("cut", [0, 3, 13, 14, 15])
@pytest.mark.parametrize("optimizer", [OPTIMIZERS[0], OPTIMIZERS[2]], ids=repr)
def test_a_run_that_clips_and_rolls_back_is_resumed_bit_for_bit(tmp_path, optimizer, cut):
    """Saved before an update, with and without a threshold, before and after going back."""
    steps = [good] * 14 + [lambda run, _: bad(run)] * 2 + [good] * 3 + [lambda run, _: bad(run)]
    options = {"clip_quantile": 0.4, "clip_window": 11, "rollback_factor": 0.3, "omega": 0.5}
    options |= {"clip_adaptive": 0.5, "clip_step_norm": 0.4, "orthogonality": 0.1}
    straight = trainer(optimizer, "float32", activation_penalty=0.1, clip_tensor_norm=2, **options)
    for seed, step in enumerate(steps[:cut]):
        step(straight, seed)
    path = tmp_path / "run.safetensors"
    straight.save(path)
    resumed = librnn.Trainer.resume(path)
    clipped = 0
    for seed, step in enumerate(steps[cut:], cut):
        one, same = step(straight, seed), step(resumed, seed)
        for name in NUMBERS:
            left, right = getattr(one, name), getattr(same, name)
            assert left == right or (left != left and right != right), (seed, name)
        clipped += one.clipping != ()
        assert_same_dicts(resumed.model.state_dict(), straight.model.state_dict())
    assert (same.rolled_back_steps, same.step) == (3, 20) and clipped > 0
    assert resumed.learning_rate == straight.learning_rate == optimizer.lr * 0.3 * 0.3 * 0.3


NUMBERS = ["loss", "grad_norm", "clip_threshold", "clipping", "clipped_places", "action", "origin"]
NUMBERS += ["learning_rate", "step", "clipped_steps", "skipped_steps", "rolled_back_steps"]
NUMBERS += ["penalty", "omega"]
