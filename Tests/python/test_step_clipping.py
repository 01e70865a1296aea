"""Bounds on ∂L/∂h_t within backpropagation, against plain numpy."""

from functools import partial

import librnn
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import stability_reference as reference
from cells import CELLS, VARIANTS, batch_for, extrapolated, model_of, set_tensor
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


# ---- Every cell


def bounded(dh, value, threshold):
    """Bounded by value, then by norm; and whether that changed it."""
    cut = np.clip(dh, -value, value)
    used = cut * min(1.0, threshold / np.linalg.norm(cut))
    return used, np.any(used != dh)


def slopes(values, f, changed=lambda: None):
    """Of f by each of these numbers, in their place."""
    found = np.empty_like(values)
    for place in np.ndindex(values.shape):
        kept = values[place]

        def moved(by, place=place, kept=kept):
            values[place] = kept + by
            changed()
            return f()

        found[place] = extrapolated(moved)[0]
        moved(0.0)
    return found


OPTIONS = ("layer norm", "peepholes", "projection", "projection and peepholes")
ONE_WAY = [name for name in VARIANTS if name in CELLS or name.partition(", ")[2] in OPTIONS]
ONE_WAY += [f"LSTM, coupled, {option}" for option in OPTIONS]


BOUNDS = [{"value": 0.3}, {"norm": 0.5}, {"value": 0.4, "norm": 0.5}]


@pytest.mark.parametrize("options", BOUNDS, ids=repr)
@pytest.mark.parametrize("name", ONE_WAY)
def test_of_every_cell(name, options):
    """One sequence, step by step, each by differences of its outputs."""
    model = model_of(VARIANTS[name], 2, 3)
    x, y = batch_for(model, 1, 4, 1)
    trainer = still(model, SUM, **{f"clip_step_{bound}": at for bound, at in options.items()})
    result, weights = trainer.step(x, y), model.state_dict()
    states = [tuple(np.zeros_like(part) for part in result.state)]
    for t in range(4):
        states.append(model(x[t : t + 1], state=states[-1])[1])
    back, sums, places = states[0], dict.fromkeys(weights, 0.0), 0
    for t in reversed(range(4)):
        dh = back[0] + 2 * (states[t + 1][0] - y[t])
        dh, is_clipped = bounded(dh, options.get("value", np.inf), options.get("norm", np.inf))
        ends, begin, places = (dh, *back[1:]), states[t], places + is_clipped

        def handed(t=t, ends=ends, begin=begin):
            found = model(x[t : t + 1], state=begin)[1]
            return sum(np.sum(d * part) for d, part in zip(ends, found, strict=True))

        for tensor, values in weights.items():
            changed = partial(set_tensor, model, tensor, values)
            sums[tensor] = sums[tensor] + slopes(values, handed, changed)
        back = tuple(slopes(part, handed) for part in begin)
    assert 0 < places == result.clipped_places
    assert_dicts_close(trainer.gradients(), sums, 1e-8)


@pytest.mark.parametrize("name", CELLS)
def test_each_way_has_its_own_bounds(name):
    """As a layer of one way has, over sequences turned each by itself."""
    options = {"clip_step_norm": 0.2, "clip_step_value": 0.15}
    both = model_of(CELLS[name], 3, 4, num_layers=1, bidirectional=True)
    (x, y), lengths = batch_for(both, 1, 5, 4), [5, 3, 0, 4]
    trainer, places = still(both, SUM, **options), 0
    result = trainer.step(x, y, lengths)
    for way, own in (("", slice(4)), ("_reverse", slice(4, 8))):
        one = model_of(CELLS[name], 3, 4)
        values = both.state_dict()
        one.load_state_dict({tensor: values[tensor + way] for tensor in one.state_dict()})
        turned = [x.copy(), np.ascontiguousarray(y[..., own])]
        for row, length in enumerate(lengths if way else []):
            for part in turned:
                part[:length, row] = part[:length, row][::-1].copy()
        alone = still(one, SUM, **options)
        places += alone.step(*turned, lengths).clipped_places
        for tensor, value in alone.gradients().items():
            assert_close(trainer.gradients()[tensor + way], value, tensor)
    assert 0 < places == result.clipped_places
