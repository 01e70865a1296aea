"""Recurrent layers beside their plain forms: nanoseconds of a floating-point operation.

    python variants.py HIDDEN DTYPE ROUNDS

prints a line of JSON for each variant. A variant and its plain form take turns; the figure is the
median of the ratios of neighbouring turns.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from time import perf_counter
from typing import Any

import librnn
import numpy as np

from results import VariantRatio

# Sequences as language models are trained on.
BATCH, STEPS = 32, 35

PLAIN: dict[str, Callable[[int], librnn.Layer]] = {
    "LSTM": lambda h: librnn.LSTM(h, h),
    "GRU": lambda h: librnn.GRU(h, h),
    "RNN": lambda h: librnn.RNN(h, h),
}
HARD = ("hard_sigmoid", "softsign", "tanh")
# Each with its plain form and what is asked for.
VARIANTS: dict[str, tuple[str, Callable[[int], librnn.Layer]]] = {
    "peepholes": ("LSTM", lambda h: librnn.LSTM(h, h, peepholes=True)),
    "projection": ("LSTM", lambda h: librnn.LSTM(h, h, proj_size=h // 2)),
    "coupled": ("LSTM", lambda h: librnn.LSTM(h, h, coupled=True)),
    "other functions": ("LSTM", lambda h: librnn.LSTM(h, h, activations=HARD)),
    "layer norm": ("LSTM", lambda h: librnn.LSTM(h, h, layer_norm=True)),
    "zoneout": ("LSTM", lambda h: librnn.LSTM(h, h, zoneout=0.1, zoneout_cell=0.1)),
    "recurrent dropout": ("LSTM", lambda h: librnn.LSTM(h, h, recurrent_dropout=0.2)),
    "input dropout": ("LSTM", lambda h: librnn.LSTM(h, h, input_dropout=0.2)),
    "weight drop": ("LSTM", lambda h: librnn.LSTM(h, h, weight_drop=0.2)),
    "residual": ("LSTM", lambda h: librnn.LSTM(h, h, residual=True)),
    "learned state": ("LSTM", lambda h: librnn.LSTM(h, h, learn_state=True)),
    "both directions": ("LSTM", lambda h: librnn.LSTM(h, h, bidirectional=True)),
    "both, summed": ("LSTM", lambda h: librnn.LSTM(h, h, bidirectional=True, merge="sum")),
    "reset before": ("GRU", lambda h: librnn.GRU(h, h, reset_after=False)),
    "GRU, layer norm": ("GRU", lambda h: librnn.GRU(h, h, layer_norm=True)),
    "GRU, zoneout": ("GRU", lambda h: librnn.GRU(h, h, zoneout=0.1)),
    "GRU, both directions": ("GRU", lambda h: librnn.GRU(h, h, bidirectional=True)),
    "minGRU": ("GRU", lambda h: librnn.MinGRU(h, h)),
    "minLSTM": ("LSTM", lambda h: librnn.MinLSTM(h, h)),
    "RNN, softsign": ("RNN", lambda h: librnn.RNN(h, h, nonlinearity="softsign")),
    "RNN, layer norm": ("RNN", lambda h: librnn.RNN(h, h, layer_norm=True)),
}


def operations(layer: librnn.Layer) -> float:
    """Multiplications of a step of one row."""
    weights = librnn.Model(layer).state_dict()
    return float(sum(value.size for value in weights.values() if value.ndim == 2))


def training(layer: librnn.Layer, dtype: str, steps: int) -> Callable[[], Any]:
    """Return a training step."""
    draw = np.random.default_rng(0).standard_normal
    model = librnn.Model(layer, dtype=dtype)
    x = draw((steps, BATCH, layer.input_size)).astype(dtype)
    y = draw(model(x)[0].shape).astype(dtype)
    trainer = librnn.Trainer(model, librnn.MSELoss(), librnn.SGD(lr=1e-3))
    return partial(trainer.step, x, y)


def streaming(layer: librnn.Layer, dtype: str, steps: int) -> Callable[[], Any] | None:
    """Return a block of steps of one row; None for a layer that does not stream."""
    if layer.bidirectional:
        return None
    stream = librnn.Stream(librnn.Model(layer, dtype=dtype))
    draw = np.random.default_rng(0).standard_normal
    x = draw((steps, 1, layer.input_size)).astype(dtype)
    return partial(stream.process, x)


def seconds(call: Callable[[], Any]) -> float:
    """Return the time of a call."""
    begin = perf_counter()
    call()
    return perf_counter() - begin


def compare(
    make: Callable[..., Callable[[], Any] | None],
    layers: list[librnn.Layer],
    dtype: str,
    steps: int,
    rounds: int,
) -> float:
    """Return the median ratio of the variant's time for an operation to the plain form's."""
    own, plain = (make(layer, dtype, steps) for layer in layers)
    if own is None or plain is None:
        return float("nan")
    own(), plain()
    scale = operations(layers[1]) / operations(layers[0])
    return float(np.median([seconds(own) / seconds(plain) for _ in range(rounds)])) * scale


def measure(name: str, hidden: int, dtype: str, rounds: int) -> VariantRatio:
    """Return the figures of a variant."""
    plain, make = VARIANTS[name]
    layers = [make(hidden), PLAIN[plain](hidden)]
    return VariantRatio(
        name,
        plain,
        hidden,
        dtype,
        compare(training, layers, dtype, STEPS, rounds),
        compare(streaming, layers, dtype, STEPS, 4 * rounds),
    )


def main() -> None:
    """Measure all variants."""
    hidden, dtype, rounds = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    librnn.set_num_threads(1)
    for name in VARIANTS:
        print(json.dumps(asdict(measure(name, hidden, dtype, rounds))), flush=True)


if __name__ == "__main__":
    main()
