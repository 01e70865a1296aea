"""What an observed step sees of every cell, against differences; threads change no bit."""

import librnn
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from librnn import GRU, LSTM, RNN, MinGRU, MinLSTM

from cells import CELLS, VARIANTS, batch_for, cell_models, extrapolated, layer, model_of, width
from support import assert_close, assert_same_bits, assert_same_dicts, normal, perturbed, still

SUM = librnn.MSELoss("sum")
STEPS = 5
GATES = {
    "RNN": "h",
    "GRU": "rzn",
    "GRU, reset before": "rzn",
    "LSTM": "ifgo",
    "LSTM, coupled": "igo",
    "MinGRU": "zn",
    "MinLSTM": "fin",
}
STACKS = {
    "projection": (LSTM, {"num_layers": 2, "proj_size": 3}),
    "both ways": (GRU, {"num_layers": 2, "bidirectional": True}),
    "both ways, summed": (RNN, {"num_layers": 2, "bidirectional": True, "merge": "sum"}),
    "both ways, projection": (
        LSTM,
        {"num_layers": 2, "bidirectional": True, "proj_size": 2, "peepholes": True},
    ),
    "residual": (LSTM, {"num_layers": 2, "layer_norm": True, "residual": True}),
    "residual, both ways": (
        GRU,
        {"num_layers": 2, "bidirectional": True, "merge": "sum", "residual": True},
    ),
    "learned state": (MinGRU, {"num_layers": 2, "learn_state": True}),
    "reset before": (GRU, {"num_layers": 2, "reset_after": False, "layer_norm": False}),
}


def observed(model, x, y, **options):
    return still(model, SUM, **options).step(x, y, observe=True).flow


# ---- By differences: one sequence, so that means and maxima are those of one norm


def level_alone(model, k, way):
    """A level of one direction as a model of its own."""
    stack = model.layers[0]
    kind = type(stack)
    inputs = stack.input_size if k == 0 else width(stack)
    options = {
        name: value
        for name, value in vars(stack).items()
        if name not in ("input_size", "hidden_size", "num_layers")
    }
    options |= {"bidirectional": False, "residual": False}
    one = librnn.Model(kind(inputs, stack.hidden_size, **options), dtype="float64")
    values = model.state_dict()
    names = {name: name.replace("_l0", f"_l{k}") + way for name in one.state_dict()}
    one.load_state_dict({name: values[names[name]] for name in names})
    return one


class Unfolded:
    """A model of one layer, level by level, whose h can be moved at one step."""

    def __init__(self, model):
        self.layer = model.layers[0]
        self.ways = ["", "_reverse"] if self.layer.bidirectional else [""]
        self.levels = [
            [level_alone(model, k, way) for way in self.ways] for k in range(self.layer.num_layers)
        ]

    def outputs(self, x, place=None, by=0.0):
        """At (level, direction, step in its own time, unit) h is another, for all that hears it."""
        for k, level in enumerate(self.levels):
            ways = []
            for d, one in enumerate(level):
                own = np.ascontiguousarray(x[::-1]) if d else x
                y = self.run(one, own, place[2:] if place and place[:2] == (k, d) else None, by)
                ways.append(y[::-1] if d else y)
            joined = ways[0]
            if len(ways) == 2:
                is_sum = self.layer.merge == "sum"
                joined = ways[0] + ways[1] if is_sum else np.concatenate(ways, axis=-1)
            adds = self.layer.residual and joined.shape == x.shape
            x = np.ascontiguousarray(joined + x if adds else joined)
        return x

    def run(self, one, x, place, by):
        if place is None:
            return one(x)[0]
        step, unit = place
        y, state = one(np.ascontiguousarray(x[: step + 1]))
        y[step, 0, unit] += by
        state[0][0, 0, unit] += by
        if step + 1 < len(x):
            y = np.concatenate([y, one(np.ascontiguousarray(x[step + 1 :]), state=state)[0]])
        return y


@pytest.mark.parametrize("name", STACKS)
def test_gradients_by_h_of_every_level_and_direction(name):
    model = model_of(STACKS[name], 3, 4)
    x, y = batch_for(model, 1, STEPS, 1)
    unfolded = Unfolded(model)
    assert_close(unfolded.outputs(x), model(x)[0])
    flow, ways = observed(model, x, y), len(unfolded.ways)
    assert len(flow.layers) == 2 * ways
    for index, seen in enumerate(flow.layers):
        k, d = divmod(index, ways)
        units = unfolded.levels[k][d](x if k == 0 else np.zeros((1, 1, width(unfolded.layer))))[0]
        assert seen.hidden_size == units.shape[-1]
        for step in range(STEPS):
            slopes = []
            for unit in range(seen.hidden_size):

                def moved(by, place=(k, d, step, unit)):
                    return np.sum((unfolded.outputs(x, place, by) - y) ** 2)

                slopes.append(extrapolated(moved, (1e-3, 5e-4))[0])
            assert_close(seen.grad_h_mean[step], np.linalg.norm(slopes), f"{index} {step}", 1e-7)
        assert_same_bits(seen.grad_h_max, seen.grad_h_mean)


# ---- Every cell


@pytest.mark.parametrize("name", CELLS)
def test_gates_have_the_names_of_the_cell(name):
    model = model_of(CELLS[name], num_layers=2)
    flow = observed(model, *batch_for(model, 1, STEPS, 3))
    for k, seen in enumerate(flow.layers):
        assert seen.gates == tuple(GATES[name]) and (seen.layer, seen.level) == (0, k)
        assert seen.gate_low.shape == seen.gate_high.shape == (len(GATES[name]), STEPS)
        assert (seen.grad_c_mean is None) == (
            "c_0" not in str(model_of(CELLS[name], learn_state=True).state_dict().keys())
        )


@pytest.mark.parametrize("kind", [RNN, GRU, LSTM])
def test_a_cell_asked_for_its_functions_is_seen_as_the_plain_one(kind):
    """To rounding, through other kernels."""
    functions = {RNN: ["tanh"], GRU: ["sigmoid", "tanh"], LSTM: ["sigmoid", "tanh", "tanh"]}
    plain = model_of((kind, {}), 3, 4)
    asked = librnn.Model(kind(3, 4, activations=functions[kind]), dtype="float64")
    asked.load_state_dict(plain.state_dict())
    x, y = batch_for(plain, 1, STEPS, 3)
    one, other = (observed(model, x, y).layers[0] for model in (plain, asked))
    assert one.gates == other.gates
    series = ["grad_h_mean", "grad_h_max", "gain", "h_mean", "h_std", "h_max"]
    series += ["grad_c_mean", "grad_c_max"] if kind is LSTM else []
    for what in [*series, "gate_low", "gate_high"]:
        expected, got = getattr(one, what), getattr(other, what)
        if what == "gain":
            expected, got = expected[:-1], got[:-1]
        assert_close(np.nan_to_num(got), np.nan_to_num(expected), what, 1e-11)


@pytest.mark.parametrize("kind", [MinGRU, MinLSTM])
def test_the_gain_of_cells_without_a_matrix(kind):
    """What a step hands back is what it keeps: the share of h in its mean with n."""
    model = model_of((kind, {}), 2, 1)
    x, y = batch_for(model, 1, STEPS, 1)
    (seen,) = observed(model, x, y).layers
    weight, bias = (model.state_dict()[f"0.{name}_ih_l0"] for name in ("weight", "bias"))
    gates = 1 / (1 + np.exp(-(x[:, 0] @ weight.T + bias)))
    share = 1 - gates[:, 0] if kind is MinGRU else gates[:, 0] / (gates[:, 0] + gates[:, 1])
    assert_close(seen.gain[:-1], share[1:], bound=1e-12)
    assert np.isnan(seen.gain[-1])


# ---- Looking, and threads


@given(cell_models(dtypes=("float32", "float64")), st.sampled_from([1, 2, 3]), st.integers(0, 9))
def test_looking_changes_no_bit(model, threads, seed):
    librnn.set_num_threads(threads)
    x, y = batch_for(model, seed, 9, 12)
    start, runs = model.state_dict(), []
    for observe in (False, True):
        model.load_state_dict(start)
        trainer = librnn.Trainer(model, SUM, clip_norm=0.1, seed=seed)
        results = [trainer.step(x, y, observe=observe) for _ in range(2)]
        runs.append(([(r.loss, r.grad_norm) for r in results], model.state_dict()))
    assert np.array_equal(runs[0][0], runs[1][0], equal_nan=True)
    assert_same_dicts(runs[1][1], runs[0][1])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", VARIANTS)
def test_threads_give_the_same_bits(name, dtype):
    """Enough rows and units that loops are shared."""
    own = layer(VARIANTS[name], 30, 61)
    start = perturbed(librnn.Model(own, dtype=dtype), 3).state_dict()
    x, y = normal(1, 6, 40, 30, dtype=dtype), normal(2, 6, 40, width(own), dtype=dtype)
    lengths, runs = np.arange(40) % 7, []
    for threads in (1, 2, 3):
        librnn.set_num_threads(threads)
        model = librnn.Model(own, dtype=dtype)
        model.load_state_dict(start)
        trainer = librnn.Trainer(model, librnn.MSELoss(), librnn.SGD(lr=0.1), seed=5)
        for _ in range(2):
            trainer.step(x, y, lengths)
        runs.append(model.state_dict() | {"y": model(x, lengths)[0]} | trainer.gradients())
    assert_same_dicts(runs[1], runs[0])
    assert_same_dicts(runs[2], runs[0])
