"""Gradients of every cell and option against central differences in float64."""

from functools import partial

import librnn
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from cells import (
    ACTIVATED,
    CELLS,
    FUNCTIONS,
    NAMED,
    VARIANTS,
    assert_gradients,
    batch_for,
    cell_models,
    layer,
    model_of,
    set_tensor,
    width,
)
from support import (
    assert_close,
    assert_dicts_close,
    assert_same_bits,
    assert_same_dicts,
    integers,
    normal,
    perturbed,
    still,
    uniform,
)

SUM = librnn.MSELoss("sum")
# Kinks, which random combinations would meet often.
SMOOTH = ["tanh", "identity", "sigmoid", "softsign"]


def ragged(seed, steps, rows):
    """Lengths 0 .. T, one of them T."""
    lengths = integers(seed, steps + 1, rows)
    lengths[seed % rows] = steps
    return lengths


# ---- Each by itself


@pytest.mark.parametrize("name", {**VARIANTS, **NAMED})
def test_every_cell_and_every_option_alone(name):
    def make(seed):
        model = model_of((VARIANTS | NAMED)[name], seed=seed)
        return model, (*batch_for(model, seed, 4, 3), np.array([4, 0, 2]))

    assert_gradients(make)


@pytest.mark.parametrize("name", ACTIVATED)
def test_every_function_at_every_place(name):
    def make(seed):
        model = model_of(ACTIVATED[name], seed=seed)
        return model, batch_for(model, seed, 4, 2)

    assert_gradients(make, most=8)


@pytest.mark.parametrize("nonlinearity", ["sigmoid", "hard_sigmoid", "softsign"])
def test_every_nonlinearity_of_an_rnn(nonlinearity):
    def make(seed):
        model = model_of((librnn.RNN, {"nonlinearity": nonlinearity}), seed=seed)
        return model, batch_for(model, seed, 4, 2)

    assert_gradients(make)


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("function", FUNCTIONS, ids=str)
def test_linear_layers_with_a_function(function, last):
    """Once as the head, once between two layers."""

    def make(seed):
        stack = [librnn.Linear(2, 3, activation=function), librnn.GRU(3, 3)]
        stack.append(librnn.Linear(3, 2, activation=function, last=last))
        model = perturbed(librnn.Model(*stack, dtype="float64", seed=seed), seed)
        y = uniform(seed, 3, 2) if last else uniform(seed, 4, 3, 2)
        return model, (normal(seed, 4, 3, 2), y, np.array([4, 1, 3]))

    assert_gradients(make, most=12)


@pytest.mark.parametrize("function", ["identity", "softsign"])
@pytest.mark.parametrize("inputs", [2, 5])
def test_what_the_model_reads_added_to_the_head(inputs, function):
    def make(seed):
        head = librnn.Linear(3, 2, skip=True, activation=function)
        stack = [librnn.LSTM(inputs, 3), head]
        model = perturbed(librnn.Model(*stack, dtype="float64", seed=seed), seed)
        return model, (*batch_for(model, seed, 4, 3), np.array([4, 0, 2]))

    assert_gradients(make)


@pytest.mark.parametrize("options", [{}, {"activation": "tanh"}, {"last": True}], ids=repr)
def test_a_head_tied_to_the_embedding(options):
    def make(seed):
        stack = [librnn.Embedding(5, 3), librnn.GRU(3, 4), librnn.Linear(4, 3)]
        stack.append(librnn.Linear(3, 5, tied=True, **options))
        model = perturbed(librnn.Model(*stack, dtype="float64", seed=seed), seed)
        assert "3.weight" not in model.state_dict() and "3.bias" in model.state_dict()
        y = uniform(seed, 3, 5) if "last" in options else uniform(seed, 4, 3, 5)
        return model, (integers(seed, 5, 4, 3), y, np.array([4, 2, 1]))

    assert_gradients(make)


# ---- All together


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(cell_models(functions=SMOOTH), st.integers(0, 99), st.integers(1, 6), st.integers(1, 4))
def test_random_combinations(model, seed, steps, rows):
    def make(more):
        problem = batch_for(model, seed + more, steps, rows)
        return perturbed(model, more), (*problem, ragged(seed, steps, rows))

    assert_gradients(make, most=3)


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(cell_models(both_ways=False), st.integers(0, 99), st.integers(1, 40), st.integers(1, 60))
def test_recomputing_gives_the_same_bits(model, seed, steps, rows):
    """Masks are the same wherever the sequence is cut; sums are, but for weights that drop."""
    compare = assert_same_dicts
    if any(getattr(layer, "weight_drop", 0) for layer in model.layers):
        compare = partial(assert_dicts_close, bound=1e-11)
    problem = (*batch_for(model, seed, steps, rows), ragged(seed, steps, rows))
    whole, again = still(model, SUM, seed=seed), still(model, SUM, seed=seed, recompute=True)
    for _ in range(2):
        loss = whole.step(*problem).loss
        assume(np.isfinite(loss))
        assert loss == again.step(*problem).loss
        compare(again.gradients(), whole.gradients())


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(cell_models(both_ways=False), st.integers(0, 99), st.integers(1, 4))
def test_truncation_changes_neither_outputs_nor_masks(model, seed, bptt):
    problem = (*batch_for(model, seed, 9, 3), ragged(seed, 9, 3))
    whole, cut = still(model, SUM, seed=seed), still(model, SUM, seed=seed, bptt=bptt)
    one, other = whole.step(*problem), cut.step(*problem)
    assert_close(other.loss, one.loss)
    for part, expected in zip(other.state, one.state, strict=True):
        assert_same_bits(part, expected)


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(
    cell_models(both_ways=False, masks=False, functions=SMOOTH),
    st.integers(0, 99),
    st.integers(1, 4),
)
def test_a_truncated_gradient_is_the_sum_of_those_of_its_parts(model, seed, bptt):
    """Each part begins with a state that is given: what was learned takes part in the first."""
    steps, rows = 6, 3
    (x, y), lengths = batch_for(model, seed, steps, rows), ragged(seed, steps, rows)
    parts, state, sums = still(model, SUM), None, 0
    for start in range(0, steps, bptt):
        own = slice(start, start + bptt)
        left = np.clip(lengths - start, 0, min(bptt, steps - start))
        result = parts.step(x[own], y[own], left, state=state)
        state = result.state
        sums = (
            parts.gradients()
            if start == 0
            else {name: sums[name] + value for name, value in parts.gradients().items()}
        )
    cut = still(model, SUM, bptt=bptt)
    cut.step(x, y, lengths)
    assert_dicts_close(cut.gradients(), sums, bound=1e-11)


@pytest.mark.parametrize("name", CELLS)
def test_a_learned_state_has_a_gradient_only_where_it_is_begun_with(name):
    model = model_of(CELLS[name], learn_state=True)
    x, y = batch_for(model, 1, 4, 3)
    trainer = still(model, SUM)
    trainer.step(x, y)
    learned = {n for n in trainer.gradients() if "_0_l" in n}
    assert learned and all(trainer.gradients()[n].any() for n in learned)
    trainer.step(x, y, state=[0.5 * normal(1, *part.shape) for part in model(x)[1]])
    gradients = trainer.gradients()
    assert not any(gradients[n].any() for n in learned)


# ---- Penalties and clipping are those of every cell


@pytest.mark.parametrize("name", [n for n in CELLS if "Min" not in n])
def test_penalties(name):
    options = {"learn_state": True} if "before" in name else {"layer_norm": True}

    def make(seed):
        model = model_of(CELLS[name], seed=seed, **options)
        return model, batch_for(model, seed, 5, 3)

    weights = {"activation_penalty": 0.3, "temporal_activation_penalty": 0.2}
    assert_gradients(make, orthogonality=0.1, **weights)


@pytest.mark.parametrize("name", CELLS)
def test_clipped_steps_bound_what_goes_back(name):
    """By a bound that is never met nothing changes; by a small one all that is left is small."""
    stack = [layer(CELLS[name], 2, 3, num_layers=2, residual=True)]
    model = perturbed(librnn.Model(*stack, librnn.Linear(width(stack[0]), 2), dtype="float64"), 3)
    problem = batch_for(model, 1, 6, 3)
    free, loose, tight = (
        still(model, SUM, **options)
        for options in ({}, {"clip_step_norm": 1e9}, {"clip_step_norm": 1e-6})
    )
    results = [trainer.step(*problem) for trainer in (free, loose, tight)]
    assert_same_dicts(loose.gradients(), free.gradients())
    assert [result.clipped_places > 0 for result in results] == [False, False, True]
    recurrent = [value for n, value in tight.gradients().items() if n.startswith("0.")]
    assert 0 < max(np.abs(value).max() for value in recurrent) < 1e-3


def test_the_gradient_of_a_model_of_float32():
    """To its precision that of float64, all options on."""
    options = {"peepholes": True, "proj_size": 2, "layer_norm": True, "learn_state": True}
    options |= {"bidirectional": True, "num_layers": 2, "residual": True, "zoneout": 0.3}
    options |= {"zoneout_cell": 0.3, "weight_drop": 0.3, "recurrent_dropout": 0.2}
    gradients = []
    for dtype in ("float64", "float32"):
        model = librnn.Model(librnn.LSTM(3, 5, **options), dtype=dtype)
        source = model_of((librnn.LSTM, options), 3, 5)
        for n, value in source.state_dict().items():
            set_tensor(model, n, value.astype(dtype))
        x, y = batch_for(source, 1, 6, 3)
        trainer = still(model, SUM, seed=5)
        trainer.step(x.astype(dtype), y.astype(dtype), [6, 0, 3])
        gradients.append(trainer.gradients())
    for n, value in gradients[1].items():
        assert_close(value, gradients[0][n].astype("float32"), n, bound=1e-3)


@pytest.mark.parametrize("dtype, least", [("float32", -86.0), ("float64", -706.0)])
def test_shut_gates_that_share_h_have_a_gradient(dtype, least):
    """Of a minLSTM: where f and i are nearly nothing, f / (f + i) goes as their sums do."""
    model, gradients = model_of((librnn.MinLSTM, {}), 2, 3, dtype), []
    x, y = batch_for(model, 1, 5, 2)
    for shut in (-30.0, least):
        weights = model.state_dict()
        weights["0.weight_ih_l0"][:6] = 0
        weights["0.bias_ih_l0"][:6] = shut
        model.load_state_dict(weights)
        trainer = still(model, SUM)
        assert trainer.step(x, 1000 * y).action == "updated"
        gradients.append(trainer.gradients())
    assert_dicts_close(gradients[1], gradients[0], bound=1e-5)
    assert np.abs(gradients[0]["0.bias_ih_l0"][:6]).max() > 10
