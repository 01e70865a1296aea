"""A model: its numbers, shapes, states, parameters and life."""

import ctypes

import librnn
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from librnn import _c_api, _c_types

import reference
from models import charlm, sensor
from support import (
    EVERY_LAYER,
    assert_close,
    assert_differ,
    assert_same_bits,
    assert_same_dicts,
    input_for,
    integers,
    normal,
    output_size,
    perturbed,
    stacks,
)

# ---- Numbers


@given(stacks(dtypes=("float64", "float32")), st.integers(1, 7), st.integers(1, 5))
def test_outputs_and_states_follow_the_equations(model, steps, rows):
    x = input_for(model, 1, steps, rows)
    y, state = model(x)
    expected_y, expected_state = reference.forward(model, x)
    assert_close(y, expected_y, "y")
    assert len(state) == len(expected_state)
    for part, expected in zip(state, expected_state, strict=True):
        assert part.dtype == model.dtype
        assert_close(part, expected, "state")


@given(stacks(), st.integers(1, 5))
def test_a_given_state_follows_the_equations(model, rows):
    x = input_for(model, 1, 4, rows)
    begin = tuple(normal(2 + i, *part.shape) for i, part in enumerate(model(x)[1]))
    y, state = model(x, state=begin)
    expected_y, expected_state = reference.forward(model, x, begin)
    assert_close(y, expected_y, "y")
    for part, expected in zip(state, expected_state, strict=True):
        assert_close(part, expected, "state")


@given(stacks(dtypes=("float64", "float32")), st.integers(1, 5))
def test_no_state_is_the_zero_state_to_the_bit(model, rows):
    x = input_for(model, 3, 5, rows)
    y, state = model(x)
    from_zeros, end = model(x, state=tuple(np.zeros_like(part) for part in state))
    assert_same_bits(y, from_zeros)
    for part, other in zip(state, end, strict=True):
        assert_same_bits(part, other)


@given(stacks(), st.integers(2, 8), st.data())
def test_two_halves_with_the_state_carried_over_are_the_whole(model, steps, data):
    cut = data.draw(st.integers(1, steps - 1))
    x = input_for(model, 4, steps, 3)
    whole, end = model(x)
    first, middle = model(x[:cut])
    second, end_of_halves = model(x[cut:], state=middle)
    joined = second if whole.ndim == 2 else np.concatenate([first, second])
    assert_close(joined, whole, "y")
    for part, expected in zip(end_of_halves, end, strict=True):
        assert_close(part, expected, "state")


def test_a_stack_without_state_returns_an_empty_one():
    model = librnn.Model(librnn.Embedding(5, 3), librnn.Linear(3, 2), dtype="float64")
    x = integers(1, 5, 4, 2)
    y, state = model(x, state=())
    weights = model.state_dict()
    expected = weights["0.weight"][x] @ weights["1.weight"].T + weights["1.bias"]
    assert state == ()
    assert_close(y, expected)


# ---- Shapes and layouts


@pytest.mark.parametrize("cell, parts", [(librnn.RNN, 1), (librnn.GRU, 1), (librnn.LSTM, 2)])
def test_shapes_of_outputs_and_state(cell, parts):
    model = librnn.Model(cell(3, 4, num_layers=2))
    y, state = model(normal(1, 7, 5, 3, dtype="float32"))
    assert y.shape == (7, 5, 4) and y.flags.c_contiguous
    assert [part.shape for part in state] == [(2, 5, 4)] * parts


def test_a_last_step_head_answers_once():
    layers = [librnn.GRU(3, 4), librnn.Linear(4, 2)]
    every = librnn.Model(*layers, seed=1)
    last = librnn.Model(layers[0], librnn.Linear(4, 2, last=True), seed=1)
    last.load_state_dict(every.state_dict())
    x = normal(1, 6, 5, 3, dtype="float32")
    assert last(x)[0].shape == (5, 2)
    assert_close(last(x)[0], every(x)[0][-1])


def test_batch_first_swaps_input_and_output_but_not_the_state():
    time_major, batch_first = sensor(seed=3), sensor(seed=3, batch_first=True)
    x = normal(1, 6, 5, 3, dtype="float32")
    y, (h,) = time_major(x)
    swapped, (h_swapped,) = batch_first(np.ascontiguousarray(x.swapaxes(0, 1)))
    assert swapped.flags.c_contiguous
    assert_same_bits(swapped, y.swapaxes(0, 1))
    assert_same_bits(h_swapped, h)
    assert_same_bits(batch_first(x.swapaxes(0, 1))[0], swapped, "strides are ours to undo")


def test_batch_first_leaves_a_last_step_head_alone():
    model = librnn.Model(librnn.GRU(3, 4), librnn.Linear(4, 2, last=True), batch_first=True)
    assert model(normal(1, 5, 6, 3, dtype="float32"))[0].shape == (5, 2)


def test_tokens_of_both_widths_give_the_same_bits():
    model = charlm()
    x = integers(1, 9, 6, 3)
    assert_same_bits(model(x.astype(np.int32))[0], model(x)[0])


@given(stacks(), st.integers(1, 6))
def test_state_arrays_lie_where_the_library_says(model, rows):
    _, state = model(input_for(model, 1, 2, rows))
    info = _c_types.TensorInfo()
    start = min((part.ctypes.data for part in state), default=0)
    for index, part in enumerate(state):
        status = _c_api.lib.rnn_model_state_tensor(model._handle, index, rows, ctypes.byref(info))
        assert status == _c_types.RNN_OK
        assert part.ctypes.data - start == info.offset
        assert part.shape == tuple(info.shape[: info.rank]) and part.nbytes == info.bytes


def test_a_bare_array_is_a_state_of_one_part():
    model = sensor()
    x, h = normal(1, 3, 2, 3, dtype="float32"), normal(2, 1, 2, 4, dtype="float32")
    assert_same_bits(model(x, state=h)[0], model(x, state=(h,))[0])


def test_a_state_is_read_and_not_written():
    model = sensor()
    h = normal(2, 1, 2, 4, dtype="float32")
    before = h.copy()
    model(normal(1, 3, 2, 3, dtype="float32"), state=h)
    assert_same_bits(h, before)


def test_read_only_input_is_accepted():
    x = normal(1, 3, 2, 3, dtype="float32")
    x.flags.writeable = False
    assert_same_bits(sensor()(x)[0], sensor()(x.copy())[0])


# ---- Parameters


def test_names_and_shapes_are_those_of_pytorch():
    shapes = {name: value.shape for name, value in charlm().state_dict().items()}
    assert list(shapes.items()) == [
        ("0.weight", (9, 4)),
        ("1.weight_ih_l0", (20, 4)),
        ("1.weight_hh_l0", (20, 5)),
        ("1.bias_ih_l0", (20,)),
        ("1.bias_hh_l0", (20,)),
        ("1.weight_ih_l1", (20, 5)),
        ("1.weight_hh_l1", (20, 5)),
        ("1.bias_ih_l1", (20,)),
        ("1.bias_hh_l1", (20,)),
        ("2.weight", (9, 5)),
        ("2.bias", (9,)),
    ]


@given(stacks(dtypes=("float64", "float32")))
def test_num_parameters_counts_every_number(model):
    assert model.num_parameters == sum(value.size for value in model.state_dict().values())


def test_the_state_dictionary_is_a_copy():
    model = sensor()
    before = model.state_dict()
    for value in model.state_dict().values():
        value.fill(7)
    assert_same_dicts(model.state_dict(), before)


@given(stacks(dtypes=("float64", "float32")))
def test_a_loaded_state_dictionary_comes_back_to_the_bit(model):
    values = {
        name: normal(index, *value.shape, dtype=value.dtype)
        for index, (name, value) in enumerate(model.state_dict().items())
    }
    model.load_state_dict(values)
    assert_same_dicts(model.state_dict(), values)


def test_any_strides_can_be_loaded():
    model = sensor()
    values = {name: value.T.copy().T for name, value in perturbed(sensor(), 1).state_dict().items()}
    assert any(not value.flags.c_contiguous for value in values.values())
    model.load_state_dict(values)
    assert_same_dicts(model.state_dict(), values)


def test_a_state_dictionary_that_does_not_fit_is_reported_whole_and_changes_nothing():
    model = sensor()
    before = model.state_dict()
    wrong = perturbed(sensor(), 1).state_dict()
    del wrong["0.bias_ih_l0"]
    wrong["extra"] = np.zeros(1)
    wrong["1.weight"] = wrong["1.weight"].T
    wrong["1.bias"] = wrong["1.bias"].astype("float64")
    wrong["0.bias_hh_l0"] = [0.0] * 12
    with pytest.raises(librnn.ArgumentError) as caught:
        model.load_state_dict(wrong)
    for sentence in [
        "'0.bias_ih_l0': expected float32 [12], got nothing",
        "'extra': expected no such tensor, got one",
        "'1.weight': expected float32 [2, 4], got float32 [4, 2]",
        "'1.bias': expected float32 [2], got float64 [2]",
        "'0.bias_hh_l0': expected a numpy array of float32 [12], got list",
    ]:
        assert sentence in str(caught.value)
    assert_same_dicts(model.state_dict(), before)


# ---- Beginnings


def test_a_seed_is_a_set_of_weights():
    assert_same_dicts(charlm(seed=5).state_dict(), charlm(seed=5).state_dict())
    assert_differ(charlm(seed=5).state_dict(), charlm(seed=6).state_dict())
    assert_same_dicts(charlm().state_dict(), charlm(seed=0).state_dict())
    assert charlm(seed=2**64 - 1).num_parameters == charlm().num_parameters


@pytest.mark.parametrize("cell, gates", [(librnn.RNN, 1), (librnn.GRU, 3), (librnn.LSTM, 4)])
def test_default_initialisation_is_uniform_within_pytorchs_bound(cell, gates):
    hidden = 64
    for name, value in librnn.Model(cell(32, hidden), dtype="float64").state_dict().items():
        bound = 1 / np.sqrt(hidden)
        assert value.shape[0] == gates * hidden
        assert 0.9 * bound < np.abs(value).max() <= bound, name
        assert abs(value.mean()) < 6 * bound / np.sqrt(3 * value.size), name


def test_default_embedding_is_standard_normal():
    weight = librnn.Model(librnn.Embedding(200, 100), dtype="float64").state_dict()["0.weight"]
    assert abs(weight.mean()) < 6 / np.sqrt(weight.size)
    assert abs(weight.var() - 1) < 6 * np.sqrt(2 / weight.size)


def gates_of(value, hidden):
    return value.reshape(-1, hidden, value.shape[1])


@pytest.mark.parametrize("cell", [librnn.RNN, librnn.GRU, librnn.LSTM])
def test_xavier_and_orthogonal_initialisation_are_gate_by_gate(cell):
    layer = cell(5, 8, weight_init="xavier", recurrent_init="orthogonal")
    weights = librnn.Model(layer, dtype="float64").state_dict()
    bound = np.sqrt(6 / (5 + 8))
    assert 0.5 * bound < np.abs(weights["0.weight_ih_l0"]).max() <= bound
    for gate in gates_of(weights["0.weight_hh_l0"], 8):
        assert_close(gate @ gate.T, np.eye(8), bound=1e-14)
    assert not weights["0.bias_ih_l0"].any() and not weights["0.bias_hh_l0"].any()


def test_identity_initialisation():
    layer = librnn.RNN(3, 6, weight_init="xavier", recurrent_init="identity", nonlinearity="relu")
    assert_same_bits(librnn.Model(layer, dtype="float64").state_dict()["0.weight_hh_l0"], np.eye(6))


@pytest.mark.parametrize("weight_init", ["default", "xavier"])
def test_forget_bias_is_the_sum_of_both_biases_of_gate_f(weight_init):
    layer = librnn.LSTM(3, 4, num_layers=2, forget_bias=1.5, weight_init=weight_init)
    weights = librnn.Model(layer, dtype="float64").state_dict()
    for k in range(2):
        total = weights[f"0.bias_ih_l{k}"] + weights[f"0.bias_hh_l{k}"]
        assert_close(total[4:8], np.full(4, 1.5))
        assert np.all(total[:4] != 1.5) and np.all(total[8:] != 1.5)


# ---- What a model says of itself


def test_layers_come_back_as_they_were_given():
    assert librnn.Model(*EVERY_LAYER).layers == tuple(EVERY_LAYER)


def test_repr_is_the_stack():
    model = librnn.Model(*EVERY_LAYER, dtype=np.float64, batch_first=True)
    assert repr(model) == (
        "Model(\n"
        "  (0): Embedding(7, 3, weight_init='xavier')\n"
        "  (1): RNN(3, 4, num_layers=2, dropout=0.25, recurrent_init='identity', "
        "nonlinearity='relu')\n"
        "  (2): GRU(4, 5, weight_init='orthogonal')\n"
        "  (3): LSTM(5, 6, num_layers=3, dropout=0.5, forget_bias=1.0)\n"
        "  (4): Linear(6, 2, last=True)\n"
        "  dtype=float64, batch_first=True\n"
        ")"
    )


@pytest.mark.parametrize("dtype", ["float32", "float64", np.float32, np.dtype("float64")])
def test_dtype_is_that_of_outputs_and_parameters(dtype):
    model = charlm(dtype=dtype)
    assert model.dtype == np.dtype(dtype)
    assert model(integers(1, 9, 2, 2))[0].dtype == model.dtype
    assert {value.dtype for value in model.state_dict().values()} == {model.dtype}


@given(stacks())
def test_output_size_is_that_of_the_last_layer(model):
    assert model(input_for(model, 1, 2, 3))[0].shape[-1] == output_size(model)
