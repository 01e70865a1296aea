"""Bounds on ∂L/∂h_t within backpropagation, against plain numpy."""

import librnn
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import stability_reference as reference
from support import (
    assert_close,
    assert_dicts_close,
    has_last_step,
    input_for,
    integers,
    norm,
    normal,
    perturbed,
    stacks,
    still,
    target_for,
)

SUM = librnn.MSELoss("sum")


@given(
    stacks(nonlinearities=["tanh", "relu", "identity"]),
    st.sampled_from([None, 1e-3, 0.05, 0.5]),
    st.sampled_from([None, 1e-3, 0.05, 0.5]),
    st.data(),
)
def test_gradients_of_states_are_clipped_before_they_go_on(model, value, threshold, data):
    steps, rows = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 4))
    bptt, recompute = data.draw(st.sampled_from([None, 2])), data.draw(st.booleans())
    x, y = input_for(model, 1, steps, rows), target_for(model, SUM, 2, steps, rows)
    first = int(has_last_step(model))
    lengths = integers(3, steps + 1 - first, rows) + first if data.draw(st.booleans()) else None
    options = {"clip_step_value": value, "clip_step_norm": threshold}
    trainer = still(model, SUM, bptt=bptt, recompute=recompute, **options)
    result = trainer.step(x, y, lengths)
    bounds = {"step_value": value or np.inf, "step_norm": threshold or np.inf}
    run = reference.run(model, x, y, SUM, lengths, bptt, **bounds)
    assert_dicts_close(trainer.gradients(), run.gradients, bound=1e-10)
    assert result.clipped_places == run.clipped_places
    assert result.clipping == (("step",) if run.clipped_places else ())
    assert_close(np.float64(result.grad_norm), norm(run.gradients), "", 1e-10)


@pytest.mark.parametrize("kind", [librnn.RNN, librnn.GRU, librnn.LSTM])
def test_gradients_of_states_are_clipped_in_every_block_of_steps(kind):
    """Rows are shared among threads."""
    librnn.set_num_threads(2)
    model = perturbed(librnn.Model(kind(3, 19, 2), librnn.Linear(19, 2), dtype="float64"), 3)
    x, y = normal(1, 30, 60, 3), normal(2, 30, 60, 2)
    trainer = still(model, SUM, clip_step_value=0.5, clip_step_norm=1.0)
    result = trainer.step(x, y)
    run = reference.run(model, x, y, SUM, step_value=0.5, step_norm=1.0)
    assert_dicts_close(trainer.gradients(), run.gradients, bound=1e-10)
    assert result.clipped_places == run.clipped_places
    assert 0 < run.clipped_places < 2 * 30 * 60


@pytest.mark.parametrize("dtype, large", [("float32", 3e38), ("float64", 1.7e308)])
@pytest.mark.parametrize("options", [{"clip_step_value": 1.0}, {"clip_step_norm": 1.0}], ids=repr)
def test_what_is_not_finite_is_not_clipped_but_seen(options, dtype, large):
    model = librnn.Model(librnn.GRU(2, 3), dtype=dtype)
    x, y = normal(1, 5, 2, 2, dtype=dtype), normal(2, 5, 2, 3, dtype=dtype)
    y[2, 1] = large
    result = still(model, SUM, **options).step(x, y)
    assert result.action == "skipped" and result.clipped_places < 5 * 2
    assert result.origin.step == 2
