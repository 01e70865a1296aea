"""Pictures: what is drawn is what was given, into the axes that were given."""

import subprocess
import sys

import librnn
import librnn.plot
import matplotlib.image
import matplotlib.pyplot
import numpy as np
import pytest
from librnn import _c_types as c
from librnn import dynamics
from matplotlib.figure import Figure

from support import EVERY_LAYER, input_for, normal, still, target_for

MODEL = librnn.Model(*EVERY_LAYER, seed=1)
X = input_for(MODEL, 2, 9, 5)
DYNAMIC = librnn.Model(librnn.RNN(3, 6), librnn.LSTM(6, 4), seed=3)


def observed(model=MODEL, x=X):
    trainer = still(model, librnn.MSELoss())
    y = target_for(model, librnn.MSELoss(), 3, *x.shape[:2])
    return trainer.step(x, y, observe=True)


FLOW = observed().flow
BOUNDED = [layer for layer in FLOW.layers if not np.isnan(layer.saturated_fraction)]


def axes():
    return Figure(layout="constrained").subplots()


def results(count, skipped=(), rolled_back=(), clipped=()):
    """Steps of loss 1 / step and norm step, as a trainer would number them."""
    made = []
    for step in range(1, count + 1):
        state = {"learning_rate": 0.1, "step": step, "clipped_steps": 0, "skipped_steps": 0}
        one = librnn.StepResult(1 / step, step, step in clipped, step in skipped, (), **state)
        one._report.clip_threshold = 7
        if step in skipped or step in rolled_back:
            one._report.action = c.RNN_SKIPPED if step in skipped else c.RNN_ROLLED_BACK
            one._report.loss = one._report.grad_norm = np.nan
        made.append(one)
    return made


def line(ax, label):
    return next(line for line in ax.get_lines() if line.get_label() == label)


def labels(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


# ---- What all have in common


CALLS = {
    "gradient_flow": lambda ax: librnn.plot.gradient_flow(FLOW, ax=ax),
    "gain": lambda ax: librnn.plot.gain(FLOW, ax),
    "gates": lambda ax: librnn.plot.gates(FLOW, ax),
    "spectrum": lambda ax: librnn.plot.spectrum(dynamics.spectra(DYNAMIC), ax),
    "lyapunov": lambda ax: librnn.plot.lyapunov(
        dynamics.lyapunov(DYNAMIC, normal(1, 20, 2, 3, dtype="float32"), 3), ax
    ),
    "training": lambda ax: librnn.plot.training(results(12), ax),
}


@pytest.mark.parametrize("name", CALLS)
def test_the_axes_given_are_drawn_into_and_returned(name, tmp_path):
    ax = axes()
    assert CALLS[name](ax) is ax and ax.has_data()
    ax.figure.savefig(tmp_path / "picture.png")
    assert np.ptp(matplotlib.image.imread(tmp_path / "picture.png")[..., :3]) > 0.5


@pytest.mark.parametrize("name", CALLS)
def test_without_axes_there_is_a_new_figure(name):
    with matplotlib.rc_context({"backend": "agg"}):
        ax = CALLS[name](None)
        assert ax.figure.number in matplotlib.pyplot.get_fignums()
        matplotlib.pyplot.close(ax.figure)


def test_every_function_is_tested_here():
    assert sorted(CALLS) == sorted(librnn.plot.__all__)


def run(code):
    path = [entry for entry in sys.path if entry]
    code = f"import sys; sys.path[:0] = {path!r}\n{code}"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def test_matplotlib_is_imported_when_something_is_drawn():
    code = """
import librnn, librnn.plot, librnn.tensorboard, librnn.diagnose, librnn.__main__
print(sorted({name.partition(".")[0] for name in sys.modules} & {"matplotlib", "tensorboardX"}))
"""
    done = run(code)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_importing_librnn_imports_none_of_this():
    done = run("import librnn\nprint([n for n in sys.modules if n.startswith('librnn.')])")
    for name in ["plot", "tensorboard", "diagnose", "_report"]:
        assert f"'librnn.{name}'" not in done.stdout
    assert "'librnn.trainer'" in done.stdout


def test_without_matplotlib_the_error_says_how_to_get_it():
    code = """
sys.modules['matplotlib'] = None
import librnn.plot
from librnn.plot._figure import prepare
prepare(None)
"""
    done = run(code)
    assert "ImportError: librnn.plot: expected matplotlib" in done.stderr
    assert 'pip install "librnn[plot]"' in done.stderr


def test_settings_that_matplotlib_refuses_are_told():
    done = run("import os, librnn.plot\nos.environ['MPLBACKEND'] = 'no'\nlibrnn.plot.gain(7)")
    assert "DTypeError: flow" in done.stderr  # what is wrong with the call comes first
    code = """
import os
os.environ['MPLBACKEND'] = 'no'
from librnn.plot._figure import prepare
prepare(None)
"""
    assert "ImportError: librnn.plot: expected matplotlib to start, got " in run(code).stderr


# ---- The gradient's flow


@pytest.mark.parametrize("quantity", ["grad_h_mean", "grad_h_max", "gain", "h_std", "h_max"])
def test_the_map_of_one_step_has_a_row_for_each_layer(quantity):
    ax = librnn.plot.gradient_flow(FLOW, quantity, axes())
    drawn = ax.images[0].get_array()
    given = np.array([getattr(layer, quantity) for layer in FLOW.layers])
    np.testing.assert_array_equal(drawn.data, given)
    np.testing.assert_array_equal(np.ma.getmaskarray(drawn), ~(given > 0))
    names = [f"{layer.name}\n{layer.verdict}" for layer in FLOW.layers]
    assert [text.get_text() for text in ax.get_yticklabels()] == names


def test_layers_without_a_cell_have_empty_rows():
    drawn = librnn.plot.gradient_flow(FLOW, "grad_c_mean", axes()).images[0].get_array()
    for row, layer in zip(drawn, FLOW.layers, strict=True):
        assert row.mask.all() if layer.grad_c_mean is None else not row.mask.any()


def test_the_map_of_training_has_a_row_for_each_observed_step():
    trainer = librnn.Trainer(MODEL, librnn.MSELoss(), librnn.SGD(lr=0))
    y = target_for(MODEL, librnn.MSELoss(), 3, *X.shape[:2])
    made = [trainer.step(X, y, observe=step % 3 == 0) for step in range(10)]
    ax = librnn.plot.gradient_flow(made, ax=axes(), layer="3.l1")
    place = next(i for i, layer in enumerate(FLOW.layers) if layer.name == "3.l1")
    seen = [result for result in made if result.flow]
    given = [result.flow.layers[place].grad_h_mean for result in seen]
    np.testing.assert_array_equal(ax.images[0].get_array(), given)
    format_row = ax.yaxis.get_major_formatter()
    assert [format_row(row) for row in range(4)] == ["1", "4", "7", "10"] and format_row(4) == ""
    assert ax.get_title(loc="left") == "layer 3.l1"


def with_layers(*verdicts):
    layers = [
        layer._replace(verdict=verdict)
        for layer, verdict in zip(FLOW.layers, verdicts, strict=False)
    ]
    return FLOW._replace(layers=tuple(layers))


def test_of_several_layers_the_worst_at_the_end_is_drawn():
    flows = [with_layers("dead", "healthy", "healthy"), with_layers("healthy", "vanishing", "dead")]
    ax = librnn.plot.gradient_flow(flows, ax=axes())
    name = FLOW.layers[2].name
    assert ax.get_title(loc="left") == f"layer {name}, at the end the worst of 3"
    assert labels(ax) == ["healthy 1", "dead 1"]


def test_shorter_steps_are_filled_with_nothing():
    short = observed(x=X[:4]).flow
    drawn = librnn.plot.gradient_flow([FLOW, short], ax=axes(), layer="1.l0").images[0].get_array()
    assert drawn.shape == (2, 9)
    np.testing.assert_array_equal(drawn.mask[1], np.arange(9) >= 4)


def test_zeros_and_nan_are_grey_and_the_scale_is_logarithmic():
    values = np.array([0, 1e-30, np.nan, np.inf, 1.0])
    layer = FLOW.layers[0]._replace(grad_h_mean=values, gain=values)
    image = librnn.plot.gradient_flow(FLOW._replace(layers=(layer,)), ax=axes()).images[0]
    assert image.get_array().mask.tolist() == [[True, False, True, True, False]]
    assert isinstance(image.norm, matplotlib.colors.LogNorm)
    assert (image.norm.vmin, image.norm.vmax) == (1e-30, 1)
    grey = image.cmap(np.ma.masked_all(1))[0]
    assert not np.isclose(image.cmap(np.linspace(0, 1)), grey, atol=0.1).all(axis=1).any()


@pytest.mark.parametrize("values", [np.zeros(3), np.full(3, np.nan), np.ones(3)])
def test_maps_of_nothing_and_of_one_value_are_drawn(values, tmp_path):
    layer = FLOW.layers[0]._replace(grad_h_mean=values, gain=values)
    ax = librnn.plot.gradient_flow(FLOW._replace(layers=(layer,)), ax=axes())
    ax.figure.savefig(tmp_path / "picture.png")
    assert len(ax.figure.axes) == (2 if values[0] == 1 else 1)  # a colour bar if there is a value


@pytest.mark.parametrize("quantity", ["grad_h_mean", "gain"])
@pytest.mark.parametrize("ends", [(1e-200, 1), (1, 1e307), (5e-324, 1.7e308), (1e-310, 1e-310)])
def test_maps_of_what_matplotlib_has_no_scale_for_are_drawn(quantity, ends, tmp_path):
    values = np.array([*ends, 0, np.nan, np.inf])
    layer = FLOW.layers[0]._replace(grad_h_mean=values, gain=values)
    ax = librnn.plot.gradient_flow(FLOW._replace(layers=(layer,)), quantity, axes())
    ax.figure.savefig(tmp_path / "picture.png")


@pytest.mark.parametrize("name", ["gain", "spectrum"])
def test_a_long_legend_has_its_place(name, tmp_path):
    model = librnn.Model(librnn.LSTM(3, 2, 20 if name == "gain" else 8), seed=1)
    with matplotlib.rc_context({"backend": "agg"}):
        if name == "gain":
            ax = librnn.plot.gain(observed(model, normal(1, 5, 2, 3, dtype="float32")).flow)
        else:
            ax = librnn.plot.spectrum(dynamics.spectra(model))
        ax.figure.savefig(tmp_path / "picture.png")
        below = ax.get_legend().get_window_extent().y0
        matplotlib.pyplot.close(ax.figure)
    assert below >= 0


def test_a_gain_of_one_is_in_the_middle_of_its_colours():
    norm = librnn.plot.gradient_flow(FLOW, "gain", axes()).images[0].norm
    assert np.isclose(norm(1), 0.5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: librnn.plot.gradient_flow(FLOW, "loss"), "quantity: expected 'grad_h_mean' or"),
        (lambda: librnn.plot.gradient_flow(FLOW, layer="9.l9"), "layer: expected '1.l0' or"),
        (lambda: librnn.plot.gradient_flow([]), "at least one observed step, got none"),
        (lambda: librnn.plot.gradient_flow(results(3)), "at least one observed step, got none"),
        (lambda: librnn.plot.gradient_flow(results(1)[0]), "an observed step"),
        (lambda: librnn.plot.gradient_flow(librnn.GradientFlow((), {})), "recurrent layer"),
        (lambda: librnn.plot.gradient_flow(7), "flow: expected GradientFlow or"),
        (lambda: librnn.plot.gradient_flow([FLOW, 7]), r"flow\[1\]: expected a GradientFlow"),
        (lambda: librnn.plot.gradient_flow(FLOW, ["gain"]), r"quantity: .*, got \['gain'\]"),
        (lambda: librnn.plot.gain(7), "flow: expected a GradientFlow"),
        (lambda: librnn.plot.gates(librnn.GradientFlow((), {})), "recurrent layer"),
        (lambda: librnn.plot.spectrum([]), "at least one Spectrum"),
        (lambda: librnn.plot.spectrum(7), "spectra: expected a Spectrum or several, got int"),
        (lambda: librnn.plot.spectrum([7]), r"spectra\[0\]: expected a Spectrum, got int"),
        (lambda: librnn.plot.lyapunov(7), "result: expected a Lyapunov"),
        (lambda: librnn.plot.training([]), "at least one StepResult"),
        (lambda: librnn.plot.training(7), "results: expected a StepResult or several, got int"),
        (lambda: librnn.plot.training([7]), r"results\[0\]: expected a StepResult"),
    ],
)
def test_errors(call, message):
    before = len(matplotlib.pyplot.get_fignums())
    with pytest.raises((librnn.ArgumentError, librnn.DTypeError), match=message):
        call()
    assert len(matplotlib.pyplot.get_fignums()) == before


@pytest.mark.parametrize("name", CALLS)
def test_axes_that_are_none(name):
    for other in (Figure(), Figure().subplots(2), "ax"):
        with pytest.raises(librnn.DTypeError, match="ax: expected axes of matplotlib"):
            CALLS[name](other)
    with pytest.raises(librnn.ArgumentError, match="ax: expected .*, got polar axes"):
        CALLS[name](Figure().add_subplot(projection="polar"))


def test_a_cell_is_not_drawn_of_layers_that_have_none():
    flow = observed(librnn.Model(librnn.GRU(3, 4)), normal(1, 5, 2, 3, dtype="float32")).flow
    with pytest.raises(librnn.ArgumentError, match="that the layers have, got 'grad_c_mean'"):
        librnn.plot.gradient_flow(flow, "grad_c_mean", axes())


# ---- Gains and gates


def test_gains_are_drawn_as_they_are():
    ax = librnn.plot.gain(FLOW, axes())
    for layer in FLOW.layers:
        drawn = line(ax, f"{layer.name}: {layer.rate:.3g}").get_ydata()
        np.testing.assert_array_equal(drawn, layer.gain)


def test_gates_are_bars_of_the_mean_to_both_sides():
    low, high = librnn.plot.gates(FLOW, axes()).containers
    for bars, name, sign in [(low, "gate_low", -1), (high, "gate_high", 1)]:
        means = [getattr(layer, name).mean(axis=1) for layer in BOUNDED]
        assert np.allclose([bar.get_width() for bar in bars], sign * np.concatenate(means))


def test_what_has_no_bounds_has_no_gates_to_draw():
    unbounded = tuple(layer for layer in FLOW.layers if layer not in BOUNDED)
    assert unbounded
    with pytest.raises(ValueError, match="expected a layer with bounded activations, got none"):
        librnn.plot.gates(FLOW._replace(layers=unbounded), axes())


# ---- Dynamics


def test_eigenvalues_are_where_they_belong():
    spectra = dynamics.spectra(DYNAMIC)
    ax = librnn.plot.spectrum(spectra, axes())
    for drawn, one in zip(ax.collections, spectra, strict=True):
        offsets = np.ma.getdata(drawn.get_offsets())
        np.testing.assert_array_equal(offsets @ [1, 1j], one.eigenvalues)
    circle = ax.get_lines()[0].get_xydata()
    assert np.allclose(np.hypot(*circle.T), 1) and ax.get_aspect() == 1
    assert labels(ax)[0] == rf"0.weight_hh_l0, $\rho$ = {spectra[0].spectral_radius:.3g}"
    assert labels(ax)[1].startswith("1.weight_hh_l0 i input, ") and len(labels(ax)) == 5


def test_one_spectrum_needs_no_list():
    one = dynamics.spectra(DYNAMIC)[0]
    assert len(librnn.plot.spectrum(one, axes()).collections) == 1


def lyapunov(rows, count, dimension=2.5):
    exponents = 1 - normal(1, rows, count) ** 2
    errors = np.full((rows, count), 0.25)
    return dynamics.Lyapunov(exponents, errors, np.full(rows, dimension), np.zeros(rows))


def test_exponents_of_each_sequence_and_their_mean():
    result = lyapunov(4, 6)
    ax = librnn.plot.lyapunov(result, axes())
    mean = ax.containers[0]
    np.testing.assert_allclose(mean.lines[0].get_ydata(), result.exponents.mean(axis=0))
    ends = np.array([segment[:, 1] for segment in mean.lines[2][0].get_segments()])
    assert np.allclose(np.diff(ends), 2 * 0.25 / np.sqrt(4))
    drawn = [one.get_ydata() for one in ax.get_lines() if len(one.get_ydata()) == 6]
    assert all(any(np.array_equal(row, one) for one in drawn) for row in result.exponents)
    assert ax.get_title(loc="left") == "Kaplan–Yorke dimension: 2.5, mean of 4 sequences"


def test_exponents_without_errors_and_without_a_dimension():
    result = lyapunov(1, 3, np.nan)._replace(errors=np.full((1, 3), np.nan))
    ax = librnn.plot.lyapunov(result, axes())
    assert ax.get_title(loc="left") == "Kaplan–Yorke dimension: more than the 3 exponents computed"
    assert labels(ax) == ["exponents"]


# ---- Training


def test_few_steps_are_drawn_one_by_one():
    ax = librnn.plot.training(results(400), axes())
    np.testing.assert_array_equal(line(ax, "loss").get_xydata()[:, 0], np.arange(1, 401))
    np.testing.assert_allclose(line(ax, "loss").get_ydata(), 1 / np.arange(1, 401))
    norms = next(other for other in ax.figure.axes if other is not ax)
    drawn = line(norms, "gradient norm before clipping").get_ydata()
    np.testing.assert_array_equal(drawn, np.arange(1, 401))
    assert norms.get_yscale() == "log" and set(line(norms, "clipped to 7").get_ydata()) == {7}


@pytest.mark.parametrize("count", [401, 1000, 100000])
def test_many_steps_are_means_within_bands_that_keep_every_spike(count):
    steps = results(count)
    steps[count // 2]._report.loss = 50
    ax = librnn.plot.training(steps, axes())
    drawn = line(ax, "loss").get_ydata()
    size = -(-count // 200)
    assert len(drawn) == -(-count // size) <= 201
    np.testing.assert_allclose(drawn[0], np.mean([step.loss for step in steps[:size]]))
    assert ax.collections[0].get_paths()[0].vertices[:, 1].max() == 50
    assert f"means of {size} steps" in ax.get_xlabel()


def test_what_became_of_steps_is_marked():
    ax = librnn.plot.training(results(30, [3, 8], [20], range(1, 6)), axes())
    assert line(ax, "skipped, 2 steps").get_xdata().tolist() == [3, 8]
    assert line(ax, "rolled back, 1 steps").get_xdata().tolist() == [20]
    assert "clipped, 5 of 30 steps" in labels(ax)
    assert np.isnan(line(ax, "loss").get_ydata()[[2, 7, 19]]).all()


def test_one_step_needs_no_list():
    assert line(librnn.plot.training(results(1)[0], axes()), "loss").get_xdata().tolist() == [1]


@pytest.mark.parametrize("count", [2, 500])
@pytest.mark.parametrize("ends", [(1e-5, 1e150), (1e-300, 1e300), (5e-324, 1.7e308)])
@pytest.mark.parametrize("name", ["loss", "grad_norm"])
@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
def test_what_explodes_is_drawn(name, ends, count, tmp_path):
    steps = results(count)
    for step, value in zip(steps, count // 2 * ends, strict=True):
        setattr(step._report, name, value)
    librnn.plot.training(steps, axes()).figure.savefig(tmp_path / "picture.png")


@pytest.mark.parametrize("steps", [results(1), results(3, [1, 2, 3])], ids=["one", "none finite"])
def test_little_to_draw(steps, tmp_path):
    librnn.plot.training(steps, axes()).figure.savefig(tmp_path / "picture.png")
