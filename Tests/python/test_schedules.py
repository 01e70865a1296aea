"""Learning rates from update to update, against those of PyTorch, and its definitions written down
again here."""

import json
import math
from pathlib import Path

import librnn
import numpy as np
import pytest
from librnn import (
    SGD,
    Adam,
    ConstantSchedule,
    CosineSchedule,
    OneCycleSchedule,
    PlateauSchedule,
    StepSchedule,
)

from support import assert_same_dicts, assert_told
from trainers import problem, sensor

MSE = librnn.MSELoss()


def trainer(schedule, lr=0.4, dtype="float64", **options):
    return librnn.Trainer(sensor(dtype), MSE, SGD(lr=lr), schedule=schedule, **options)


def rates(run, count):
    return [run.step(*problem(seed, dtype=run.model.dtype)).learning_rate for seed in range(count)]


def step_lr(lr, n, step_size, gamma):
    """StepLR, by its recursion."""
    for k in range(1, n + 1):
        lr = lr * gamma if k % step_size == 0 else lr
    return lr


def cosine_lr(lr, n, total, low):
    """CosineAnnealingLR, by its recursion, which ends where its closed form is lowest."""
    rate = lr
    for k in range(1, min(n, total) + 1):
        above = 1 + math.cos(math.pi * (k - 1) / total)
        rate = low + (1 + math.cos(math.pi * k / total)) / above * (rate - low)
    return rate


def one_cycle_lr(lr, n, total, divisor, final):
    """OneCycleLR with pct_start 0.3 and cosine annealing."""
    low, up, n = lr / divisor, 0.3 * total - 1, min(n, total - 1)
    ends = [(0, up, low, lr), (up, total - 1, lr, low / final)]
    start, end, first, last = ends[n > up]
    return last + (first - last) / 2 * (math.cos(math.pi * (n - start) / (end - start)) + 1)


CASES = [
    (StepSchedule(3, 0.5), lambda n: step_lr(0.4, n, 3, 0.5)),
    (StepSchedule(1), lambda n: step_lr(0.4, n, 1, 0.1)),
    (StepSchedule(4, 1.0), lambda n: 0.4),
    (CosineSchedule(7), lambda n: cosine_lr(0.4, n, 7, 0.0)),
    (CosineSchedule(12, eta_min=0.1), lambda n: cosine_lr(0.4, n, 12, 0.1)),
    (CosineSchedule(1, eta_min=0.7), lambda n: cosine_lr(0.4, n, 1, 0.7)),
    (OneCycleSchedule(13), lambda n: one_cycle_lr(0.4, n, 13, 25, 1e4)),
    (OneCycleSchedule(10, 4, 2), lambda n: one_cycle_lr(0.4, n, 10, 4, 2)),
    (OneCycleSchedule(1), lambda n: 0.4 / 25 / 1e4),
    (OneCycleSchedule(3), lambda n: one_cycle_lr(0.4, n, 3, 25, 1e4)),
    (PlateauSchedule(0.5), lambda n: 0.4),
    (PlateauSchedule(min_lr=0.6), lambda n: 0.6),
    (ConstantSchedule(), lambda n: 0.4),
]


@pytest.mark.parametrize("schedule, expected", CASES, ids=[repr(case[0]) for case in CASES])
def test_rates_are_those_of_pytorch(schedule, expected):
    got = rates(trainer(schedule), 16)
    np.testing.assert_allclose(got, [expected(n) for n in range(16)], rtol=1e-12, atol=1e-17)


RECORD = json.loads(Path(__file__).with_name("fixtures").joinpath("schedules.json").read_text())
METRICS = RECORD.pop("metrics")


@pytest.mark.parametrize("name", RECORD)
def test_rates_are_those_recorded_from_pytorch(name):
    """`fixtures/record_schedules.py` says how."""
    run, got = trainer(eval(name, vars(librnn))), []
    for n in range(len(RECORD[name])):
        if name.startswith("Plateau"):
            run.report_metric(METRICS[n])
        got += rates(run, 1)
    np.testing.assert_allclose(got, RECORD[name], rtol=1e-12, atol=1e-17)


def test_a_cycle_begins_peaks_and_ends_where_it_should():
    got = rates(trainer(OneCycleSchedule(20)), 22)
    assert got[0] == pytest.approx(0.4 / 25, rel=1e-14) and got[5] == max(got) == 0.4
    assert got[19] == got[21] == 0.4 / 25 / 1e4


@pytest.mark.parametrize("schedule, expected", CASES, ids=[repr(case[0]) for case in CASES])
@pytest.mark.parametrize("warm_up", [1, 5])
def test_a_warm_up_rises_to_where_the_schedule_begins(schedule, expected, warm_up):
    arguments = vars(schedule) | {"warm_up": warm_up}
    got = rates(trainer(type(schedule)(**arguments)), 16)
    rise = [expected(0) * (n + 1) / (warm_up + 1) for n in range(warm_up)]
    rest = [expected(n) for n in range(16 - warm_up)]
    np.testing.assert_allclose(got, rise + rest, rtol=1e-12, atol=1e-17)


def test_a_rate_that_hardly_changes_is_not_reduced():
    run = trainer(PlateauSchedule(0.1, 0), lr=1e-6)
    for metric in [1, 1, 1, 1, 1]:
        run.report_metric(metric)
    np.testing.assert_allclose(rates(run, 1), [1e-8], rtol=1e-12)


def test_the_update_uses_the_rate_that_is_reported():
    run = trainer(StepSchedule(2, 0.5))
    for seed in range(5):
        before = run.model.state_dict()
        rate = run.step(*problem(seed)).learning_rate
        gradients = run.gradients()
        expected = {name: value - rate * gradients[name] for name, value in before.items()}
        for name, value in run.model.state_dict().items():
            assert np.max(np.abs(value - expected[name])) <= 1e-15, name


def test_skipped_steps_do_not_count():
    run = trainer(StepSchedule(1, 0.5))
    x, y = problem()
    huge = np.full_like(y, np.inf)
    got = [run.step(x, target).learning_rate for target in (y, huge, huge, y, y)]
    assert got == [0.4, 0.2, 0.2, 0.2, 0.1]


def test_the_base_can_be_set_and_is_what_is_read():
    run = trainer(StepSchedule(2, 0.5))
    rates(run, 3)
    assert run.learning_rate == 0.4
    run.learning_rate = 0.8
    assert run.learning_rate == 0.8 and rates(run, 1) == [0.4]
    assert run.evaluate(*problem()).learning_rate == 0.2


def test_rolling_back_multiplies_the_base_and_takes_the_count_back():
    run = trainer(StepSchedule(2, 0.5), nonfinite="roll_back", rollback_factor=0.25)
    rates(run, 3)
    x, y = problem()
    result = run.step(x, np.full_like(y, np.inf))
    assert result.action == "rolled_back" and run.learning_rate == 0.1
    assert rates(run, 3) == [0.05, 0.05, 0.025]


ALL = [
    StepSchedule(2, 0.5, warm_up=1),
    CosineSchedule(9, 1e-3, warm_up=2),
    OneCycleSchedule(12),
    PlateauSchedule(0.3, 0, 1e-4),
    PlateauSchedule(0.3, warm_up=20),
    ConstantSchedule(warm_up=8),
    None,
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("schedule", ALL, ids=repr)
def test_a_run_is_resumed_bit_for_bit(tmp_path, schedule, dtype):
    straight = librnn.Trainer(sensor(dtype), MSE, Adam(lr=0.03), schedule=schedule)
    rates(straight, 4)
    for metric in [1, 0.9, 1.1, 1]:
        report(straight, metric)
    straight.save(tmp_path / "run.safetensors")
    resumed = librnn.Trainer.resume(tmp_path / "run.safetensors")
    assert resumed.schedule == straight.schedule == schedule
    for seed in range(6):
        for run in (straight, resumed):
            report(run, 1 - seed % 2)
        one, same = (run.step(*problem(seed, dtype=dtype)) for run in (straight, resumed))
        assert (one.loss, one.learning_rate) == (same.loss, same.learning_rate)
    assert_same_dicts(resumed.model.state_dict(), straight.model.state_dict())


def report(run, metric):
    if isinstance(run.schedule, PlateauSchedule):
        run.report_metric(metric)


def test_a_metric_is_for_a_plateau():
    assert_told(
        librnn.ArgumentError,
        "schedule | RNN_SCHEDULE_PLATEAU | another",
        lambda: trainer(None).report_metric(1.0),
    )
    for value in (math.nan, math.inf):
        with pytest.raises(librnn.ArgumentError, match="metric: expected a finite number"):
            trainer(PlateauSchedule()).report_metric(value)


WRONG = [
    lambda: StepSchedule(0),
    lambda: StepSchedule(3, 0),
    lambda: StepSchedule(3, 1.1),
    lambda: StepSchedule(3, warm_up=-1),
    lambda: CosineSchedule(0),
    lambda: CosineSchedule(3, -1),
    lambda: OneCycleSchedule(0),
    lambda: OneCycleSchedule(3, 0.5),
    lambda: OneCycleSchedule(3, 25, 0),
    lambda: PlateauSchedule(0),
    lambda: PlateauSchedule(patience=-1),
    lambda: PlateauSchedule(min_lr=math.nan),
]


@pytest.mark.parametrize("make", WRONG)
def test_wrong_settings_are_refused(make):
    with pytest.raises(librnn.ArgumentError, match="expected .* got "):
        make()


def test_a_schedule_is_a_schedule():
    assert_told(librnn.DTypeError, "schedule | a Schedule | str", lambda: trainer("cosine"))
