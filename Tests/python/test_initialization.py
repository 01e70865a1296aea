"""How weights begin by name: sparse, keras, chrono; against the rules of their papers."""

import json

import librnn
import numpy as np
import pytest
from librnn import _c_api, _c_types
from safetensors import safe_open

from support import assert_close, assert_same_bits, assert_same_dicts

CELLS = [librnn.RNN, librnn.GRU, librnn.LSTM]
GATES = {librnn.RNN: 1, librnn.GRU: 3, librnn.LSTM: 4}


def weights(layer, seed=0, dtype="float64"):
    return librnn.Model(layer, dtype=dtype, seed=seed).state_dict()


def blocks(value, count):
    """The gates of a matrix [G*H, columns]."""
    return np.split(value, count)


# ---- Sparse


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("size", [4, 15, 16, 40])
def test_each_unit_has_fifteen_recurrent_weights(cell, size):
    layer = cell(3, size, 2, recurrent_init="sparse")
    for k in range(2):
        recurrent = weights(layer)[f"0.weight_hh_l{k}"]
        assert np.all(np.count_nonzero(recurrent, axis=1) == min(size, 15))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("radius", [None, 0.3, 1.0, 2.5])
def test_spectral_radius_is_that_of_each_gate(cell, radius):
    layer = cell(3, 40, 2, recurrent_init="sparse", spectral_radius=radius)
    for k in range(2):
        for gate in blocks(weights(layer)[f"0.weight_hh_l{k}"], GATES[cell]):
            found = np.abs(np.linalg.eigvals(gate)).max()
            assert abs(found - (radius or 1.1)) < 1e-6


def test_spectral_radius_of_float32():
    layer = librnn.RNN(3, 64, recurrent_init="sparse", spectral_radius=0.9)
    recurrent = weights(layer, dtype="float32")["0.weight_hh_l0"]
    assert abs(np.abs(np.linalg.eigvals(recurrent.astype(np.float64))).max() - 0.9) < 1e-5


@pytest.mark.parametrize("columns", [6, 40, 500])
def test_sparse_weights_of_inputs_are_standard_normal_at_any_place(columns):
    layer, count = librnn.Linear(columns, 400, weight_init="sparse"), min(columns, 15)
    weight = weights(layer)["0.weight"]
    assert np.all(np.count_nonzero(weight, axis=1) == count)
    values = weight[weight != 0]
    assert abs(values.mean()) < 5 / np.sqrt(values.size)
    assert abs(values.var() - 1) < 5 * np.sqrt(2 / values.size)
    share = count / columns
    expected, spread = 400 * share, np.sqrt(400 * share * (1 - share))
    assert np.all(np.abs(np.count_nonzero(weight, axis=0) - expected) <= 5 * spread)
    assert not weights(layer)["0.bias"].any()


def test_gates_and_layers_are_sparse_each_in_its_own_way():
    found = weights(librnn.GRU(30, 30, 2, weight_init="sparse", recurrent_init="sparse"))
    matrices = [gate for k in range(2) for gate in blocks(found[f"0.weight_ih_l{k}"], 3)]
    matrices += [gate for k in range(2) for gate in blocks(found[f"0.weight_hh_l{k}"], 3)]
    places = {(matrix != 0).tobytes() for matrix in matrices}
    assert len(places) == len(matrices)


# ---- Keras


@pytest.mark.parametrize("cell", CELLS)
def test_keras_takes_all_gates_as_one_matrix(cell):
    found = weights(cell(9, 20, weight_init="keras", recurrent_init="keras"))
    bound = np.sqrt(6 / (9 + GATES[cell] * 20))
    kernel = found["0.weight_ih_l0"]
    assert 0.95 * bound < np.abs(kernel).max() <= bound
    assert abs(kernel.var() - bound**2 / 3) < 0.2 * bound**2 / 3
    recurrent = found["0.weight_hh_l0"]
    assert_close(recurrent.T @ recurrent, np.eye(20), bound=1e-14)


@pytest.mark.parametrize("cell", CELLS)
def test_keras_biases_are_zero_but_for_the_forget_gate(cell):
    found = weights(cell(3, 5, 2, weight_init="keras"))
    for k in range(2):
        expected = np.zeros(GATES[cell] * 5)
        expected[5:10] = cell is librnn.LSTM
        assert_same_bits(found[f"0.bias_ih_l{k}"], expected)
        assert not found[f"0.bias_hh_l{k}"].any()


def test_a_forget_bias_takes_the_place_of_keras_own():
    found = weights(librnn.LSTM(3, 5, weight_init="keras", forget_bias=3))
    assert_same_bits(found["0.bias_ih_l0"], np.repeat([0.0, 3, 0, 0], 5))


def test_recurrent_weights_alone_can_be_of_keras():
    found = weights(librnn.LSTM(3, 8, recurrent_init="keras"))
    recurrent = found["0.weight_hh_l0"]
    assert_close(recurrent.T @ recurrent, np.eye(8), bound=1e-14)
    default = weights(librnn.LSTM(3, 8))
    for name in ["0.weight_ih_l0", "0.bias_ih_l0", "0.bias_hh_l0"]:
        assert_same_bits(found[name], default[name])


def test_keras_embedding_and_head():
    embedding = weights(librnn.Embedding(50, 40, weight_init="keras"))["0.weight"]
    assert 0.049 < np.abs(embedding).max() <= 0.05
    head = weights(librnn.Linear(30, 20, weight_init="keras"))
    bound = np.sqrt(6 / 50)
    assert 0.95 * bound < np.abs(head["0.weight"]).max() <= bound
    assert not head["0.bias"].any()


# ---- Chrono


def sums(layer, k, gate, size):
    found = weights(layer)
    place = slice(gate * size, (gate + 1) * size)
    assert not found[f"0.bias_hh_l{k}"][place].any()
    return found[f"0.bias_ih_l{k}"][place]


@pytest.mark.parametrize("cell", [librnn.GRU, librnn.LSTM])
@pytest.mark.parametrize("init", ["default", "keras"])
@pytest.mark.parametrize("longest", [2.5, 100])
def test_chrono_biases_are_logarithms_of_uniform_numbers(cell, init, longest):
    size = 2000
    layer = cell(1, size, weight_init=init, chrono=longest)
    times = np.sort(np.exp(sums(layer, 0, 1, size)))
    expected = 1 + (longest - 2) * (np.arange(size) + 0.5) / size
    assert times[0] >= 1 - 1e-12 and times[-1] <= longest - 1 + 1e-12
    # Kolmogorov and Smirnov: beyond this once in a million.
    assert np.abs(times - expected).max() < 2.7 / np.sqrt(size) * (longest - 2)


def test_chrono_input_gate_is_the_negative_of_the_forget_gate():
    layer = librnn.LSTM(2, 6, 2, chrono=20)
    for k in range(2):
        assert_same_bits(sums(layer, k, 0, 6), -sums(layer, k, 1, 6))
    assert np.all(sums(layer, 0, 1, 6) != sums(layer, 1, 1, 6))


@pytest.mark.parametrize("cell", [librnn.GRU, librnn.LSTM])
def test_chrono_leaves_the_other_gates_alone(cell):
    with_chrono, without, size = weights(cell(2, 6, chrono=20)), weights(cell(2, 6)), 6
    others = slice(0, size) if cell is librnn.GRU else slice(2 * size, None)
    for name, value in without.items():
        if "bias" in name:
            assert_same_bits(with_chrono[name][others], value[others])
        else:
            assert_same_bits(with_chrono[name], value)


# ---- All of them


LAYERS = [
    librnn.RNN(3, 20, 2, weight_init="sparse", recurrent_init="sparse", spectral_radius=0.7),
    librnn.GRU(3, 20, 2, weight_init="sparse", recurrent_init="keras", chrono=30),
    librnn.LSTM(3, 20, 2, weight_init="keras", recurrent_init="sparse", chrono=30),
    librnn.Embedding(30, 5, weight_init="keras"),
    librnn.Linear(30, 5, weight_init="sparse"),
]


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_same_seed_same_bits(layer):
    assert_same_dicts(weights(layer, seed=3), weights(layer, seed=3))
    for name, value in weights(layer, seed=4).items():
        assert not value.any() or np.any(value != weights(layer, seed=3)[name]) or "bias" in name


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_layers_come_back_from_the_library_and_from_files(tmp_path, layer):
    model = librnn.Model(layer)
    assert model.layers == (layer,)
    assert eval(repr(layer), vars(librnn)) == layer
    model.save(tmp_path / "m.safetensors")
    assert librnn.load(tmp_path / "m.safetensors").layers == (layer,)


def test_files_name_what_is_new(tmp_path):
    librnn.Model(LAYERS[2]).save(tmp_path / "m.safetensors")
    with safe_open(tmp_path / "m.safetensors", "numpy") as file:
        (layer,) = json.loads(file.metadata()["librnn"])["layers"]
    assert (layer["weight_init"], layer["recurrent_init"]) == ("keras", "sparse")
    assert (layer["spectral_radius"], layer["chrono"]) == (0, 30)


def plan(layer, sizes):
    _c_api.check(_c_api.lib.rnn_layer_plan(layer, _c_types.RNN_FLOAT32, 1, 1, sizes))


def test_a_struct_of_before_means_none_of_it():
    layer = librnn.LSTM(3, 4)._to_c()
    layer.spectral_radius = layer.chrono = -1
    layer.struct_size = _c_types.Layer.spectral_radius.offset
    sizes = _c_types.LayerSizes()
    plan(layer, sizes)
    assert sizes.parameter_bytes == 4 * 4 * 4 * (3 + 4 + 2)


REFUSED = [
    (librnn.LSTM(3, 4, chrono=9, forget_bias=1), "chrono", "forget_bias"),
    (librnn.GRU(3, 4, spectral_radius=1.1), "spectral_radius", "recurrent_init sparse"),
    (librnn.RNN(3, 4, weight_init="sparse", spectral_radius=1), "spectral_radius", "sparse"),
    (librnn.Embedding(9, 4, weight_init="sparse"), "weight_init sparse", "Embedding"),
]


@pytest.mark.parametrize(("layer", "name", "reason"), REFUSED)
def test_what_does_not_go_together_is_refused(layer, name, reason):
    with pytest.raises(librnn.ModelError, match=f"layer 0 .*{name}.*{reason}"):
        librnn.Model(layer)


def test_other_layers_have_no_chrono():
    with pytest.raises(TypeError, match="chrono"):
        librnn.RNN(3, 4, chrono=9)
    layer = librnn.RNN(3, 4)._to_c()
    layer.chrono = 9
    with pytest.raises(librnn.ModelError, match="chrono belongs to cells with gates, not to RNN"):
        plan(layer, _c_types.LayerSizes())
