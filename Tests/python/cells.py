"""Recurrent layers with everything they can be asked for, and what their tests share."""

from functools import partial

import librnn
import numpy as np
from hypothesis import strategies as st
from librnn import GRU, LSTM, RNN, Cell, MinGRU, MinLSTM
from librnn._c_api import check, lib

from support import normal, perturbed, still, uniform

FUNCTIONS = ["tanh", "relu", "identity", "sigmoid", "hard_sigmoid", "softsign"]
FUNCTIONS += [("hard_sigmoid", 0.3, 0.4)]

# Every cell, by each of its names.
CELLS = {
    "RNN": (RNN, {}),
    "GRU": (GRU, {}),
    "GRU, reset before": (GRU, {"reset_after": False}),
    "LSTM": (LSTM, {}),
    "LSTM, coupled": (LSTM, {"coupled": True}),
    "MinGRU": (MinGRU, {}),
    "MinLSTM": (MinLSTM, {}),
}
NAMES = ["elman", "gru", "lstm", "gru_reset_before", "lstm_coupled", "min_gru", "min_lstm"]

# What any of them may be asked for, and what some may.
SHARED = {
    "both ways": {"bidirectional": True},
    "both ways, summed": {"bidirectional": True, "merge": "sum"},
    "residual": {"num_layers": 2, "residual": True},
    "learned state": {"learn_state": True},
    "zoneout": {"zoneout": 0.3},
    "input dropout": {"input_dropout": 0.3},
    "dropout": {"num_layers": 2, "dropout": 0.3, "residual": True},
}
OF_HIDDEN = {
    "recurrent dropout": {"recurrent_dropout": 0.3},
    "weight drop": {"weight_drop": 0.3},
}
NORM = {"layer norm": {"layer_norm": True}}
OF_LSTM = {
    "peepholes": {"peepholes": True},
    "projection": {"proj_size": 2},
    "zoneout of c": {"zoneout_cell": 0.3},
    "projection and peepholes": {"proj_size": 2, "peepholes": True, "layer_norm": True},
}


def options_of(kind, options):
    """What a cell may be asked for alone, by name."""
    has_hidden = kind not in (MinGRU, MinLSTM)
    return (
        SHARED
        | (OF_HIDDEN if has_hidden else {})
        | ({} if options.get("reset_after") is False else NORM)
        | (OF_LSTM if kind is LSTM else {})
    )


def function_count(kind):
    return kind._function_count


def functions_of(kind):
    """Sets of functions in each of which one place has another than the cell's own."""
    own = {RNN: ["tanh"], LSTM: ["sigmoid", "tanh", "tanh"], GRU: ["sigmoid", "tanh"]}
    own |= {MinGRU: ["sigmoid", "identity"], MinLSTM: ["sigmoid", "identity"]}
    for place in range(1 if kind is MinLSTM else 0, function_count(kind)):
        for function in FUNCTIONS:
            yield [*own[kind][:place], function, *own[kind][place + 1 :]]


# One line for each way to make a recurrent layer: what it is made of but for its sizes.
VARIANTS = {
    **CELLS,
    **{
        f"{name}, {option}": (kind, own | more)
        for name, (kind, own) in CELLS.items()
        for option, more in options_of(kind, own).items()
    },
}
NAMED = {f"cell {name}": (Cell, {"name": name}) for name in NAMES}
ACTIVATED = {
    f"{name}, {functions}": (kind, own | {"activations": functions})
    for name, (kind, own) in CELLS.items()
    for functions in functions_of(kind)
}
ALL = VARIANTS | NAMED | ACTIVATED

# Neither both ways, which no stream goes, nor the functions, which are many.
FORWARD = {
    name: (kind, own) for name, (kind, own) in (VARIANTS | NAMED).items() if "both ways" not in name
}


def layer(variant, inputs, size, **more):
    kind, options = variant
    options = dict(options) | more
    first = (options.pop("name"),) if kind is Cell else ()
    return kind(*first, inputs, size, **options)


def width(layer):
    """Of what a recurrent layer gives."""
    own = getattr(layer, "proj_size", 0) or layer.hidden_size
    return 2 * own if layer.bidirectional and layer.merge == "concat" else own


def model_of(variant, inputs=2, size=3, dtype="float64", seed=0, head=None, **more):
    """A model of one such layer, perhaps with a head."""
    only = layer(variant, inputs, size, **more)
    stack = [only] if head is None else [only, librnn.Linear(width(only), head)]
    return perturbed(librnn.Model(*stack, dtype=dtype, seed=seed), 7 + seed)


def set_tensor(model, name, values):
    check(lib.rnn_model_set(model._handle, name.encode(), values.ctypes.data, values.nbytes))


# ---- Random ones


@st.composite
def recurrent_layers(draw, inputs, both_ways=True, masks=True, functions=FUNCTIONS):
    """A layer with some of all that there is."""
    kind, own = draw(st.sampled_from(list(CELLS.values())))
    # Of two numbers, normalised, little is left but their signs: a kink.
    size = draw(st.integers(3, 6))
    options = dict(own) | {"num_layers": draw(st.integers(1, 3))}
    flags = ["learn_state"] + (["layer_norm"] if own.get("reset_after") is not False else [])
    rates = ["zoneout", "input_dropout", "dropout"]
    if kind not in (MinGRU, MinLSTM):
        rates += ["recurrent_dropout", "weight_drop"]
    if kind is LSTM:
        flags.append("peepholes")
        rates.append("zoneout_cell")
        options["proj_size"] = draw(st.integers(0, size - 1))
    if both_ways and draw(st.booleans()):
        options |= {"bidirectional": True, "merge": draw(st.sampled_from(["concat", "sum"]))}
    options |= {flag: True for flag in flags if draw(st.booleans())}
    if masks:
        options |= {rate: 0.4 for rate in rates if draw(st.booleans())}
    if draw(st.booleans()):
        count = function_count(kind)
        chosen = [draw(st.sampled_from(functions)) for _ in range(count)]
        if kind is not RNN:  # gates without a bound let states grow without one
            chosen[0] = draw(
                st.sampled_from([f for f in functions if f not in ("relu", "identity")])
            )
        options["activations"] = ["sigmoid", *chosen[1:]] if kind is MinLSTM else chosen
    plain = kind(inputs, size, **options)
    options["residual"] = draw(st.booleans()) and (
        options["num_layers"] > 1 or width(plain) == inputs
    )
    return kind(inputs, size, **options)


@st.composite
def cell_models(draw, dtypes=("float64",), head=True, **options):
    """One or two such layers, and perhaps a head."""
    stack, wide = [], draw(st.integers(1, 4))
    for _ in range(draw(st.integers(1, 2))):
        stack.append(draw(recurrent_layers(wide, **options)))
        wide = width(stack[-1])
    if head and draw(st.booleans()):
        stack.append(librnn.Linear(wide, draw(st.integers(1, 3))))
    dtype = draw(st.sampled_from(dtypes))
    return perturbed(librnn.Model(*stack, dtype=dtype, seed=draw(st.integers(0, 99))), 3)


def widths(model):
    """Of what a model takes and gives."""
    first, last = model.layers[0], model.layers[-1]
    inputs = first.in_features if isinstance(first, librnn.Linear) else first.input_size
    outputs = last.out_features if isinstance(last, librnn.Linear) else width(last)
    return inputs, outputs


def batch_for(model, seed, steps, rows):
    """Features and target values."""
    inputs, outputs = widths(model)
    x = normal(seed, steps, rows, inputs, dtype=model.dtype)
    return x, uniform(seed + 1, steps, rows, outputs, dtype=model.dtype)


# ---- Differences


def losses(model, problem, **options):
    """The loss, penalties too, of a step that changes nothing, with a trainer's first masks."""
    result = still(model, librnn.MSELoss("sum"), **options).step(*problem)
    return result.loss + result.penalty


def extrapolated(f, steps=(2e-4, 1e-4, 5e-5)):
    """f'(0) by Richardson's extrapolation of central differences; and how far it may be off."""
    rows = [(f(h) - f(-h)) / (2 * h) for h in steps]
    best = [rows[-1]]
    for order in range(1, len(steps)):
        factor = 4**order
        rows = [
            (factor * low - high) / (factor - 1) for high, low in zip(rows, rows[1:], strict=False)
        ]
        best.append(rows[-1])
    return best[-1], abs(best[-1] - best[-2])


def chosen(count, most, seed):
    """Places to look at: all, or so many of them."""
    if count <= most:
        return range(count)
    return np.random.default_rng(seed).choice(count, most, replace=False)


def worst_error(model, f, gradients, most=24, seed=0):
    """|g - f'| / max(1, |g|) of some numbers of every tensor; None if there is a kink nearby."""
    worst = 0.0
    for index, (name, values) in enumerate(model.state_dict().items()):
        for place in chosen(values.size, most, seed + index):
            saved = values.flat[place]

            def moved(by, name=name, values=values, place=place, saved=saved):
                values.flat[place] = saved + by
                set_tensor(model, name, values)
                return f()

            gradient = gradients[name].flat[place]
            scale = max(1.0, abs(gradient))
            slope, doubt = extrapolated(moved)
            if doubt > 1e-8 * scale:
                slope, doubt = extrapolated(moved, (4e-5, 2e-5, 1e-5))
            moved(0)
            # Whether the function is smooth here is seen by it alone, and not by its gradient.
            if doubt > 3e-8 * scale:
                return None
            worst = max(worst, abs(slope - gradient) / scale)
    return worst


def assert_gradients(make, seeds=range(8), most=24, **options):
    """Of a model and a batch made of a seed: the first of them that is away from all kinks."""
    for seed in seeds:
        model, problem = make(seed)
        trainer = still(model, librnn.MSELoss("sum"), seed=seed, **options)
        trainer.step(*problem)
        again = partial(losses, model, problem, seed=seed, **options)
        error = worst_error(model, again, trainer.gradients(), most, seed)
        if error is not None:
            assert error <= 1e-7, error
            return
    raise AssertionError("expected a function that is smooth somewhere, got none")
