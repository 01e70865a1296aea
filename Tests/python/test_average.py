"""The average of the weights: what it is, that it goes its own way, back, and on after resuming."""

import librnn
import numpy as np
import pytest
from librnn import SGD, Adam

from support import (
    assert_close,
    assert_dicts_close,
    assert_differ,
    assert_same_bits,
    assert_same_dicts,
    integers,
)
from trainers import problem, sensor

MSE = librnn.MSELoss()
DTYPES = ["float32", "float64"]
ADAM = Adam(lr=0.05)


def trainer(decay=0.75, dtype="float64", optimizer=ADAM, **options):
    return librnn.Trainer(sensor(dtype), MSE, optimizer, ema_decay=decay, **options)


def step(run, seed):
    return run.step(*problem(seed, dtype=run.model.dtype))


def bad(run):
    x, y = problem(dtype=run.model.dtype)
    return run.step(x, np.full_like(y, np.inf))


def followed(average, weights, decay):
    """The average after the update that led to the weights."""
    return {name: decay * average[name] + (1 - decay) * weights[name] for name in weights}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("decay", [1e-3, 0.5, 0.75, 0.999])
def test_the_average_follows_the_weights(decay, dtype):
    run = trainer(decay, dtype)
    expected = run.model.state_dict()
    assert_same_dicts(run.average().state_dict(), expected)
    for seed in range(6):
        step(run, seed)
        expected = followed(expected, run.model.state_dict(), decay)
        average = run.average().state_dict()
        assert_dicts_close(average, expected, 1e-6 if dtype == "float32" else 1e-14)
    assert_differ(average, run.model.state_dict())


def test_it_changes_no_bit_of_the_training():
    run, plain = trainer(), trainer(None)
    for seed in range(4):
        assert step(run, seed).loss == step(plain, seed).loss
    assert_same_dicts(run.model.state_dict(), plain.model.state_dict())


@pytest.mark.parametrize("dtype", DTYPES)
def test_weights_that_stay_are_their_own_average(dtype):
    run = trainer(0.3, dtype, SGD(lr=0))
    for seed in range(3):
        step(run, seed)
    assert_same_dicts(run.average().state_dict(), run.model.state_dict())


def test_the_model_goes_its_own_way():
    run = trainer()
    step(run, 1)
    average = run.average()
    kept, x = average.state_dict(), problem()[0]
    expected, _ = average(x)
    step(run, 2)
    assert_same_dicts(average.state_dict(), kept)
    assert_differ(run.average().state_dict(), kept)
    average.load_state_dict({name: 0 * value for name, value in kept.items()})
    assert_differ(run.average().state_dict(), average.state_dict())
    average.load_state_dict(kept)
    run.close()
    assert_same_bits(average(x)[0], expected)
    assert average.layers == sensor().layers and average.dtype == "float64"


def test_a_batch_first_model_has_such_an_average():
    model = sensor(batch_first=True)
    run = librnn.Trainer(model, MSE, ema_decay=0.5)
    assert run.average().batch_first
    x = problem(rows=2)[0].swapaxes(0, 1)
    assert_same_bits(run.average()(x)[0], model(x)[0])


def test_only_updates_count():
    run = trainer(accumulate=2)
    step(run, 1)
    first = run.average().state_dict()
    assert_same_dicts(first, run.model.state_dict())
    bad(run)
    assert_same_dicts(run.average().state_dict(), first)
    step(run, 2)
    assert_dicts_close(run.average().state_dict(), followed(first, run.model.state_dict(), 0.75))


@pytest.mark.parametrize("dtype", DTYPES)
def test_rolling_back_takes_it_back(dtype):
    run = trainer(dtype=dtype, nonfinite="roll_back")
    step(run, 1)
    kept = run.average().state_dict()
    step(run, 2)
    assert_differ(run.average().state_dict(), kept)
    assert bad(run).action == "rolled_back"
    assert_same_dicts(run.average().state_dict(), kept)


def test_flossing_counts_as_any_update():
    run = trainer(optimizer=SGD(lr=0.1))
    before = run.average().state_dict()
    run.floss(problem()[0], 1)
    assert_dicts_close(run.average().state_dict(), followed(before, run.model.state_dict(), 0.75))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("policy", ["skip", "roll_back"])
@pytest.mark.parametrize("cut", [0, 2, 3])
def test_a_run_is_resumed_bit_for_bit(tmp_path, cut, policy, dtype):
    straight = trainer(dtype=dtype, nonfinite=policy, clip_norm=0.1)
    for seed in range(cut):
        step(straight, seed)
    straight.save(tmp_path / "run.safetensors")
    resumed = librnn.Trainer.resume(tmp_path / "run.safetensors")
    for seed in range(cut, 6):
        for run in (straight, resumed):
            bad(run) if seed == 3 else step(run, seed)
        assert_same_dicts(resumed.average().state_dict(), straight.average().state_dict())
        assert_same_dicts(resumed.model.state_dict(), straight.model.state_dict())


def test_the_average_of_a_saved_model_comes_back(tmp_path):
    run = trainer()
    step(run, 1)
    average = run.average()
    average.save(tmp_path / "m.safetensors")
    loaded = librnn.load(tmp_path / "m.safetensors")
    assert_same_dicts(loaded.state_dict(), average.state_dict())


def test_set_num_threads_changes_no_bit():
    results = []
    for count in [1, 2, 3]:
        librnn.set_num_threads(count)
        model = librnn.Model(librnn.Embedding(50, 16), librnn.LSTM(16, 65), librnn.Linear(65, 50))
        run = librnn.Trainer(model, ema_decay=0.9)
        for seed in range(3):
            x = integers(seed, 50, 6, 5)
            run.step(x, x)
        results.append(run.average().state_dict())
    for average in results[1:]:
        assert_same_dicts(average, results[0])


def test_it_smooths():
    """The average of noisy weights has a smaller loss than most of them."""
    layer = librnn.Linear(2, 1)
    model = librnn.Model(layer, dtype="float64")
    run = librnn.Trainer(model, MSE, SGD(lr=0.3), ema_decay=0.95)
    rule, random, worse = np.array([[1.0], [-2.0]]), np.random.default_rng(1), 0
    for count in range(400):
        x = random.standard_normal((1, 4, 2))
        run.step(x, x @ rule + random.standard_normal((1, 4, 1)))
        if count >= 200:
            one, other = (m.state_dict()["0.weight"] - rule.T for m in (model, run.average()))
            worse += np.linalg.norm(one) > np.linalg.norm(other)
    assert worse > 160


def test_without_a_decay_there_is_none():
    with pytest.raises(librnn.ArgumentError, match="ema_decay: expected .* got "):
        trainer(None).average()


@pytest.mark.parametrize("decay", [0, 1, -0.5, 2, np.nan, np.inf])
def test_wrong_decays_are_refused(decay):
    with pytest.raises(librnn.ArgumentError, match="ema_decay: expected .* got "):
        trainer(decay)


def test_a_closed_trainer_has_none():
    run = trainer()
    run.close()
    with pytest.raises(librnn.HandleError):
        run.average()


def test_close_to_the_start_it_is_close_to_the_start():
    """No correction: the first averages lean on the weights at creation."""
    run = trainer(0.999, optimizer=SGD(lr=0.1))
    before = run.model.state_dict()
    step(run, 1)
    after, average = run.model.state_dict(), run.average().state_dict()
    for name in before:
        moved = 1e-3 * (after[name] - before[name])
        assert_close(average[name] - before[name], moved, name, 1e-10)
