"""Options of layers: what is refused and why, how they read, and what masks do."""

import copy
import pickle

import librnn
import pytest
from librnn import (
    GRU,
    LSTM,
    RNN,
    Cell,
    Embedding,
    Linear,
    MinGRU,
    MinLSTM,
    Model,
    Trainer,
    dynamics,
)
from librnn import _c_types as c
from librnn._c_api import create, lib

from cells import ALL, FUNCTIONS, layer, model_of
from support import assert_close, assert_same_bits, assert_told, normal, perturbed, still

NAN, INFINITE = float("nan"), float("inf")
KINDS = {"GRU": c.RNN_GRU, "LSTM": c.RNN_LSTM, "RNN": c.RNN_ELMAN, "Linear": c.RNN_LINEAR}
KINDS |= {"Embedding": c.RNN_EMBEDDING}


def by_struct(kind="LSTM", **fields):
    """What the classes do not let through, or do not have."""
    one = c.Layer(kind=KINDS.get(kind, c.RNN_CELL), input_size=3, output_size=4, **fields)
    return create(lib.rnn_model_create, (c.Layer * 1)(one), 1, c.ModelOptions())


# ---- Refused by the model, with the reason

SKIP = "the last layer, at every step, of a model that reads at least"
ORDERS = {
    "layer 0 (LSTM): proj_size | less than the hidden size | ": [LSTM(3, 4, proj_size=4)],
    "layer 0 (LSTM): residual | whose input is as wide as its output | none": [
        LSTM(3, 4, residual=True)
    ],
    "layer 1 (LSTM): residual | whose input is as wide as its output | none": [
        Linear(3, 4),
        LSTM(4, 4, proj_size=2, residual=True),
    ],
    "layer 0 (GRU): residual | whose input is as wide as its output | none": [
        GRU(4, 4, bidirectional=True, residual=True)
    ],
    "layer 0 (Cell): layer_norm | a cell whose sums are there at once | before the product": [
        GRU(3, 4, reset_after=False, layer_norm=True)
    ],
    "layer 0 (Cell): activations | sigmoid gates | others": [
        MinLSTM(3, 4, activations=["hard_sigmoid", "tanh"])
    ],
    "layer 0 (Cell): recurrent_dropout | a cell with W_hh | without": [
        MinGRU(3, 4, recurrent_dropout=0.1)
    ],
    "layer 0 (Cell): weight_drop | a cell with W_hh | without": [MinLSTM(3, 4, weight_drop=0.1)],
    "layer 1 (Linear): tied | a first layer Embedding(5, 3) | GRU(5, 3)": [
        GRU(5, 3),
        Linear(3, 5, tied=True),
    ],
    "layer 2 (Linear): tied | a first layer Embedding(5, 4) | Embedding(5, 3)": [
        Embedding(5, 3),
        GRU(3, 4),
        Linear(4, 5, tied=True),
    ],
    "layer 1 (Linear): tied | a first layer Embedding(4, 3) | Embedding(5, 3)": [
        Embedding(5, 3),
        Linear(3, 4, tied=True),
    ],
    f"layer 1 (Linear): skip | {SKIP} 6 | ": [GRU(5, 3), Linear(3, 6, skip=True)],
    f"layer 1 (Linear): skip | {SKIP} 2 | ": [GRU(5, 3), Linear(3, 2, skip=True, last=True)],
    f"layer 1 (Linear): skip | {SKIP} 3 | ": [Embedding(9, 3), Linear(3, 3, skip=True)],
    f"layer 0 (Linear): skip | {SKIP} 3 | ": [Linear(3, 3, skip=True), GRU(3, 2)],
    "layer 1 (LSTM): input size | 8, the output of layer 0 (LSTM) | 4": [
        LSTM(3, 4, bidirectional=True),
        LSTM(4, 4),
    ],
    "layer 1 (Linear): input size | 2, the output of layer 0 (LSTM) | 4": [
        LSTM(3, 4, proj_size=2),
        Linear(4, 4),
    ],
}


@pytest.mark.parametrize("sentence", ORDERS)
def test_layers_that_cannot_be_are_refused(sentence):
    argument, expected, got = sentence.split(" | ")
    with pytest.raises(librnn.ModelError) as caught:
        Model(*ORDERS[sentence])
    assert str(caught.value).startswith(f"{argument}: expected"), str(caught.value)
    assert expected in str(caught.value) and got in str(caught.value)


STRUCTS = {
    "layer 0 (GRU): peepholes: expected an LSTM": ("GRU", {"peepholes": 1}),
    "layer 0 (GRU): proj_size: expected an LSTM": ("GRU", {"proj_size": 2}),
    "layer 0 (GRU): zoneout_cell: expected a cell with c": ("GRU", {"zoneout_cell": 0.1}),
    "layer 0 (Cell): peepholes: expected an LSTM": ("Cell", {"peepholes": 1, "cell": b"min_gru"}),
    "layer 0 (Cell): proj_size: expected an LSTM": ("Cell", {"proj_size": 1, "cell": b"min_lstm"}),
    "layer 0 (LSTM): proj_size: expected less": ("LSTM", {"proj_size": -1}),
    "layer 0 (Linear): options of recurrent layers": ("Linear", {"residual": 1}),
    "layer 0 (Embedding): options of recurrent layers": ("Embedding", {"learn_state": 1}),
    "layer 0 (Embedding): activations": ("Embedding", {"has_activations": 1}),
    "layer 0 (LSTM): tied belongs to Linear": ("LSTM", {"tied": 1}),
    "layer 0 (GRU): skip belongs to Linear": ("GRU", {"skip": 1}),
    "layer 0 (Cell): forget_bias": ("Cell", {"cell": b"min_lstm", "forget_bias": 1}),
    "layer 0 (RNN): chrono belongs to cells": ("Cell", {"cell": b"elman", "chrono": 9}),
}
VALUES = {
    "layers[0]: cell: expected a pointer": ("Cell", {}),
    "layers[0]: cell: expected the name of a cell": ("Cell", {"cell": b"LSTM"}),
    "layers[0]: direction: expected": ("LSTM", {"direction": 3}),
    "layers[0]: activations: expected": ("LSTM", {"has_activations": 1, "activations": (0, 6, 0)}),
    "layers[0]: peepholes: expected 0 or 1": ("LSTM", {"peepholes": 2}),
    "layers[0]: layer_norm: expected 0 or 1": ("LSTM", {"layer_norm": -1}),
    "layers[0]: residual: expected 0 or 1": ("LSTM", {"residual": 2}),
    "layers[0]: learn_state: expected 0 or 1": ("LSTM", {"learn_state": 2}),
    "layers[0]: has_activations: expected 0 or 1": ("LSTM", {"has_activations": 2}),
    "layers[0]: tied: expected 0 or 1": ("Linear", {"tied": 2}),
    "layers[0]: skip: expected 0 or 1": ("Linear", {"skip": 2}),
}
RATES = ["zoneout", "zoneout_cell", "input_dropout", "recurrent_dropout", "weight_drop"]


@pytest.mark.parametrize("sentence", STRUCTS)
def test_what_belongs_to_other_layers_is_refused(sentence):
    kind, fields = STRUCTS[sentence]
    with pytest.raises(librnn.ModelError) as caught:
        by_struct(kind, **fields)
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize("sentence", VALUES)
def test_values_that_mean_nothing_are_refused(sentence):
    kind, fields = VALUES[sentence]
    with pytest.raises(librnn.ArgumentError) as caught:
        by_struct(kind, **fields)
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize("value", [1, 1.5, -0.1, NAN, INFINITE])
@pytest.mark.parametrize("name", RATES)
def test_probabilities_are_in_0_to_1(name, value):
    for make in (lambda: LSTM(3, 4, **{name: value}), lambda: by_struct(**{name: value})):
        with pytest.raises(librnn.ArgumentError, match=rf"{name}: expected a number in \[0, 1\)"):
            make()


@pytest.mark.parametrize("place", range(3))
def test_constants_of_a_hard_sigmoid_are_finite_numbers(place):
    for field, values in {
        "alpha": (-1.0, NAN, INFINITE),
        "beta": (NAN, INFINITE, -INFINITE),
    }.items():
        for value in values:
            given = tuple(value if index == place else 0.0 for index in range(3))
            with pytest.raises(librnn.ArgumentError, match=f"{field}: expected a finite number"):
                by_struct(has_activations=1, activations=(4, 4, 4), **{field: given})


# ---- Refused by the classes


@pytest.mark.parametrize(
    "sentence, make",
    [
        ("activations | 3 functions | ['tanh']", lambda: LSTM(3, 4, activations=["tanh"])),
        ("activations | 1 functions | 'tanh'", lambda: RNN(3, 4, activations="tanh")),
        ("activations | 2 functions | []", lambda: MinGRU(3, 4, activations=[])),
        ("activations | 'softsign' | 'sine'", lambda: GRU(3, 4, activations=["tanh", "sine"])),
        (
            "activations | ('hard_sigmoid', alpha > 0, beta) | ('tanh', 1, 1)",
            lambda: RNN(3, 4, activations=[("tanh", 1, 1)]),
        ),
        (
            "activations | alpha > 0 | ('hard_sigmoid', 0, 1)",
            lambda: RNN(3, 4, activations=[("hard_sigmoid", 0, 1)]),
        ),
        ("activations | a finite | nan", lambda: RNN(3, 4, activations=[("hard_sigmoid", 1, NAN)])),
        ("activation | 'softsign' | 'sine'", lambda: Linear(3, 4, activation="sine")),
        ("merge | 'concat' or 'sum' | 'mean'", lambda: GRU(3, 4, merge="mean")),
        ("proj_size | an int in 0 .. | -1", lambda: LSTM(3, 4, proj_size=-1)),
        ('layers[0]: cell | the name of a cell | "nope"', lambda: Model(Cell("nope", 3, 4))),
    ],
    ids=str,
)
def test_arguments_that_mean_nothing_are_refused(sentence, make):
    argument, expected, got = sentence.split(" | ")
    with pytest.raises(librnn.ArgumentError) as caught:
        make()
    text = str(caught.value)
    assert text.startswith(f"{argument}: expected") and expected in text and got in text, text


def test_unknown_options_are_refused():
    for make in (
        lambda: GRU(3, 4, peepholes=True),
        lambda: RNN(3, 4, proj_size=2),
        lambda: MinGRU(3, 4, chrono=9),
    ):
        with pytest.raises(TypeError):
            make()


# ---- Refused by what a model is used for


def test_what_sees_the_future_is_trained_on_whole_sequences():
    model = Model(LSTM(3, 4, bidirectional=True))
    for act, reason in (
        (lambda: Trainer(model, bptt=2), "bptt cuts sequences"),
        (lambda: Trainer(model, recompute=True), "recompute cuts sequences"),
        (lambda: model.stream(), "a stream knows no future"),
    ):
        assert_told(librnn.ModelError, f"layer 0 (LSTM) | forward, for {reason} | both", act)


NOT_PLAIN = [
    LSTM(3, 4, zoneout=0.1),
    LSTM(3, 4, learn_state=True),
    GRU(3, 4, bidirectional=True),
    GRU(3, 4, reset_after=False),
    MinGRU(3, 4),
    RNN(3, 4, nonlinearity="sigmoid"),
    RNN(3, 4, activations=["tanh"]),
]


@pytest.mark.parametrize("one", NOT_PLAIN, ids=repr)
def test_omega_and_dynamics_are_of_plain_layers(one):
    model, x = Model(one, dtype="float64"), normal(1, 4, 2, 3)
    for act in (
        lambda: Trainer(model, omega=1.0),
        lambda: Trainer(model).set_penalties(omega=1.0),
        lambda: dynamics.jacobian(model, x, 0, 1),
        lambda: dynamics.lyapunov(model, x),
    ):
        with pytest.raises(librnn.ModelError, match=r"layer 0.*expected .*plain"):
            act()


def test_dynamics_know_no_function_between_recurrent_layers():
    x = normal(1, 4, 2, 3)
    between = Model(RNN(3, 3), Linear(3, 3, activation="tanh"), RNN(3, 3), dtype="float64")
    with pytest.raises(librnn.ModelError, match="layer 1: dynamics: expected no function"):
        dynamics.jacobian(between, x, 0, 1)
    head = Model(RNN(3, 3), Linear(3, 3, activation="tanh"), dtype="float64")
    dynamics.jacobian(head, x, 0, 1)


@pytest.mark.parametrize("one", [*NOT_PLAIN[:1], *NOT_PLAIN[3:], LSTM(3, 4, proj_size=2)], ids=repr)
def test_weights_are_made_small_in_plain_cells(one):
    for weights in ("int8", "bfloat16"):
        with pytest.raises(librnn.ModelError, match=r"layer 0 .*expected a plain cell"):
            librnn.quantize(Model(one), weights=weights)


# ---- As values


@pytest.mark.parametrize("name", ALL)
def test_layers_are_values(name):
    one = layer(ALL[name], 2, 3)
    again = eval(repr(one), vars(librnn))
    copies = [again, copy.deepcopy(one), pickle.loads(pickle.dumps(one))]
    if not isinstance(one, Cell):
        copies += Model(one).layers
    for other in copies:
        assert other == one and hash(other) == hash(one) and repr(other) == repr(one)
    assert one != layer(ALL[name], 2, 4) and one != layer(ALL[name], 2, 3, weight_init="xavier")
    with pytest.raises(AttributeError):
        one.zoneout = 0.5


@pytest.mark.parametrize("function", FUNCTIONS, ids=str)
def test_linear_layers_are_values(function):
    one = Linear(3, 2, activation=function, skip=True)
    assert eval(repr(one), vars(librnn)) == one and Model(one).layers == (one,)
    assert hash(one) == hash(Linear(3, 2, activation=function, skip=True))
    assert (one == Linear(3, 2, skip=True)) == (function == "identity")


def test_a_cell_has_another_name_than_its_class():
    """Those that have classes come back as these."""
    assert Model(Cell("min_gru", 3, 4)).layers == (MinGRU(3, 4),)
    assert Model(Cell("gru_reset_before", 3, 4)).layers == (GRU(3, 4, reset_after=False),)
    assert repr(Cell("gru", 3, 4, zoneout=0.5)) == "Cell('gru', 3, 4, zoneout=0.5)"
    assert Model(Cell("gru", 3, 4)).layers == (GRU(3, 4),)
    assert Model(Cell("elman", 3, 4)).layers == (RNN(3, 4),)
    assert Model(Cell("lstm", 3, 4, layer_norm=True)).layers == (LSTM(3, 4, layer_norm=True),)


# ---- Ways through the library agree


@pytest.mark.parametrize(
    "kind, functions",
    [
        (RNN, ["tanh"]),
        (GRU, ["sigmoid", "tanh"]),
        (LSTM, ["sigmoid", "tanh", "tanh"]),
    ],
)
@pytest.mark.parametrize("lengths", [None, [7, 0, 3]])
def test_the_functions_of_a_cell_asked_for_give_its_values(kind, functions, lengths):
    """Through other kernels."""
    plain = perturbed(Model(kind(3, 5, 2), dtype="float64"), 3)
    asked = Model(kind(3, 5, 2, activations=functions), dtype="float64")
    x, y = normal(1, 7, 3, 3), normal(2, 7, 3, 5)
    trainers = []
    for model in (plain, asked):
        model.load_state_dict(plain.state_dict())
        trainers.append(still(model, librnn.MSELoss()))
        trainers[-1].step(x, y, lengths)
        assert_close(model(x, lengths)[0], plain(x, lengths)[0], bound=1e-12)
        for name, gradient in trainers[0].gradients().items():
            assert_close(trainers[-1].gradients()[name], gradient, name, bound=1e-12)


def test_elman_asked_for_a_function_has_it_before_its_nonlinearity():
    first, other = (
        model_of((RNN, own))
        for own in (
            {"nonlinearity": "relu", "activations": ["softsign"]},
            {"nonlinearity": "softsign"},
        )
    )
    x = normal(1, 5, 2, 2)
    assert_same_bits(first(x)[0], other(x)[0])
