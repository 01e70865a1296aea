"""Every kind of recurrent layer in training: from gradients to weights, against plain numpy."""

from fnmatch import filter as matching

import librnn
import numpy as np
import pytest
from librnn import GRU, LSTM, RNN, SGD, Adam, AdamW, CTCLoss, MinGRU, MinLSTM, RMSprop

import reference
from cells import batch_for, model_of, worst_error
from support import (
    assert_close,
    assert_dicts_close,
    assert_differ,
    assert_same_bits,
    assert_same_dicts,
    norm,
    normal,
    still,
)
from test_ctc import labellings

MSE = librnn.MSELoss()
MASKS = {"zoneout": 0.2, "recurrent_dropout": 0.3, "weight_drop": 0.2, "input_dropout": 0.1}
DEEP = {"num_layers": 2, "residual": True}
LEARNED, BOTH = {"learn_state": True}, {"bidirectional": True}
STACKS = {
    "projection": (LSTM, {"proj_size": 3, "peepholes": True, "layer_norm": True, **DEEP}),
    "masks": (LSTM, {"proj_size": 2, "zoneout_cell": 0.3, **LEARNED, **MASKS}),
    "reset before": (GRU, {"reset_after": False, "zoneout": 0.3, **LEARNED, **DEEP}),
    "MinGRU": (MinGRU, {"layer_norm": True, "zoneout": 0.2, **LEARNED, **DEEP}),
    "peepholes": (LSTM, {"peepholes": True, "layer_norm": True, "num_layers": 2, **BOTH}),
    "coupled": (LSTM, {"coupled": True, "peepholes": True, "proj_size": 2, **BOTH, **MASKS}),
    "summed": (GRU, {"merge": "sum", **LEARNED, **BOTH, **DEEP, **MASKS}),
    "Elman": (RNN, {"layer_norm": True, "num_layers": 2, **LEARNED, **BOTH}),
    "MinLSTM": (MinLSTM, {"num_layers": 2, "dropout": 0.3, **LEARNED, **BOTH}),
}
BOTH_WAYS = [name for name, (_, options) in STACKS.items() if "bidirectional" in options]
# Where two patterns meet the later one is meant.
GROUPS = {
    "*bias*": {"weight_decay": 0.0},
    "*_hh_*": {"lr_factor": 0.5},
    "*weight_peephole*": {"lr_factor": 3.0, "weight_decay": 0.3},
    "*norm_*": {"weight_decay": 0.2},
    "*weight_hr*": {"frozen": True},
    "*h_0_l*": {"frozen": True},
    "*_l0_reverse": {"frozen": True},
    "1.bias": {"lr_factor": 0.0},
}
MOMENTUM = SGD(lr=0.4, momentum=0.9, weight_decay=0.01)
OPTIMIZERS = [MOMENTUM, RMSprop(weight_decay=0.02), Adam(lr=0.02, weight_decay=0.1), AdamW(lr=0.02)]
SETTINGS = [
    {"accumulate": 3},
    {"schedule": librnn.StepSchedule(2, 0.5, warm_up=1)},
    {"ema_decay": 0.75},
    {"groups": GROUPS},
    {"clip_value": 0.02},
    {"clip_adaptive": 0.05},
    {"clip_tensor_norm": 0.05},
    {"clip_norm": 0.1},
]
EVERYTHING = {name: value for own in SETTINGS for name, value in own.items()}


def trainer(name, optimizer=MOMENTUM, dtype="float64", groups=None, **options):
    model = model_of(STACKS[name], 3, 4, dtype, head=2)
    run = librnn.Trainer(model, MSE, optimizer, seed=9, **options)
    for pattern, values in (groups or {}).items():
        if matching(model.state_dict(), pattern):
            run.set_group(pattern, **values)
    return run


def problem(model, seed):
    """Sequences of 5, 0, 3 and 1 steps."""
    return *batch_for(model, seed, 5, 4), np.roll([5, 0, 3, 1], seed)


# ---- What a trainer makes of gradients


def plain_updates(weights, optimizer, groups=None, schedule=None, **options):
    found = dict.fromkeys(weights, optimizer)
    for pattern, group in (groups or {}).items():
        own = {"lr": optimizer.lr * group.get("lr_factor", 1.0)}
        own["weight_decay"] = group.get("weight_decay", optimizer.weight_decay)
        one = None if "frozen" in group else type(optimizer)(**(vars(optimizer) | own))
        found |= dict.fromkeys(matching(weights, pattern), one)
    options = {name.removeprefix("clip_"): value for name, value in options.items()}
    options["threshold"] = options.pop("norm", None)
    return reference.Updates(weights, found, **options)


def assert_trains(name, optimizer, settings, count):
    """Single gradients are those of a trainer that draws the same masks and changes nothing."""
    run = trainer(name, optimizer, **settings)
    alone, seen = still(run.model, MSE, seed=9), set()
    plain = plain_updates(run.model.state_dict(), optimizer, **settings)
    for seed in range(count):
        share = 0.5 if plain.count == 0 else 0.5 ** ((plain.count - 1) // 2)
        rate = optimizer.lr * (share if "schedule" in settings else 1.0)
        alone.step(*problem(run.model, seed))
        seen |= {tensor for tensor, value in alone.gradients().items() if value.any()}
        expected = plain.step(alone.gradients(), rate / optimizer.lr)
        result, gradients = run.step(*problem(run.model, seed)), run.gradients()
        assert result.action == ("updated" if expected else "accumulated")
        assert_close(result.learning_rate, rate)
        now = run.model.state_dict()
        assert_dicts_close(now, plain.weights)
        for tensor in (n for n, own in plain.optimizers.items() if own is None):
            assert_same_bits(now[tensor], plain.weights[tensor], tensor)
        if expected:
            mean, clipping = expected
            assert_close(result.grad_norm, norm(mean))
            assert result.clipping == clipping
            assert len(clipping) == sum("clip" in option for option in settings)
            for tensor, value in gradients.items():
                assert_close(value, mean.get(tensor, np.zeros_like(value)), tensor)
    assert seen == set(plain.weights)
    if "ema_decay" in settings:
        average, copy = run.average(), librnn.Model(*run.model.layers, dtype="float64")
        assert_dicts_close(average.state_dict(), plain.average)
        assert_differ(average.state_dict(), plain.weights)
        copy.load_state_dict(average.state_dict())
        x, _, lengths = problem(copy, 1)
        assert_same_bits(average(x, lengths)[0], copy(x, lengths)[0])


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda own: next(iter(own)))
@pytest.mark.parametrize("name", STACKS)
def test_each_option(name, settings):
    assert_trains(name, MOMENTUM, settings, 6)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
@pytest.mark.parametrize("name", STACKS)
def test_all_together(name, optimizer):
    """Of clipping one kind, since the others would leave it nothing to do."""
    others = ("clip_value", "clip_adaptive", "clip_tensor_norm")
    settings = {own: value for own, value in EVERYTHING.items() if own not in others}
    assert_trains(name, optimizer, settings, 12)


# ---- Checkpoints


def advance(run, seed):
    """A step; without a seed one whose gradient is not finite."""
    x, y, lengths = problem(run.model, seed or 0)
    result = run.step(x if seed is not None else np.inf * x, y, lengths)
    return result.action, result.loss, result.grad_norm, result.learning_rate, result.clipping


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("cut", [2, 3, 6])
@pytest.mark.parametrize("name", STACKS)
def test_a_run_is_resumed_bit_for_bit(tmp_path, name, cut, dtype):
    """Within an update's steps, between two, and after one was taken back."""
    straight = trainer(name, Adam(lr=0.02), dtype, **EVERYTHING, nonfinite="roll_back")
    run_on = [*range(4), None, *range(5, 12)]
    actions = [advance(straight, seed)[0] for seed in run_on[:cut]]
    straight.save(tmp_path / "run.safetensors")
    resumed = librnn.Trainer.resume(tmp_path / "run.safetensors")
    for seed in run_on[cut:]:
        one, same = advance(straight, seed), advance(resumed, seed)
        assert repr(one) == repr(same)
        actions.append(one[0])
        assert_same_dicts(resumed.gradients(), straight.gradients())
        assert_same_dicts(resumed.model.state_dict(), straight.model.state_dict())
        assert_same_dicts(resumed.average().state_dict(), straight.average().state_dict())
    assert actions[2:5] == ["updated", "accumulated", "rolled_back"] and "updated" in actions[5:]


# ---- CTC


@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("name", BOTH_WAYS)
def test_ctc_over_both_ways(name, reduction):
    """By differences, and without masks by all paths."""
    model = model_of(STACKS[name], 3, 4, head=3, seed=1)
    lengths, counts = [5, 3, 0, 4], [2, 1, 0, 2]
    x, y = normal(1, 5, 4, 3), np.array([[1, 1], [2, 0], [0, 0], [1, 2]])
    options = {"lengths": lengths, "target_lengths": counts}

    def run():
        trainer = still(model, CTCLoss(reduction=reduction), seed=9)
        return trainer.step(x, y, **options).loss, trainer

    error = worst_error(model, lambda: run()[0], run()[1].gradients(), most=6)
    assert error is not None and error <= 1e-7
    outputs, parts = model(x, lengths)[0], []
    for row, (length, count) in enumerate(zip(lengths, counts, strict=True)):
        paths = labellings(outputs[:length, row], 0)
        share = max(count, 1) * len(lengths) if reduction == "mean" else 1
        parts.append(-np.log(paths[tuple(y[row, :count])]) / share)
    assert_close(run()[1].evaluate(x, y, **options).loss, sum(parts))
