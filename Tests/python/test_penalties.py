"""Penalties: their values, and their gradients against plain numpy and central differences."""

import librnn
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import stability_reference as reference
from support import (
    assert_close,
    assert_dicts_close,
    assert_differ,
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
CELLS = [librnn.RNN, librnn.GRU, librnn.LSTM]
PENALTIES = ["omega", "orthogonality", "activation_penalty", "temporal_activation_penalty"]


@st.composite
def problems(draw, nonlinearities=("tanh", "relu", "identity")):
    """A model, its batch, and where the gradient is cut."""
    model = draw(stacks(nonlinearities=list(nonlinearities)))
    steps, rows, seed = draw(st.integers(1, 9)), draw(st.integers(1, 4)), draw(st.integers(0, 99))
    x, y = input_for(model, seed, steps, rows), target_for(model, MSE, seed, steps, rows)
    first = int(has_last_step(model))
    lengths = integers(seed, steps + 1 - first, rows) + first if draw(st.booleans()) else None
    if lengths is not None:
        lengths[0] = steps
    return model, (x, y, lengths), draw(st.sampled_from([None, 1, 2, 4]))


def step(model, batch, **options):
    """What a step says, and its gradient."""
    trainer = still(model, MSE, **options)
    return trainer.step(*batch), trainer.gradients()


def small(kind, last=False, layers=2, **options):
    """A model and its batch, sequences of 6, 5 and 2 steps."""
    layers = [kind(2, 3, layers, **options), librnn.Linear(3, 2, last=last)]
    model = perturbed(librnn.Model(*layers, dtype="float64"), 3)
    x, y = normal(1, 6, 3, 2), target_for(model, MSE, 2, 6, 3)
    return model, (x, y, [5, 6, 2])


# ---- Omega


@given(problems(), st.sampled_from([0.25, 4.0]), st.booleans())
def test_omega_and_its_gradient_are_those_of_the_reference(problem, weight, recompute):
    model, (x, y, lengths), bptt = problem
    result, gradients = step(model, (x, y, lengths), bptt=bptt, omega=weight, recompute=recompute)
    run = reference.run(model, x, y, MSE, lengths, bptt)
    value, slopes = reference.omega(run.levels, run.valid)
    assert_close(np.float64(result.omega), value, "omega", 1e-9)
    assert_close(np.float64(result.penalty), weight * value, "penalty", 1e-9)
    assert_close(np.float64(result.loss), run.loss)
    expected = {name: g + weight * slopes.get(name, 0) for name, g in run.gradients.items()}
    assert_dicts_close(gradients, expected, bound=1e-9)


@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.parametrize("kind", CELLS)
def test_omega_of_many_blocks_of_steps(kind, recompute):
    """With 60 rows a block is 8 steps long."""
    model = perturbed(librnn.Model(kind(2, 9, 2), librnn.Linear(9, 2), dtype="float64"), 3)
    x, y, lengths = normal(1, 30, 60, 2), normal(2, 30, 60, 2), integers(3, 31, 60)
    result, gradients = step(model, (x, y, lengths), omega=1.0, recompute=recompute, bptt=23)
    run = reference.run(model, x, y, MSE, lengths, 23)
    value, slopes = reference.omega(run.levels, run.valid)
    assert_close(np.float64(result.omega), value, "omega", 1e-10)
    for level in run.levels:
        difference = gradients[level.name] - run.gradients[level.name]
        assert_close(difference, slopes[level.name], level.name, 1e-8)


@pytest.mark.parametrize("kind", CELLS)
def test_the_gradient_of_omega_is_the_immediate_derivative(kind):
    """Central differences of Σ (|v|²/|d|² - 1)² by the W_hh that stands in v, d and h held."""
    model, (x, y, lengths) = small(kind)
    run = reference.run(model, x, y, MSE, lengths)
    _, gradients = step(model, (x, y, lengths), omega=1.0)
    for level in run.levels:
        w = model.state_dict()[level.name]
        direct = {name: level.back[name] for name in "hc"}
        direct["h"] = direct["h"] - level.sums @ w

        def value(w, level=level, direct=direct):
            h = level.sums @ w + direct["h"]
            passed, whole = np.sum(h**2, 2), np.sum(level.d["h"] ** 2, 2)
            if kind is librnn.LSTM:
                passed = passed + np.sum(direct["c"] ** 2, 2)
                whole = whole + np.sum(level.later["c"] ** 2, 2)
            terms = (passed[run.valid] / whole[run.valid] - 1) ** 2
            return terms.sum() / (len(run.levels) * run.valid.sum())

        slopes = gradients[level.name] - run.gradients[level.name]
        assert_close(slopes, numeric(value, w), level.name, 1e-7)


def numeric(value, w, width=1e-5):
    """Central differences by every element."""
    result = np.zeros_like(w)
    for place in np.ndindex(*w.shape):
        moved = w.copy()
        ends = []
        for sign in (1, -1):
            moved[place] = w[place] + sign * width
            ends.append(value(moved))
        result[place] = (ends[0] - ends[1]) / (2 * width)
    return result


def test_omega_of_a_recurrence_that_keeps_norms_is_zero():
    model, batch = small(librnn.RNN, layers=1, nonlinearity="identity")
    weights = model.state_dict()
    weights["0.weight_hh_l0"] = np.linalg.qr(normal(1, 3, 3))[0]
    model.load_state_dict(weights)
    assert step(model, batch, omega=1.0)[0].omega < 1e-25
    weights["0.weight_hh_l0"] *= 2
    model.load_state_dict(weights)
    assert_close(np.float64(step(model, batch, omega=1.0)[0].omega), 9.0)


@pytest.mark.parametrize("scale, expected", [(1e-12, 0.0), (1e-8, 9.0)])
def test_omega_leaves_out_gradients_that_are_hardly_there(scale, expected):
    """Below a square of 1e-20: rounding would decide."""
    model, batch = small(librnn.RNN, last=True, layers=1, nonlinearity="identity")
    weights = model.state_dict()
    weights["0.weight_hh_l0"] = 2 * np.eye(3)
    weights["1.weight"][:] = scale
    model.load_state_dict(weights)
    result, gradients = step(model, batch, omega=1.0)
    assert_close(np.float64(result.omega), expected, bound=1e-10)
    same = gradients["0.weight_hh_l0"] == step(model, batch)[1]["0.weight_hh_l0"]
    assert same.all() == (expected == 0)


def test_omega_sees_gradients_as_they_were_clipped():
    model, (x, y, lengths) = small(librnn.LSTM)
    result, _ = step(model, (x, y, lengths), omega=1.0, clip_step_norm=0.02)
    run = reference.run(model, x, y, MSE, lengths, step_norm=0.02)
    assert 0 < run.clipped_places == result.clipped_places
    assert_close(np.float64(result.omega), reference.omega(run.levels, run.valid)[0], "", 1e-10)


# ---- Orthogonality


def orthogonality(weights):
    """Σ |WᵀW - 1|² over the recurrent matrices, gate by gate, and its gradient."""
    value, slopes = 0.0, {}
    for name, w in weights.items():
        if "weight_hh" in name:
            gates = w.reshape(-1, w.shape[1], w.shape[1])
            excess = gates.swapaxes(1, 2) @ gates - np.eye(w.shape[1])
            value += np.sum(excess**2)
            slopes[name] = (4 * gates @ excess).reshape(w.shape)
    return value, slopes


@given(problems())
def test_orthogonality_is_that_of_every_recurrent_matrix(problem):
    model, batch, bptt = problem
    plain, before = step(model, batch, bptt=bptt)
    result, gradients = step(model, batch, bptt=bptt, orthogonality=0.3)
    value, slopes = orthogonality(model.state_dict())
    assert_close(np.float64(result.penalty), 0.3 * value)
    assert (result.loss, result.omega) == (plain.loss, 0)
    expected = {name: g + 0.3 * slopes.get(name, 0) for name, g in before.items()}
    assert_dicts_close(gradients, expected)


# ---- Activations


@given(problems(), st.sampled_from([(1.5, 0), (0, 2.0), (0.7, 0.4)]), st.booleans())
def test_activation_penalties_are_those_of_the_reference(problem, weights, recompute):
    model, (x, y, lengths), bptt = problem
    options = dict(zip(PENALTIES[2:], weights, strict=True))
    recompute = recompute and weights[1] == 0
    result, gradients = step(model, (x, y, lengths), bptt=bptt, recompute=recompute, **options)
    activation, temporal = weights
    run = reference.run(model, x, y, MSE, lengths, bptt, activation=activation, temporal=temporal)
    assert_close(np.float64(result.penalty), run.penalty)
    assert_close(np.float64(result.loss), run.loss)
    assert_dicts_close(gradients, run.gradients, bound=1e-10)


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("names", [PENALTIES[1:2], PENALTIES[2:3], PENALTIES[3:], PENALTIES[1:]])
def test_gradients_are_slopes_of_the_loss_and_the_penalty(kind, last, names):
    """Elman networks and all gates; dropout drops the same units at each first step."""
    model, batch = small(kind, last, dropout=0.4)
    options = {name: 0.5 + index for index, name in enumerate(names)}
    result, gradients = step(model, batch, **options)
    weights = model.state_dict()
    assert result.penalty > 0
    for name in weights:

        def value(w, name=name):
            model.load_state_dict(weights | {name: w})
            now, _ = step(model, batch, **options)
            return now.loss + now.penalty

        assert_close(gradients[name], numeric(value, weights[name]), name, 1e-7)


# ---- All


def everything(recompute=False):
    return {name: 0.5 for name in PENALTIES[: 3 if recompute else 4]}


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("kind", CELLS)
def test_recomputing_penalises_alike(kind, last):
    model = perturbed(librnn.Model(kind(2, 9, 2), librnn.Linear(9, 2, last=last)), 3)
    x, y = normal(1, 90, 5, 2, dtype="float32"), target_for(model, MSE, 2, 90, 5)
    runs = [step(model, (x, y), recompute=r, **everything(True)) for r in (False, True)]
    (kept, gradients), (again, recomputed) = runs
    assert kept.loss == again.loss
    assert_close(np.float64(again.penalty), kept.penalty, "penalty")
    assert_close(np.float64(again.omega), kept.omega, "omega")
    assert_dicts_close(recomputed, gradients)


@pytest.mark.parametrize("kind", CELLS)
def test_threads_penalise_alike_and_looking_changes_nothing(kind):
    runs = []
    for threads, observe in [(1, False), (2, False), (3, True)]:
        librnn.set_num_threads(threads)
        model = librnn.Model(kind(3, 70, 2), librnn.Linear(70, 4))
        trainer = librnn.Trainer(model, MSE, **everything())
        x, y = normal(1, 20, 17, 3, dtype="float32"), normal(2, 20, 17, 4, dtype="float32")
        results = [trainer.step(x, y, observe=observe) for _ in range(2)]
        runs.append(([(r.loss, r.penalty, r.omega) for r in results], model.state_dict()))
    for numbers, weights in runs[1:]:
        assert numbers == runs[0][0]
        assert_same_dicts(weights, runs[0][1])


def test_without_recurrence_there_is_nothing_to_penalise():
    model = librnn.Model(librnn.Linear(2, 3), dtype="float64")
    batch = normal(1, 6, 3, 2), normal(2, 6, 3, 3)
    plain, before = step(model, batch)
    result, gradients = step(model, batch, **everything())
    assert (result.loss, result.penalty, result.omega) == (plain.loss, 0, 0)
    assert_same_dicts(gradients, before)


@pytest.mark.parametrize("name", PENALTIES)
def test_penalties_are_set_from_the_next_step_on(name):
    model, batch = small(librnn.GRU)
    trainer = still(model, MSE, **{name: 0.25})
    for weight in (0.25, 2.0, 0.0, 1.0):
        trainer.set_penalties(**{name: weight})
        result = trainer.step(*batch)
        expected, gradients = step(model, batch, **{name: weight})
        assert result.penalty == expected.penalty and (result.penalty > 0) == (weight > 0)
        assert_same_dicts(trainer.gradients(), gradients)


@pytest.mark.parametrize("recompute", [False, True])
def test_every_step_penalises_by_itself(recompute):
    model, batch = small(librnn.LSTM)
    trainer = still(model, MSE, recompute=recompute, **everything(recompute))
    first = trainer.step(*batch)
    gradients, again = trainer.gradients(), trainer.step(*batch)
    assert (again.penalty, again.omega) == (first.penalty, first.omega)
    assert_same_dicts(trainer.gradients(), gradients)


def test_penalties_that_are_not_named_stay(tmp_path):
    model, batch = small(librnn.LSTM)
    trainer = still(model, MSE, omega=1.0, activation_penalty=2.0)
    trainer.set_penalties(orthogonality=0.5, omega=3.0)
    trainer.set_penalties()
    trainer.save(tmp_path / "run")
    expected, gradients = step(model, batch, omega=3.0, orthogonality=0.5, activation_penalty=2.0)
    for run in (trainer, librnn.Trainer.resume(tmp_path / "run")):
        assert run.step(*batch).penalty == expected.penalty
        assert_same_dicts(run.gradients(), gradients)
    assert_differ(gradients, step(model, batch, omega=1.0, activation_penalty=2.0)[1])


@pytest.mark.parametrize("value", [-1, -1e-9, np.nan, np.inf, "1", None], ids=repr)
@pytest.mark.parametrize("name", PENALTIES)
def test_a_penalty_is_a_number_that_is_not_below_0(name, value):
    model, batch = small(librnn.GRU)
    trainer = still(model, MSE, omega=1.0)
    with pytest.raises((ValueError, TypeError), match=f"{name}: expected .* got "):
        still(model, MSE, **{name: value})
    with pytest.raises((ValueError, TypeError), match=f"{name}: expected .* got "):
        trainer.set_penalties(**{name: value})
    assert trainer.step(*batch).penalty == step(model, batch, omega=1.0)[0].penalty


def test_misuse_of_penalties():
    model, _ = small(librnn.GRU)
    with pytest.raises(ValueError, match="omega or orthogonality .* got .*dropout"):
        still(model, MSE).set_penalties(dropout=1.0)
    text = "temporal_activation_penalty: expected 0 with recompute"
    with pytest.raises(ValueError, match=text):
        still(model, MSE, temporal_activation_penalty=1.0, recompute=True)
    with pytest.raises(ValueError, match=text):
        still(model, MSE, recompute=True).set_penalties(temporal_activation_penalty=1.0)
