"""Lyapunov exponents and spectra against closed forms and numpy."""

import librnn
import numpy as np
import pytest
from hypothesis import given
from librnn import RNN, Linear, Model, dynamics

from dynamical import (
    MODELS,
    ROWS,
    STEPS,
    chaotic,
    make,
    no_input,
    recurrent,
)
from support import assert_close, assert_same_bits, input_for, normal, stacks

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


@pytest.mark.parametrize("interval", [4, 100])
def test_the_warm_up_ends_between_orthonormalisations(interval):
    model = make("deep GRU")
    x = input_for(model, 1, 50, ROWS)
    found = dynamics.lyapunov(model, x, 2, warm_up=22, interval=interval)
    expected = dynamics.lyapunov(model, x, 2, warm_up=22)
    assert_close(found.exponents, expected.exponents, bound=1e-7)


def test_directions_are_no_axes():
    """Of which some may belong to no leading exponent for ever."""
    for place in range(3):
        growth = np.array([0.5, 0.5, 0.5])
        growth[place] = 1.2
        found = dynamics.lyapunov(recurrent(np.diag(growth), "identity"), no_input(99), 1)
        assert abs(found.exponents[0, 0] - np.log(1.2)) < 0.05


@pytest.mark.parametrize("steps", [70, 77, 10])
def test_errors_are_standard_errors_of_ten_parts(steps):
    """Parts may differ by a step."""
    model = make("LSTM")
    x = input_for(model, 1, steps, ROWS)
    ends = [-(-part * steps // 10) for part in range(11)]
    sums = [np.zeros((ROWS, 6))]
    for end in ends[1:]:
        upto = np.ascontiguousarray(x[:end])
        sums.append(end * dynamics.lyapunov(model, upto).exponents)
    parts = np.diff(sums, axis=0) / np.diff(ends)[:, None, None]
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
@pytest.mark.parametrize("steps", [12, 500])
def test_dimension_and_entropy_are_those_of_the_exponents(gain, steps):
    """Of few steps they are not in order."""
    model = recurrent(chaotic(gain, 40, 2))
    state = [normal(1, 1, ROWS, 40)]
    found = dynamics.lyapunov(model, no_input(steps, ROWS), warm_up=steps // 5, state=state)
    assert np.any(np.diff(found.exponents) > 0) or steps > 12
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


def test_directions_that_rounding_alone_would_keep_are_lost():
    """Units of relu that are off leave steps of rank 4, 4, 5 and 5."""
    model, x = Model(RNN(2, 8, nonlinearity="relu"), dtype="float64", seed=0), normal(1, 4, 1, 2)
    ranks = [np.linalg.matrix_rank(dynamics.jacobian(model, x, t - 1, t)[0]) for t in range(4)]
    exponents = dynamics.lyapunov(model, x).exponents[0]
    assert np.isfinite(exponents[: min(ranks)]).all() and np.all(exponents[min(ranks) :] == -np.inf)


def test_an_interval_in_which_directions_are_overgrown_is_refused():
    rotation, _ = np.linalg.qr(normal(1, 3, 3))
    model = recurrent(rotation @ np.diag([1, 0.1, 0.01]) @ rotation.T, "identity")
    found = dynamics.lyapunov(model, no_input(400), interval=5, warm_up=100)
    assert_close(found.exponents[0], np.log([1, 0.1, 0.01]), bound=1e-8)
    for interval in (20, 200):
        with pytest.raises(ValueError, match=f"interval: .* stay apart, got {interval} up to step"):
            dynamics.lyapunov(model, no_input(400), interval=interval)


def test_a_state_that_runs_away_is_told_with_its_step():
    """10^(10 t) is beyond the largest number after the step at place 30."""
    model, state = recurrent(1e10 * np.eye(2), "identity"), [np.ones((1, 1, 2))]
    for act in (
        dynamics.lyapunov,
        lambda *batch, state: dynamics.jacobian(*batch, 3, 50, state=state),
    ):
        with pytest.raises(librnn.NonFiniteError, match="state: .* others at step 30$"):
            act(model, no_input(100), state=state)
    assert np.isfinite(dynamics.jacobian(model, no_input(100), 2, 29, state=state)).all()


def test_finite_matrices_of_any_magnitude_have_spectra():
    """Below the smallest normal number there are zeros."""
    radii = [dynamics.spectra(recurrent(s * np.eye(3)))[0].spectral_radius for s in (1e308, 1e-310)]
    assert_close(radii, [1e308, 0])


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


def test_of_a_pair_the_upper_eigenvalue_comes_first():
    matrix = np.kron(np.diag([0.3, 2.0, 1.0]), [[0.6, -0.8], [0.8, 0.6]])
    (found,) = dynamics.spectra(recurrent(matrix))
    expected = np.outer([2, 1, 0.3], [0.6 + 0.8j, 0.6 - 0.8j]).ravel()
    assert_close(found.eigenvalues, expected, bound=1e-12)


def test_a_model_without_recurrent_layers_has_no_spectra():
    assert dynamics.spectra(Model(Linear(2, 2))) == []
