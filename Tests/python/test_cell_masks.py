"""Masks of cells: how often, for how long, and how they are made up for, seen through outputs."""

import librnn
import numpy as np
import pytest
from librnn import GRU, LSTM, RNN, Linear, MinGRU, Model

from streams import same
from support import assert_close, normal
from trainers import outputs_of_training

RATE = 0.3
SIZE, STEPS, ROWS = 40, 50, 20


def near(part, rate, count):
    """Within five standard deviations of what chance has."""
    return abs(part - rate) < 5 * np.sqrt(rate * (1 - rate) / count)


def model_with(layer, **tensors):
    """A model of one layer whose weights are zero but for these."""
    model = Model(layer, dtype="float64")
    values = {name: np.zeros_like(value) for name, value in model.state_dict().items()}
    for name, value in tensors.items():
        values[f"0.{name}_l0"][...] = value
    model.load_state_dict(values)
    return model


def identity(**options):
    return RNN(SIZE, SIZE, nonlinearity="identity", **options)


# ---- How often, how long


def test_zoneout_keeps_units_as_often_as_it_says():
    """h would be x_t, and stays what it was where it is kept: another mask for each number."""
    model = model_with(identity(zoneout=RATE), weight_ih=np.eye(SIZE))
    x = np.broadcast_to(1.0 + np.arange(STEPS)[:, None, None], (STEPS, ROWS, SIZE)).copy()
    h = outputs_of_training(model, x)
    kept = h != x
    before = np.concatenate([np.zeros((1, ROWS, SIZE)), h[:-1]])
    assert np.array_equal(h, np.where(kept, before, x))
    assert near(kept.mean(), RATE, kept.size)
    for axes in ((0, 1), (1, 2), (0, 2)):
        parts = kept.mean(axes)
        assert all(near(part, RATE, kept.size / len(parts)) for part in parts)


def test_zoneout_of_c_keeps_it_as_often_as_it_says():
    """Gates wide open: c_t = c_{t-1} + 1, or c_{t-1}, as the next step sees it."""
    open_gates = np.repeat([50.0, 50.0, 50.0, 50.0], SIZE)
    model = model_with(LSTM(1, SIZE, zoneout_cell=RATE), bias_ih=open_gates)
    state = [np.zeros((1, ROWS, SIZE)), np.zeros((1, ROWS, SIZE))]
    # tanh of whole numbers tells them apart, while they are small.
    h = np.rint(np.arctanh(outputs_of_training(model, np.zeros((9, ROWS, 1)), state=state)))
    grown = h[1:] - h[:-1]  # by 1 where the c before was let go, else by 0
    assert set(np.unique(grown)) == {0.0, 1.0}
    assert near(1 - grown.mean(), RATE, grown.size)


def test_input_dropout_is_one_mask_for_all_steps():
    model = model_with(identity(input_dropout=RATE), weight_ih=np.eye(SIZE))
    h = outputs_of_training(model, np.ones((STEPS, 500, SIZE)))
    assert np.array_equal(h, np.broadcast_to(h[:1], h.shape))
    assert set(np.unique(h)) == {0.0, 1 / (1 - RATE)}
    assert near((h[0] == 0).mean(), RATE, h[0].size)
    assert len({row.tobytes() for row in h[0]}) == 500


def test_recurrent_dropout_is_one_mask_for_all_steps():
    """h_t = 1 + W_hh (m h_{t-1}): beyond the first step a power series of the mask."""
    one = 0.5 * np.eye(SIZE)
    model = model_with(identity(recurrent_dropout=RATE), weight_hh=one, bias_ih=1.0)
    h = outputs_of_training(model, np.zeros((5, 500, SIZE)))
    share = h[1] - 1
    assert_close(np.unique(share.round(12)), np.array([0, 0.5 / (1 - RATE)]), bound=1e-11)
    assert near((share == 0).mean(), RATE, share.size)
    for t in range(2, 5):
        assert_close(h[t], 1 + share * h[t - 1], bound=1e-14)


def test_weight_drop_is_one_mask_for_all_steps_and_rows():
    model = model_with(identity(weight_drop=RATE), weight_hh=1.0, bias_ih=1.0)
    state = [np.broadcast_to(np.eye(SIZE), (1, SIZE, SIZE)).copy()]
    h = outputs_of_training(model, np.zeros((3, SIZE, SIZE)), state=state)
    weight = h[0].T - 1  # from the unit vectors as states
    assert_close(np.unique(weight.round(12)), np.array([0, 1 / (1 - RATE)]), bound=1e-11)
    assert near((weight == 0).mean(), RATE, weight.size)
    assert_close(h[1], 1 + h[0] @ weight.T, bound=1e-13)
    assert_close(h[2], 1 + h[1] @ weight.T, bound=1e-13)


def test_dropout_between_levels_is_another_mask_at_every_step():
    model = Model(identity(num_layers=2, dropout=RATE, residual=False), dtype="float64")
    values = {name: np.zeros_like(value) for name, value in model.state_dict().items()}
    values["0.weight_ih_l0"] = values["0.weight_ih_l1"] = np.eye(SIZE)
    model.load_state_dict(values)
    other = Model(identity(num_layers=2, dropout=RATE, learn_state=True), dtype="float64")
    zeros = {name: np.zeros_like(value) for name, value in other.state_dict().items()}
    other.load_state_dict(zeros | values)
    for one in (model, other):
        h = outputs_of_training(one, np.ones((STEPS, ROWS, SIZE)))
        assert set(np.unique(h)) == {0.0, 1 / (1 - RATE)}
        assert near((h == 0).mean(), RATE, h.size)
        assert np.any(h[0] != h[1])


def test_levels_and_directions_have_masks_of_their_own():
    options = {"num_layers": 2, "bidirectional": True, "merge": "concat", "zoneout": 0.5}
    model = Model(RNN(SIZE, SIZE, nonlinearity="identity", **options), dtype="float64")
    values = {name: np.zeros_like(value) for name, value in model.state_dict().items()}
    for way in ("", "_reverse"):
        values[f"0.weight_ih_l0{way}"] = np.eye(SIZE)
        values[f"0.weight_ih_l1{way}"] = np.eye(SIZE, 2 * SIZE)
    model.load_state_dict(values)
    h = outputs_of_training(model, np.ones((1, ROWS, SIZE)))[0]
    forward, backward = h[:, :SIZE], h[:, SIZE:]
    # Both see the forward half of the level below.
    assert np.any((forward == 1) & (backward == 0)) and np.any((forward == 0) & (backward == 1))
    assert 0.15 < forward.mean() < 0.35


@pytest.mark.parametrize("option", ["zoneout", "input_dropout", "recurrent_dropout", "weight_drop"])
def test_masks_follow_the_seed_and_the_step(option):
    model = Model(GRU(3, 9, **{option: 0.4}), dtype="float64")
    x, y = normal(1, 6, 4, 3), normal(2, 6, 4, 9)

    def run(seed):
        trainer = librnn.Trainer(model, librnn.MSELoss(), librnn.SGD(lr=0), seed=seed)
        return [trainer.step(x, y).loss for _ in range(3)]

    assert run(1) == run(1) and len({*run(1), *run(2)}) == 6


# ---- What is left


@pytest.mark.parametrize(
    "options", [{"input_dropout": 0.4}, {"recurrent_dropout": 0.4}, {"weight_drop": 0.4}], ids=repr
)
def test_without_training_nothing_is_dropped(options):
    model, plain = Model(GRU(3, 9, 2, **options)), Model(GRU(3, 9, 2))
    plain.load_state_dict(model.state_dict())
    x = normal(1, 6, 4, 3, dtype="float32")
    assert_close(model(x)[0], plain(x)[0])
    loss = librnn.MSELoss()
    y = normal(2, 6, 4, 9, dtype="float32")
    one, other = (librnn.Trainer(each, loss).evaluate(x, y).loss for each in (model, plain))
    assert abs(one - other) <= 1e-6 * other
    same(model.stream(4).process(x), model(x)[0])


@pytest.mark.parametrize(
    "options", [{"input_dropout": RATE}, {"weight_drop": RATE}, {"zoneout": RATE}], ids=repr
)
def test_the_mean_over_masks_is_what_inference_gives(options):
    """Of one step of a linear cell, over many rows or seeds."""
    weights = normal(1, SIZE, SIZE) / np.sqrt(SIZE)
    model = model_with(identity(**options), weight_ih=weights, weight_hh=weights.T)
    x, h = (np.repeat(normal(seed, 1, 1, SIZE), 4000, 1) for seed in (2, 3))
    expected = model(x[:, :1], state=[h[:, :1]])[0][0, 0]
    if "weight_drop" in options:
        few = x[:, :1], [h[:, :1]]
        rows = [outputs_of_training(model, few[0], few[1], seed)[0, 0] for seed in range(4000)]
    else:
        rows = outputs_of_training(model, x, [h])[0]
    error = np.std(rows, axis=0) / np.sqrt(4000)
    assert np.all(np.abs(np.mean(rows, axis=0) - expected) < 6 * error + 1e-12)


# ---- The learned state, and residuals


def test_a_learned_state_is_what_sequences_begin_with():
    model = model_with(MinGRU(1, 3, learn_state=True), h_0=[1.0, 2.0, 3.0], bias_ih=-60.0)
    y, state = model(np.zeros((4, 2, 1)), lengths=[4, 0])
    assert_close(y, np.broadcast_to([1.0, 2.0, 3.0], (4, 2, 3)))
    assert_close(state[0], np.broadcast_to([1.0, 2.0, 3.0], (1, 2, 3)))
    zero, _ = model(np.zeros((4, 2, 1)), state=np.zeros((1, 2, 3)))
    assert not np.any(np.abs(zero) > 1e-20)


def test_residuals_are_added_where_widths_agree():
    """Level by level by hand."""
    whole = Model(RNN(3, 4, 3, residual=True), dtype="float64", seed=3)
    levels = [Model(RNN(width, 4), dtype="float64") for width in (3, 4, 4)]
    values, x = whole.state_dict(), normal(1, 5, 2, 3)
    below = x
    for k, level in enumerate(levels):
        level.load_state_dict({n: values[n.replace("_l0", f"_l{k}")] for n in level.state_dict()})
        y, _ = level(below)
        below = y + below if k > 0 else y
    assert_close(whole(x)[0], below)


def test_what_a_head_adds_is_what_the_model_reads():
    with_skip, without = (
        Model(GRU(5, 3), Linear(3, 2, skip=skip, activation="softsign"), dtype="float64", seed=1)
        for skip in (True, False)
    )
    x = normal(1, 6, 4, 5)
    plain = Model(GRU(5, 3), Linear(3, 2), dtype="float64", seed=1)
    sums = plain(x)[0] + x[..., :2]
    assert_close(with_skip(x)[0], sums / (1 + np.abs(sums)))
    assert np.any(with_skip(x)[0] != without(x)[0])
