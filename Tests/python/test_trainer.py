"""Training: losses, gradients, states, truncation, dropout, and what a step reports."""

import librnn
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from librnn import SGD, Adam

import reference
from support import (
    LOSSES,
    assert_close,
    assert_dicts_close,
    assert_differ,
    assert_same_bits,
    assert_same_dicts,
    input_for,
    integers,
    norm,
    normal,
    stacks,
    still,
    target_for,
    uniform,
    weights_for,
)
from trainers import problem, sensor

# ---- Losses


@given(stacks(), st.sampled_from(LOSSES), st.integers(1, 6), st.integers(1, 4), st.booleans())
def test_losses_follow_their_definitions(model, loss, steps, rows, weighted):
    x, y = input_for(model, 1, steps, rows), target_for(model, loss, 2, steps, rows)
    weights = weights_for(model, 3, steps, rows) if weighted else None
    expected = reference.loss(loss, model(x)[0], y, weights)
    trainer = still(model, loss)
    assert_close(trainer.evaluate(x, y, weights=weights).loss, expected)
    assert_close(trainer.step(x, y, weights=weights).loss, expected)


@pytest.mark.parametrize("ignore_index", [-100, -1, 0, 3, 2**62, -(2**63)])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_ignored_labels_count_for_nothing(ignore_index, reduction):
    model = librnn.Model(librnn.GRU(3, 5), dtype="float64")
    loss = librnn.CrossEntropyLoss(ignore_index, reduction)
    x, y = normal(1, 6, 4, 3), integers(2, 5, 6, 4)
    ignored = integers(3, 2, 6, 4).astype(bool)
    y[ignored] = ignore_index
    trainer = still(model, loss)
    result = trainer.step(x, y)
    assert 0 < ignored.sum() < ignored.size
    assert_close(result.loss, reference.loss(loss, model(x)[0], y))
    counted = still(model, librnn.CrossEntropyLoss(reduction=reduction))
    weights = (y != ignore_index).astype(float)
    again = counted.step(x, np.where(weights == 0, 1, y), weights=weights)
    assert_close(again.loss, result.loss)
    assert_dicts_close(trainer.gradients(), counted.gradients())


def test_labels_of_both_widths_give_the_same_bits():
    model = librnn.Model(librnn.GRU(3, 5))
    x, y = normal(1, 6, 4, 3, dtype="float32"), integers(2, 5, 6, 4)
    trainer = still(model, librnn.CrossEntropyLoss())
    assert trainer.step(x, y.astype(np.int32)).loss == trainer.step(x, y).loss


# ---- Gradients


def assert_uphill(model, result, gradient, loss_now, width=1e-5):
    """The norm of the gradient is the slope of the loss in its direction: central differences."""
    assert_close(result.grad_norm, norm(gradient))
    weights, losses = model.state_dict(), []
    for step in (width / result.grad_norm, -width / result.grad_norm):
        model.load_state_dict({name: w + step * gradient[name] for name, w in weights.items()})
        losses.append(loss_now())
    assert_close((losses[0] - losses[1]) / (2 * width), result.grad_norm, bound=1e-7)


@given(
    stacks(nonlinearities=["tanh"]),
    st.sampled_from(LOSSES),
    st.integers(1, 6),
    st.integers(1, 4),
    st.booleans(),
)
def test_the_gradient_is_the_slope_of_the_loss(model, loss, steps, rows, ragged):
    batch = [input_for(model, 1, steps, rows), target_for(model, loss, 2, steps, rows)]
    batch.append(integers(4, steps, rows) + 1 if ragged else None)
    trainer = still(model, loss)
    result = trainer.step(*batch)
    if result.grad_norm < 1e-6:  # Softmax over one class: the loss is zero everywhere.
        assert result.loss < 1e-12
        return
    assert_uphill(model, result, trainer.gradients(), lambda: trainer.evaluate(*batch).loss)


@given(stacks(nonlinearities=["tanh"], dropout=0.5), st.integers(1, 6), st.integers(0, 9))
def test_the_gradient_goes_through_the_units_that_dropout_kept(model, steps, seed):
    """The first steps of two trainers from one seed drop the same units."""
    loss = librnn.MSELoss()
    batch = input_for(model, 1, steps, 3), target_for(model, loss, 2, steps, 3)
    trainer = still(model, loss, seed=seed)
    result = trainer.step(*batch)

    def loss_now():
        return still(model, loss, seed=seed).step(*batch).loss

    assert_uphill(model, result, trainer.gradients(), loss_now)


def test_gradients_are_zero_before_any_step_and_named_as_the_weights():
    model = sensor()
    gradients = still(model, librnn.MSELoss()).gradients()
    assert_same_dicts(gradients, {n: np.zeros_like(v) for n, v in model.state_dict().items()})


def test_gradients_are_those_before_clipping():
    x, y = problem()
    free = still(sensor(), librnn.MSELoss())
    clipped = still(sensor(), librnn.MSELoss(), clip_norm=1e-3)
    free.step(x, y)
    assert clipped.step(x, y).clipped
    assert_same_dicts(clipped.gradients(), free.gradients())


def test_evaluate_changes_nothing():
    model = sensor()
    trainer = librnn.Trainer(model, librnn.MSELoss())
    trainer.step(*problem(1))
    weights, gradients = model.state_dict(), trainer.gradients()
    result = trainer.evaluate(*problem(2))
    assert (result.grad_norm, result.clipped, result.skipped, result.step) == (0, False, False, 1)
    assert_same_dicts(model.state_dict(), weights)
    assert_same_dicts(trainer.gradients(), gradients)


# ---- States and truncation


def test_the_state_of_a_step_is_that_before_its_update():
    model = sensor()
    x, y = problem()
    _, expected = model(x)
    trainer = librnn.Trainer(model, librnn.MSELoss(), SGD(lr=0.5))
    for part, end in zip(trainer.step(x, y).state, expected, strict=True):
        assert_close(part, end)


def test_the_state_of_a_step_starts_the_next():
    model, (x, y) = sensor(), problem(steps=6)
    trainer = still(model, librnn.MSELoss("sum"))
    whole = trainer.evaluate(x, y)
    first = trainer.step(x[:4], y[:4])
    second = trainer.step(x[4:], y[4:], state=first.state)
    assert_close(first.loss + second.loss, whole.loss)
    for part, expected in zip(second.state, whole.state, strict=True):
        assert_close(part, expected)


@given(stacks(), st.integers(2, 9), st.integers(1, 4), st.booleans())
def test_truncation_is_the_sum_over_stretches_with_the_state_carried_over(model, steps, k, ragged):
    if getattr(model.layers[-1], "last", False):
        model = librnn.Model(*model.layers[:-1], dtype="float64")
    loss = librnn.MSELoss("sum")
    x, y = input_for(model, 1, steps, 3), target_for(model, loss, 2, steps, 3)
    lengths = integers(4, steps + 1, 3) if ragged else np.full(3, steps)
    truncated, stretch = still(model, loss, bptt=k), still(model, loss)
    result = truncated.step(x, y, lengths)
    total, sums, state = 0.0, {n: 0 for n in model.state_dict()}, None
    for start in range(0, steps, k):
        part = slice(start, start + k)
        rest = np.clip(lengths - start, 0, len(x[part]))
        report = stretch.step(x[part], y[part], rest, state)
        state, total = report.state, total + report.loss
        sums = {name: sums[name] + value for name, value in stretch.gradients().items()}
    assert_close(result.loss, total)
    assert_dicts_close(truncated.gradients(), sums)
    for part, expected in zip(result.state, state, strict=True):
        assert_close(part, expected)


@given(stacks(), st.integers(1, 40), st.sampled_from([1, 60, 200]), st.booleans(), st.data())
def test_recomputing_changes_no_bit(model, steps, rows, ragged, data):
    """With 200 rows a block is 2 steps long, with 60 it is 8, with one there is one block."""
    bptt = data.draw(st.sampled_from([None, 7, 19]))
    ragged = ragged and not getattr(model.layers[-1], "last", False)
    loss = librnn.MSELoss()
    x, y = input_for(model, 1, steps, rows), target_for(model, loss, 2, steps, rows)
    lengths = 1 + integers(4, steps, rows) if ragged else None
    weights = model.state_dict()
    runs = []
    for recompute in (False, True):
        model.load_state_dict(weights)
        trainer = librnn.Trainer(model, loss, bptt=bptt, recompute=recompute)
        results = [trainer.step(x, y, lengths) for _ in range(2)]
        runs.append((results, trainer.gradients(), model.state_dict()))
    (kept, gradients, after), (recomputed, again, after_again) = runs
    for one, other in zip(kept, recomputed, strict=True):
        assert one.loss == other.loss and one.grad_norm == other.grad_norm
        for part, expected in zip(other.state, one.state, strict=True):
            assert_same_bits(part, expected)
    assert_same_dicts(again, gradients)
    assert_same_dicts(after_again, after)


def test_truncation_beyond_the_end_is_none():
    x, y = problem(steps=5)
    full, long = still(sensor(), librnn.MSELoss()), still(sensor(), librnn.MSELoss(), bptt=5)
    full.step(x, y)
    long.step(x, y)
    assert_dicts_close(long.gradients(), full.gradients())


def test_batch_first_trains_alike():
    x, y = problem(steps=5, rows=3)
    weights = uniform(9, 5, 3)
    trainers = [
        librnn.Trainer(sensor(batch_first=batch_first), librnn.MSELoss())
        for batch_first in (False, True)
    ]
    one = trainers[0].step(x, y, [5, 3, 1], weights=weights)
    other = trainers[1].step(
        x.swapaxes(0, 1), y.swapaxes(0, 1), [5, 3, 1], weights=weights.swapaxes(0, 1)
    )
    assert one.loss == other.loss and other.state[0].shape == (1, 3, 4)
    assert_same_dicts(trainers[1].model.state_dict(), trainers[0].model.state_dict())


# ---- Dropout


def dropped(seed):
    stack = [librnn.LSTM(3, 8, num_layers=3, dropout=0.5), librnn.Linear(8, 2)]
    return still(librnn.Model(*stack, dtype="float64"), librnn.MSELoss(), seed=seed)


def test_dropout_follows_the_seed_of_the_trainer():
    one, same, other = dropped(1), dropped(1), dropped(2)
    losses = [trainer.step(*problem()).loss for trainer in (one, same, other)]
    assert losses[0] == losses[1] != losses[2]


def test_dropout_is_another_at_every_step_and_absent_outside_training():
    trainer = dropped(1)
    x, y = problem()
    clean = reference.loss(librnn.MSELoss(), trainer.model(x)[0], y)
    losses = [trainer.step(x, y).loss for _ in range(4)]
    assert len({clean, *losses}) == 5
    assert_close(trainer.evaluate(x, y).loss, clean)


def test_dropout_scales_what_it_keeps():
    """Of h, all ones, half the units pass at twice the size: the next layer's input has mean 1."""
    layer = librnn.RNN(1, 1000, num_layers=2, dropout=0.5, nonlinearity="relu")
    model = librnn.Model(layer, librnn.Linear(1000, 1), dtype="float64")
    weights = {name: np.zeros_like(value) for name, value in model.state_dict().items()}
    weights["0.bias_ih_l0"][:] = 1
    weights["0.weight_ih_l1"] = np.eye(1000)
    weights["1.weight"][:] = 1 / 1000
    model.load_state_dict(weights)
    x, y = np.zeros((1, 1, 1)), np.zeros((1, 1, 1))
    trainer = still(model, librnn.MSELoss())
    means = [np.sqrt(trainer.step(x, y).loss) for _ in range(16)]
    assert len(set(means)) > 1
    # 16000 coins, each 0 or 2: the mean has standard deviation 1 / sqrt(16000).
    assert abs(np.mean(means) - 1) < 5 / np.sqrt(16000)


# ---- The whole


def test_set_num_threads_changes_no_bit():
    results = []
    for count in [1, 2, 3]:
        librnn.set_num_threads(count)
        model = librnn.Model(librnn.Embedding(50, 16), librnn.LSTM(16, 33), librnn.Linear(33, 50))
        trainer = librnn.Trainer(model, clip_norm=0.5)
        x = integers(1, 50, 20, 17)
        results.append(([trainer.step(x, x).loss for _ in range(3)], model.state_dict()))
    for losses, weights in results[1:]:
        assert losses == results[0][0]
        assert_same_dicts(weights, results[0][1])


def test_two_trainers_from_one_seed_are_equal_and_from_two_are_not():
    models = [sensor("float32", seed) for seed in (1, 1, 2)]
    for model in models:
        librnn.Trainer(model, librnn.MSELoss()).step(*problem(dtype="float32"))
    assert_same_dicts(models[0].state_dict(), models[1].state_dict())
    assert_differ(models[0].state_dict(), models[2].state_dict())


def test_a_network_learns_to_remember():
    """The label of a sequence is its first token: after 200 steps it is known for certain."""
    memory = librnn.LSTM(8, 16, forget_bias=2)
    model = librnn.Model(librnn.Embedding(4, 8), memory, librnn.Linear(16, 4, last=True))
    trainer = librnn.Trainer(model, optimizer=Adam(lr=0.02), clip_norm=1.0)
    for seed in range(200):
        x = integers(seed, 4, 8, 32)
        trainer.step(x, x[0])
    x = integers(1000, 4, 8, 64)
    assert trainer.evaluate(x, x[0]).loss < 0.05
    assert np.array_equal(model(x)[0].argmax(-1), x[0])


def test_a_trainer_is_closed_once():
    model = sensor()
    with librnn.Trainer(model, librnn.MSELoss()) as trainer:
        assert trainer.model is model
    trainer.close()
    assert trainer.closed and not model.closed


def test_a_result_is_a_record():
    result = librnn.Trainer(sensor(), librnn.MSELoss()).step(*problem())
    assert isinstance(result.clipped, bool) and isinstance(result.skipped, bool)
    with pytest.raises(AttributeError):
        result.loss = 0.0
    assert "loss=" in repr(result) and "array" not in repr(result)
