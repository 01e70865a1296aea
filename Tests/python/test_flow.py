"""What an observed step sees on the way back, against plain numpy; looking changes no bit."""

import librnn
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import stability_reference as reference
from support import (
    assert_close,
    assert_dicts_close,
    assert_same_bits,
    assert_same_dicts,
    has_last_step,
    input_for,
    integers,
    normal,
    perturbed,
    stacks,
    still,
    target_for,
)

MSE = librnn.MSELoss()
NONLINEARITIES = ["tanh", "relu", "identity"]


def assert_series(actual, expected, what, bound=1e-10):
    """Equal where numbers are, NaN in the same places."""
    if expected is None:
        assert actual is None, what
        return
    assert actual.shape == expected.shape and actual.dtype == np.float64, what
    assert np.array_equal(np.isnan(actual), np.isnan(expected)), f"{what}: {actual} {expected}"
    assert_close(np.nan_to_num(actual), np.nan_to_num(expected), what, bound)


def assert_flow(flow, run, bptt=None):
    assert [layer.name for layer in flow.layers] == [f"{lv.layer}.l{lv.k}" for lv in run.levels]
    for layer, level in zip(flow.layers, run.levels, strict=True):
        assert layer.hidden_size == level.h.shape[2]
        assert layer.gates == {1: ("h",), 3: tuple("rzn"), 4: tuple("ifgo")}[len(level.gates)]
        for name, expected in reference.series(level, run.valid, bptt).items():
            assert_series(getattr(layer, name), expected, f"{layer.name} {name}")


def ragged(model, seed, steps, rows):
    """Lengths up to T, of a head on the last step at least 1."""
    return integers(seed, steps + 1 - has_last_step(model), rows) + has_last_step(model)


@st.composite
def problems(draw):
    """A model, its batch, and where the gradient is cut."""
    model = draw(stacks(nonlinearities=NONLINEARITIES))
    steps, rows, seed = draw(st.integers(1, 9)), draw(st.integers(1, 4)), draw(st.integers(0, 99))
    x, y = input_for(model, seed, steps, rows), target_for(model, MSE, seed, steps, rows)
    lengths = ragged(model, seed, steps, rows) if draw(st.booleans()) else None
    if lengths is not None and not lengths.any():
        lengths[0] = 1
    return model, (x, y, lengths), draw(st.sampled_from([None, 1, 2, 4]))


# ---- Series


@given(problems(), st.sampled_from(["mean", "sum"]))
def test_every_series_is_that_of_the_reference(problem, reduction):
    model, batch, bptt = problem
    loss = librnn.MSELoss(reduction)
    trainer = still(model, loss, bptt=bptt)
    result = trainer.step(*batch, observe=True)
    run = reference.run(model, *batch[:2], loss, batch[2], bptt)
    assert_close(result.loss, run.loss)
    assert_dicts_close(trainer.gradients(), run.gradients, bound=1e-10)
    assert_flow(result.flow, run, bptt)


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("bptt", [None, 7])
@pytest.mark.parametrize("kind", [librnn.RNN, librnn.GRU, librnn.LSTM])
def test_series_of_many_blocks_of_steps(kind, bptt, last):
    """With 60 rows a block is 8 steps long."""
    layers = [kind(2, 19, num_layers=2), librnn.Linear(19, 3, last=last)]
    model = perturbed(librnn.Model(*layers, dtype="float64"), 3)
    x, y = normal(1, 30, 60, 2), target_for(model, MSE, 2, 30, 60)
    lengths = integers(3, 30, 60) + 1
    result = still(model, MSE, bptt=bptt).step(x, y, lengths, observe=True)
    assert_flow(result.flow, reference.run(model, x, y, MSE, lengths, bptt), bptt)


@given(problems())
def test_recomputing_changes_no_number(problem):
    model, batch, bptt = problem
    kept, again = (
        still(model, MSE, bptt=bptt, recompute=recompute).step(*batch, observe=True).flow
        for recompute in (False, True)
    )
    assert_dicts_close(norms(again), norms(kept), bound=1e-12)
    for one, other in zip(again.layers, kept.layers, strict=True):
        assert (one.verdict, one.gates, one.name) == (other.verdict, other.gates, other.name)
        for name in SERIES:
            assert_series(getattr(one, name), getattr(other, name), name, 1e-12)


SERIES = ["grad_h_mean", "grad_h_max", "grad_c_mean", "grad_c_max", "gain"]
SERIES += ["h_mean", "h_std", "h_max", "gate_low", "gate_high"]


def norms(flow):
    return {name: np.float64(tensor.grad_norm) for name, tensor in flow.tensors.items()}


@pytest.mark.parametrize("rows", [1, 60])
def test_recomputing_many_segments_changes_no_number(rows):
    model = perturbed(librnn.Model(librnn.LSTM(2, 5, num_layers=2), dtype="float64"), 3)
    x, y = normal(1, 90, rows, 2), normal(2, 90, rows, 5)
    flow = still(model, MSE, recompute=True).step(x, y, observe=True).flow
    assert_flow(flow, reference.run(model, x, y, MSE))


@pytest.mark.parametrize("kind", [librnn.RNN, librnn.GRU, librnn.LSTM])
def test_float32_sees_the_same_to_its_precision(kind):
    layers = [kind(3, 21), librnn.Linear(21, 2)]
    model = perturbed(librnn.Model(*layers), 3)
    x, y = normal(1, 12, 5, 3, dtype="float32"), normal(2, 12, 5, 2, dtype="float32")
    flow = still(model, MSE).step(x, y, observe=True).flow
    (level,) = (run := reference.run(model, x, y, MSE)).levels
    expected = reference.series(level, run.valid)
    for name in SERIES[:-2]:
        assert_series(getattr(flow.layers[0], name), expected[name], name, 1e-5)


def test_a_network_without_recurrence_has_tensors_only():
    model = librnn.Model(librnn.Linear(3, 2), dtype="float64")
    flow = still(model, MSE).step(normal(1, 4, 3, 3), normal(2, 4, 3, 2), observe=True).flow
    assert flow.layers == () and list(flow.tensors) == ["0.weight", "0.bias"]


def test_clipped_gradients_are_seen_as_they_go_on():
    model = perturbed(librnn.Model(librnn.LSTM(3, 5, num_layers=2), dtype="float64"), 3)
    x, y = normal(1, 9, 4, 3), normal(2, 9, 4, 5)
    options = {"step_norm": 0.01, "step_value": 0.006}
    trainer = still(model, MSE, clip_step_norm=0.01, clip_step_value=0.006)
    run = reference.run(model, x, y, MSE, **options)
    assert_flow(trainer.step(x, y, observe=True).flow, run)
    assert 0 < run.clipped_places < 9 * 4 * 2


# ---- Looking


@given(stacks(dtypes=("float32", "float64"), dropout=0.3), st.sampled_from([1, 2, 3]), st.data())
def test_looking_changes_no_bit(model, threads, data):
    recompute, bptt = data.draw(st.booleans()), data.draw(st.sampled_from([None, 4]))
    librnn.set_num_threads(threads)
    x, y = input_for(model, 1, 9, 20), target_for(model, MSE, 2, 9, 20)
    start, runs = model.state_dict(), []
    for observe in (False, True):
        model.load_state_dict(start)
        trainer = librnn.Trainer(model, MSE, bptt=bptt, recompute=recompute, clip_norm=0.1)
        results = [trainer.step(x, y, observe=observe) for _ in range(3)]
        runs.append((results, trainer.gradients(), model.state_dict()))
    for one, other in zip(runs[0][0], runs[1][0], strict=True):
        assert (one.loss, one.grad_norm, one.clipped) == (
            other.loss,
            other.grad_norm,
            other.clipped,
        )
        assert one.flow is None and other.flow is not None
        for part, expected in zip(other.state, one.state, strict=True):
            assert_same_bits(part, expected)
    assert_same_dicts(runs[1][1], runs[0][1])
    assert_same_dicts(runs[1][2], runs[0][2])


@pytest.mark.parametrize("kind", [librnn.RNN, librnn.GRU, librnn.LSTM])
def test_threads_see_the_same_bits(kind):
    flows = []
    for threads in (1, 2, 3):
        librnn.set_num_threads(threads)
        model = librnn.Model(kind(3, 70, num_layers=2), librnn.Linear(70, 40))
        x, y = normal(1, 20, 17, 3, dtype="float32"), normal(2, 20, 17, 40, dtype="float32")
        trainer = librnn.Trainer(model, MSE, clip_norm=0.01)
        flows.append([trainer.step(x, y, observe=True).flow for _ in range(2)])
        flows[-1].append(model.state_dict())
    for other in flows[1:]:
        assert_same_dicts(other.pop(), flows[0][-1])
        for one, same in zip(flows[0], other, strict=False):
            assert one.tensors == same.tensors
            for left, right in zip(one.layers, same.layers, strict=True):
                assert left.reason == right.reason
                for name in SERIES:
                    if getattr(left, name) is not None:
                        assert_same_bits(getattr(right, name), getattr(left, name), name)


def test_what_was_seen_stays_while_others_are_not_looked_at():
    model = librnn.Model(librnn.GRU(3, 4), dtype="float64")
    trainer = librnn.Trainer(model, MSE)
    x, y = normal(1, 6, 2, 3), normal(2, 6, 2, 4)
    first = trainer.step(x, y, observe=True)
    again = trainer.step(x, y)
    evaluated = trainer.evaluate(x, y)
    assert again.flow is None and evaluated.flow is None
    assert len(first.flow.layers) == 1
    assert first.flow.layers[0].gain.shape == (6,)
    assert trainer.step(x[:3], y[:3], observe=True).flow.layers[0].gain.shape == (3,)
    assert np.isfinite(first.flow.layers[0].gain[:5]).all()


# ---- Tensors


@pytest.mark.parametrize("options", [{}, {"clip_norm": 1e-3}, {"clip_adaptive": 1e-2}], ids=repr)
@pytest.mark.parametrize("optimizer", [librnn.SGD(lr=0.1), librnn.Adam(), librnn.RMSprop()])
def test_tensors_move_as_far_as_their_flow_says(optimizer, options):
    """A matrix of 8400 elements is watched in parts."""
    model = librnn.Model(librnn.LSTM(13, 30, 2), librnn.Linear(30, 70), dtype="float64")
    trainer = librnn.Trainer(perturbed(model, 3), MSE, optimizer, **options)
    for seed in range(2):
        before = model.state_dict()
        x, y = normal(seed, 5, 4, 13), normal(seed + 9, 5, 4, 70)
        flow = trainer.step(x, y, observe=True).flow
        after, gradients = model.state_dict(), trainer.gradients()
        assert list(flow.tensors) == list(before)
        for name, tensor in flow.tensors.items():
            assert_close(tensor.grad_norm, np.linalg.norm(gradients[name]), name, 1e-12)
            assert_close(tensor.weight_norm, np.linalg.norm(before[name]), name, 1e-12)
            moved = np.linalg.norm(after[name] - before[name])
            assert moved > 0
            assert_close(tensor.update_norm, moved, name, 1e-10)
            assert tensor.update_ratio == tensor.update_norm / tensor.weight_norm


def test_a_skipped_step_moves_nothing():
    model = librnn.Model(librnn.GRU(3, 4), dtype="float64")
    trainer = librnn.Trainer(model, librnn.MSELoss("sum"))
    x, y = normal(1, 6, 2, 3), normal(2, 6, 2, 4)
    trainer.step(x, y, observe=True)
    result = trainer.step(x, np.full_like(y, 1e308), observe=True)
    assert result.skipped
    for tensor in result.flow.tensors.values():
        assert (tensor.weight_norm, tensor.update_norm) == (0, 0)
        assert np.isnan(tensor.update_ratio) and not np.isfinite(tensor.grad_norm)
