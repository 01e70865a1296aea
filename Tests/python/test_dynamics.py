"""Spectra, Jacobians and Lyapunov exponents against differences, closed forms and numpy."""

import librnn
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from librnn import GRU, LSTM, RNN, Embedding, Linear, Model, dynamics

from support import assert_close, assert_same_bits, input_for, normal, perturbed, stacks

STEPS, ROWS = 6, 3

# Every cell, alone and in stacks; with what may lie before, between and after recurrent layers.
MODELS = {
    "tanh": [RNN(2, 4)],
    "relu": [RNN(2, 4, nonlinearity="relu")],
    "identity": [RNN(2, 4, 2, nonlinearity="identity")],
    "GRU": [GRU(2, 3)],
    "LSTM": [LSTM(2, 3)],
    "deep GRU": [GRU(2, 3, 3)],
    "deep LSTM": [LSTM(2, 3, 2)],
    "linear between": [RNN(2, 3), Linear(3, 5), Linear(5, 2), LSTM(2, 2, 2), Linear(2, 2)],
    "embedding and head": [Embedding(5, 3), GRU(3, 2, 2), LSTM(2, 2), Linear(2, 1, last=True)],
    "linear before": [Linear(2, 3), LSTM(3, 2), GRU(2, 3), RNN(3, 2, 2, nonlinearity="relu")],
}


def make(name, dtype="float64"):
    return perturbed(Model(*MODELS[name], dtype=dtype, seed=3), 5)


def recurrent(matrix, nonlinearity="tanh", dtype="float64"):
    """h <- f(W h): one layer of one input, which it does not use."""
    size = len(matrix)
    model = Model(RNN(1, size, nonlinearity=nonlinearity), dtype=dtype)
    zeros = {name: np.zeros_like(value) for name, value in model.state_dict().items()}
    model.load_state_dict(zeros | {"0.weight_hh_l0": matrix.astype(dtype)})
    return model


def no_input(steps, rows=1):
    return np.zeros((steps, rows, 1))


def chaotic(gain, size, seed):
    """J = g N(0, 1) / sqrt(N), zeros on the diagonal."""
    matrix = gain * normal(seed, size, size) / np.sqrt(size)
    np.fill_diagonal(matrix, 0)
    return matrix


def initial(model, x, seed):
    """A state that is not zero."""
    return [0.5 * normal(seed + i, *part.shape) for i, part in enumerate(model(x)[1])]


def flat(state, row):
    """The numbers of one sequence in the order of n."""
    return np.concatenate([part[:, row].ravel() for part in state])


def moved(state, number, by):
    """A state in which number `number` of every sequence is another."""
    copy = [part.copy() for part in state]
    for part in copy:
        size = part[:, 0].size
        if 0 <= number < size:
            layer, unit = divmod(number, part.shape[2])
            part[layer, :, unit] += by
        number -= size
    return copy


def differences(model, x, start, end, state):
    """The Jacobian of each sequence by central differences of the model's own state."""
    if start >= 0:
        _, state = model(np.ascontiguousarray(x[: start + 1]), state=state)
    if end == start:
        return np.stack([np.eye(len(flat(state, 0)))] * x.shape[1])
    rest, step, columns = np.ascontiguousarray(x[start + 1 : end + 1]), 1e-5, []
    for number in range(len(flat(state, 0))):
        ends = [model(rest, state=moved(state, number, sign * step))[1] for sign in (1, -1)]
        above, below = ([flat(end, row) for row in range(x.shape[1])] for end in ends)
        columns.append((np.array(above) - np.array(below)) / (2 * step))
    return np.stack(columns, axis=2)


# ---- Jacobians


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("start, end", [(-1, STEPS - 1), (-1, 0), (1, 4), (2, 3)])
def test_jacobians_are_those_of_the_state(name, start, end):
    model = make(name)
    x = input_for(model, 1, STEPS, ROWS)
    state = initial(model, x, 2)
    jacobian = dynamics.jacobian(model, x, start, end, state=state)
    assert_close(jacobian, differences(model, x, start, end, state), bound=1e-8)


@given(stacks(nonlinearities=("tanh", "identity")), st.integers(-1, 5), st.integers(0, 5))
def test_jacobians_of_random_stacks(model, start, more):
    x, end = input_for(model, 1, STEPS, ROWS), min(start + more, STEPS - 1)
    state = initial(model, x, 2)
    jacobian = dynamics.jacobian(model, x, start, end, state=state)
    assert_close(jacobian, differences(model, x, start, end, state), bound=1e-7)


@pytest.mark.parametrize("name", MODELS)
def test_between_equal_steps_nothing_changes(name):
    model = make(name)
    jacobian = dynamics.jacobian(model, input_for(model, 1, STEPS, ROWS), 2, 2)
    assert_same_bits(jacobian, np.stack([np.eye(jacobian.shape[1])] * ROWS))


@given(stacks(), st.lists(st.integers(-1, 5), min_size=3, max_size=3).map(sorted))
def test_product_rule(model, steps):
    x, (first, middle, last) = input_for(model, 1, STEPS, ROWS), steps
    earlier = dynamics.jacobian(model, x, first, middle)
    later = dynamics.jacobian(model, x, middle, last)
    assert_close(later @ earlier, dynamics.jacobian(model, x, first, last), bound=1e-11)


@pytest.mark.parametrize("name", MODELS)
def test_jacobians_with_lengths_are_those_of_each_sequence_alone(name):
    model = make(name)
    x, lengths = input_for(model, 1, STEPS, ROWS), [STEPS, 4, 3]
    jacobian = dynamics.jacobian(model, x, 0, 2, lengths=lengths)
    for row, length in enumerate(lengths):
        alone = dynamics.jacobian(model, np.ascontiguousarray(x[:length, row : row + 1]), 0, 2)
        assert_close(jacobian[row : row + 1], alone)


def test_jacobians_look_at_no_padding():
    model = make("GRU")
    x, lengths = input_for(model, 1, STEPS, ROWS), [STEPS, 4, 3]
    expected = dynamics.jacobian(model, x, -1, 2, lengths=lengths)
    x[4:, 1], x[3:, 2] = np.nan, np.nan
    assert_same_bits(dynamics.jacobian(model, x, -1, 2, lengths=lengths), expected)


def test_jacobians_beyond_one_stretch_of_steps():
    """The library goes through 256 steps at a time."""
    model, steps = make("LSTM"), 600
    x = input_for(model, 1, steps, 1)
    whole = dynamics.jacobian(model, x, 200, 530)
    parts = [dynamics.jacobian(model, x, t, t + 1) for t in range(200, 530)]
    assert_close(np.linalg.multi_dot([part[0] for part in parts[::-1]]), whole[0], bound=1e-11)


@pytest.mark.parametrize("name", MODELS)
def test_a_float32_model_is_measured_in_float64(name):
    single = make(name, "float32")
    double = Model(*MODELS[name], dtype="float64")
    double.load_state_dict(
        {key: value.astype("float64") for key, value in single.state_dict().items()}
    )
    x = input_for(single, 1, 40, ROWS)
    wide = x if x.dtype.kind == "i" else x.astype("float64")
    jacobian = dynamics.jacobian(single, x, -1, STEPS)
    assert jacobian.dtype == np.float64
    assert_same_bits(jacobian, dynamics.jacobian(double, wide, -1, STEPS))
    for got, expected in zip(
        dynamics.lyapunov(single, x), dynamics.lyapunov(double, wide), strict=True
    ):
        assert_same_bits(got, expected)
    for got, expected in zip(dynamics.spectra(single), dynamics.spectra(double), strict=True):
        assert_same_bits(got.eigenvalues, expected.eigenvalues)


def test_batch_first_asks_for_the_same_arrays_transposed():
    model = make("LSTM")
    other = Model(*MODELS["LSTM"], dtype="float64", batch_first=True)
    other.load_state_dict(model.state_dict())
    x = input_for(model, 1, STEPS, ROWS)
    turned = np.ascontiguousarray(x.swapaxes(0, 1))
    assert_same_bits(dynamics.jacobian(other, turned, 0, 3), dynamics.jacobian(model, x, 0, 3))


# ---- Lyapunov exponents


@pytest.mark.parametrize("name", ["tanh", "identity", "GRU", "LSTM", "deep GRU", "deep LSTM"])
def test_all_exponents_together_are_the_logarithm_of_the_determinant(name):
    model = make(name)
    x = input_for(model, 1, STEPS, ROWS)
    steps = [dynamics.jacobian(model, x, t - 1, t) for t in range(STEPS)]
    expected = sum(np.linalg.slogdet(step)[1] for step in steps)
    assert_close(dynamics.lyapunov(model, x).exponents.sum(axis=1) * STEPS, expected, bound=1e-11)


def test_exponents_of_a_linear_recurrence_are_those_of_its_eigenvalues():
    rotation, _ = np.linalg.qr(normal(1, 6, 6))
    values = np.array([1.3, -1.0, 0.8, 0.5, -0.3, 0.1])
    model = recurrent(rotation @ np.diag(values) @ rotation.T, "identity")
    found = dynamics.lyapunov(model, no_input(400), warm_up=200)
    assert_close(found.exponents[0], np.log(np.abs(values)), bound=1e-10)
    assert_close(found.entropy, [np.log(1.3)], bound=1e-10)
    assert np.all(found.errors < 1e-10)


def test_below_the_edge_of_chaos_the_first_exponent_is_that_of_the_spectral_radius():
    matrix = chaotic(0.8, 100, 4)
    model = recurrent(matrix)
    radius = np.abs(np.linalg.eigvals(matrix)).max()
    state = [normal(1, 1, 1, 100)]
    found = dynamics.lyapunov(model, no_input(4000), count=1, warm_up=1000, state=state)
    assert abs(found.exponents[0, 0] - np.log(radius)) < 2e-3
    assert found.entropy[0] == 0 and found.dimension[0] == 0


@pytest.mark.parametrize("name", ["GRU", "deep LSTM", "linear between"])
def test_leading_exponents_are_those_of_the_whole_spectrum(name):
    model = make(name)
    x = input_for(model, 1, 50, ROWS)
    whole = dynamics.lyapunov(model, x)
    for count in (1, 2, whole.exponents.shape[1]):
        leading = dynamics.lyapunov(model, x, count)
        assert leading.exponents.shape == (ROWS, count)
        assert_close(leading.exponents, whole.exponents[:, :count], bound=1e-9)


@pytest.mark.parametrize("interval", [2, 7, 50])
def test_exponents_do_not_depend_on_the_interval(interval):
    model = recurrent(np.linalg.qr(normal(1, 5, 5))[0] + 0.1 * normal(2, 5, 5))
    x, state = no_input(53), [normal(3, 1, 1, 5)]
    expected = dynamics.lyapunov(model, x, 2, state=state).exponents
    found = dynamics.lyapunov(model, x, 2, interval=interval, state=state)
    assert_close(found.exponents, expected, bound=1e-8)
    assert np.isnan(found.errors).all() == (interval > 5)


def test_the_warm_up_is_left_out():
    model = make("GRU")
    x, steps, left_out = input_for(model, 1, 60, ROWS), 60, 23
    whole = dynamics.lyapunov(model, x).exponents
    first = dynamics.lyapunov(model, np.ascontiguousarray(x[:left_out])).exponents
    found = dynamics.lyapunov(model, x, warm_up=left_out).exponents
    assert_close(found, (steps * whole - left_out * first) / (steps - left_out), bound=1e-11)


def test_errors_are_standard_errors_of_ten_parts():
    model = make("LSTM")
    x = input_for(model, 1, 70, ROWS)
    sums = [np.zeros((ROWS, 6))]
    for end in range(7, 71, 7):
        upto = np.ascontiguousarray(x[:end])
        sums.append(end * dynamics.lyapunov(model, upto).exponents)
    parts = np.diff(sums, axis=0) / 7
    found = dynamics.lyapunov(model, x).errors
    assert_close(found, parts.std(axis=0, ddof=1) / np.sqrt(10), bound=1e-10)
    assert np.isnan(dynamics.lyapunov(model, np.ascontiguousarray(x[:9])).errors).all()


@pytest.mark.parametrize("name", MODELS)
def test_exponents_with_lengths_are_those_of_each_sequence_alone(name):
    model = make(name)
    x, lengths = input_for(model, 1, STEPS, ROWS), [STEPS, 4, 1]
    found = dynamics.lyapunov(model, x, lengths=lengths)
    for row, length in enumerate(lengths):
        alone = dynamics.lyapunov(model, np.ascontiguousarray(x[:length, row : row + 1]))
        assert_same_bits(found.exponents[row], alone.exponents[0])


def kaplan_yorke(exponents):
    """k + (the sum of the first k) / |number k + 1|, k the most whose sum is not below zero."""
    sums = np.cumsum(exponents)
    k = np.count_nonzero(np.logical_and.accumulate(sums >= 0))
    if k == len(exponents):
        return float(k)
    return k + (sums[k - 1] if k else 0.0) / abs(exponents[k])


@pytest.mark.parametrize("gain", [0.5, 1.5, 3.0, 8.0])
def test_dimension_and_entropy_are_those_of_the_exponents(gain):
    model = recurrent(chaotic(gain, 40, 2))
    state = [normal(1, 1, ROWS, 40)]
    found = dynamics.lyapunov(model, no_input(500, ROWS), warm_up=100, state=state)
    for row, exponents in enumerate(found.exponents):
        ordered = np.sort(exponents)[::-1]
        assert abs(found.dimension[row] - kaplan_yorke(ordered)) < 1e-10
        assert abs(found.entropy[row] - ordered[ordered > 0].sum()) < 1e-12


def test_a_dimension_that_takes_more_exponents_is_not_a_number():
    model = recurrent(chaotic(5, 40, 2))
    state = [normal(1, 1, 1, 40)]
    assert np.isnan(dynamics.lyapunov(model, no_input(300), 1, state=state).dimension[0])
    growing = recurrent(2 * np.eye(3), "identity")
    assert dynamics.lyapunov(growing, no_input(20)).dimension[0] == 3


def test_directions_that_are_lost_have_no_finite_exponent():
    found = dynamics.lyapunov(recurrent(np.diag([0.5, 0.0])), no_input(30), warm_up=10)
    assert_close(found.exponents[0, 0], np.log(0.5), bound=1e-10)
    assert found.exponents[0, 1] == -np.inf and found.entropy[0] == 0


def test_a_state_that_runs_away_is_told():
    model = recurrent(1e10 * np.eye(2), "identity")
    with pytest.raises(librnn.NonFiniteError, match="state: expected finite numbers"):
        dynamics.lyapunov(model, no_input(100), state=[np.ones((1, 1, 2))])


def test_nothing_depends_on_the_number_of_threads():
    model = recurrent(chaotic(2, 60, 1))
    x, state = no_input(40), [normal(1, 1, 1, 60)]
    expected = dynamics.lyapunov(model, x, state=state).exponents
    librnn.set_num_threads(2)
    assert_same_bits(dynamics.lyapunov(model, x, state=state).exponents, expected)


# ---- Spectra


@given(stacks(dtypes=("float64", "float32")))
def test_spectra_are_those_of_numpy(model):
    weights = model.state_dict()
    found = dynamics.spectra(model)
    assert len(found) == sum(
        len(value) // value.shape[1] for name, value in weights.items() if "weight_hh" in name
    )
    for spectrum in found:
        tensor = weights[spectrum.tensor].astype("float64")
        size = tensor.shape[1]
        gates = {1: "h", 3: "rzn", 4: "ifgo"}[len(tensor) // size]
        place = gates.index(spectrum.gate)
        check_spectrum(spectrum, tensor[place * size : (place + 1) * size])


def check_spectrum(spectrum, matrix):
    expected = np.linalg.eigvals(matrix)
    assert spectrum.eigenvalues.dtype == complex and spectrum.eigenvalues.shape == expected.shape
    magnitudes = np.abs(spectrum.eigenvalues)
    assert np.all(np.diff(magnitudes) <= 0)
    distances = np.abs(spectrum.eigenvalues[:, None] - expected)
    assert distances.min(axis=0).max() < 1e-7 and distances.min(axis=1).max() < 1e-7
    assert_close(spectrum.spectral_radius, magnitudes[0])
    assert_close(spectrum.spectral_norm, np.linalg.norm(matrix, 2))


def test_a_model_without_recurrent_layers_has_no_spectra():
    assert dynamics.spectra(Model(Linear(2, 2))) == []


# ---- Misuse


def x(steps=4):
    return normal(1, steps, ROWS, 2)


def jacobian(start=0, end=1, model="GRU", x=x(), **options):  # noqa: B008
    dynamics.jacobian(make(model), x, start, end, **options)


def lyapunov(*count, model="GRU", x=x(), **options):  # noqa: B008
    dynamics.lyapunov(make(model), x, *count, **options)


def closed(model):
    model.close()
    return model


def spectra_of_nan():
    model = recurrent(np.full((2, 2), np.nan))
    dynamics.spectra(model)


TYPE, VALUE = TypeError, ValueError
STATELESS = Model(Linear(2, 2), dtype="float64")

# Type, "argument | expected | got" of the sentence, and what is done.
MISUSE = [
    (VALUE, "start | int in -1 | -2", lambda: jacobian(-2)),
    (VALUE, "start | int in | 9223372036854775808", lambda: jacobian(2**63)),
    (TYPE, "start | an int | float", lambda: jacobian(0.0)),
    (TYPE, "end | an int | NoneType", lambda: jacobian(0, None)),
    (VALUE, "from, to | from <= to < 4 | 0, 4", lambda: jacobian(0, 4)),
    (VALUE, "from, to | from <= to | 2, 1", lambda: jacobian(2, 1)),
    (VALUE, "from, to | < 4 | 4, 4", lambda: jacobian(4, 4)),
    (VALUE, "to | less than lengths[1] = 2 | 2", lambda: jacobian(0, 2, lengths=[4, 2, 3])),
    (VALUE, "lengths[0] | at least 1 | 0", lambda: jacobian(-1, -1, lengths=[0, 2, 3])),
    (VALUE, "lengths[2] | 4 | 5", lambda: jacobian(lengths=[1, 2, 5])),
    (VALUE, "x | [T, B, 2] | [4, 2]", lambda: jacobian(x=x()[:, 0])),
    (TYPE, "x | float64 | float32", lambda: jacobian(x=x().astype("float32"))),
    (VALUE, "x | number | NaN", lambda: jacobian(x=np.full((4, ROWS, 2), np.nan))),
    (VALUE, "state | [1, 3, 3] | [1, 2, 3]", lambda: jacobian(state=[np.zeros((1, 2, 3))])),
    (VALUE, "model | recurrent | none", lambda: dynamics.jacobian(STATELESS, x(), 0, 1)),
    (VALUE, "model | open | closed", lambda: dynamics.jacobian(closed(make("GRU")), x(), 0, 1)),
    (VALUE, "count | 1 .. | 0", lambda: lyapunov(0)),
    (VALUE, "count | 1 to 3 | 4", lambda: lyapunov(4)),
    (TYPE, "count | an int | float", lambda: lyapunov(1.0)),
    (VALUE, "warm_up | 0 .. | -1", lambda: lyapunov(warm_up=-1)),
    (VALUE, "warm_up | 0 to 3 | 4", lambda: lyapunov(warm_up=4)),
    (VALUE, "warm_up | 0 to 1 | 2", lambda: lyapunov(warm_up=2, lengths=[4, 2, 3])),
    (TYPE, "warm_up | an int | str", lambda: lyapunov(warm_up="1")),
    (VALUE, "interval | 1 .. | 0", lambda: lyapunov(interval=0)),
    (VALUE, "lengths[0] | at least 1 | 0", lambda: lyapunov(lengths=[0, 2, 3])),
    (VALUE, "x | number | NaN", lambda: lyapunov(x=np.full((4, ROWS, 2), np.nan))),
    (VALUE, "model | recurrent | none", lambda: dynamics.lyapunov(STATELESS, x())),
    (VALUE, "model | open | closed", lambda: dynamics.lyapunov(closed(make("GRU")), x())),
    (VALUE, "model | open | closed", lambda: dynamics.spectra(closed(make("GRU")))),
    (ArithmeticError, "0.weight_hh_l0 | finite | others", spectra_of_nan),
]


@pytest.mark.parametrize("kind, sentence, act", MISUSE, ids=[case[1] for case in MISUSE])
def test_misuse_is_told_with_argument_expected_and_got(kind, sentence, act):
    argument, expected, got = sentence.split(" | ")
    with pytest.raises(kind) as caught:
        act()
    assert isinstance(caught.value, librnn.RnnError)
    head, _, tail = str(caught.value).partition(" got ")
    name, _, wanted = head.partition(" expected ")
    assert name.startswith((f"{argument}:", f"{argument}[", f"{argument} ")), head
    assert expected in wanted, head
    assert got in tail, tail
