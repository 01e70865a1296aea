"""Forecasts a series of measurements, one step ahead, as they come in.

    python Examples/python/forecast.py monthly-sunspots.csv --season 132

Learns the changes of the first 70 % of the series; of these, the last fifth says when to stop. Then
a stream follows the series step by step and forecasts each next value before it comes. The errors
on the last 30 % are compared with those of two forecasts that cost nothing: the last value, and
the value a season ago.
"""

from __future__ import annotations

import argparse
import csv
import time
from pathlib import Path

import librnn
import numpy as np
from numpy.typing import NDArray

Series = NDArray[np.float64]

HIDDEN, ROWS, STEPS = 16, 32, 128
EVERY = 25
"""Updates between two looks at what is held out."""


def main() -> None:
    """Read, train, forecast, compare."""
    options = parse_options()
    begin = time.monotonic()
    values = read_series(options.series)
    known = int(options.part * len(values))
    check_length(values, known, options)
    changes, scale = scaled_changes(values, known)
    print(f"{options.series.name}: {len(values)} values, {known} to learn from")
    model = train(changes[:known], options)
    forecasts = values + scale * follow(model, changes)
    print_comparison(values, forecasts, known, options.season)
    print(f"{time.monotonic() - begin:.1f} s in all")


def parse_options() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").partition("\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("series", type=Path, help="a CSV file with a header, values in its last column")
    add("--season", type=int, default=12, help="steps after which the series resembles itself")
    add("--part", type=float, default=0.7, help="of the series to learn from")
    add("--updates", type=int, default=400, help="steps of the optimiser")
    add("--seed", type=int, default=0, help="of the first weights and of the batches")
    options = parser.parse_args()
    if not options.series.is_file():
        parser.error(f"expected a file, got {options.series}")
    return options


def read_series(path: Path) -> Series:
    """Return the numbers of the last column; what is missing is interpolated."""
    with path.open(newline="") as file:
        words = [row[-1] for row in list(csv.reader(file))[1:] if row]
    values = np.array([float(word) if word else np.nan for word in words])
    gaps = np.isnan(values)
    values[gaps] = np.interp(np.flatnonzero(gaps), np.flatnonzero(~gaps), values[~gaps])
    return values


def check_length(values: Series, known: int, options: argparse.Namespace) -> None:
    """End the program where there is too little to learn from or to compare with."""
    if known <= 2 * STEPS or not options.season <= known < len(values):
        least = f"more than {2 * STEPS} values and {options.season} or more to learn from"
        raise SystemExit(f"forecast: {options.series}: expected {least}, got {known}")


def scaled_changes(values: Series, known: int) -> tuple[NDArray[np.float32], float]:
    """Return the change that led to each value, and the unit it is in: that of the known part."""
    changes = np.diff(values, prepend=values[0])
    scale = float(changes[:known].std())
    return (changes / scale).astype(np.float32), scale


def train(changes: NDArray[np.float32], options: argparse.Namespace) -> librnn.Model:
    """Return a model that says the next change, as good as it was on what is held out."""
    learned = len(changes) * 4 // 5
    layers = librnn.LSTM(1, HIDDEN), librnn.Linear(HIDDEN, 1)
    model = librnn.Model(*layers, seed=options.seed)
    optimizer = librnn.AdamW(lr=5e-3, weight_decay=1e-3)
    trainer = librnn.Trainer(model, librnn.MSELoss(), optimizer, clip_norm=1.0)
    random = np.random.default_rng(options.seed)
    best, weights = np.inf, model.state_dict()
    for update in range(1, options.updates + 1):
        begins = random.integers(0, learned - STEPS, ROWS)
        loss = trainer.step(*windows(changes, begins)).loss
        if update % EVERY == 0:
            held_out = evaluate(model, changes, learned)
            if held_out < best:
                best, weights = held_out, model.state_dict()
            mark = " *" if held_out == best else ""
            print(f"update {update:4}  squared error {loss:.3f}, held out {held_out:.3f}{mark}")
    model.load_state_dict(weights)
    return model


def windows(
    changes: NDArray[np.float32], begins: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return x and y [T, B, 1]: stretches of the series, and the same one step later."""
    places = begins + np.arange(STEPS)[:, None]
    return changes[places][:, :, None], changes[places + 1][:, :, None]


def evaluate(model: librnn.Model, changes: NDArray[np.float32], learned: int) -> float:
    """Return the mean squared error after the first `learned` values."""
    forecasts = model(changes[:-1, None, None])[0][:, 0, 0]
    return float(np.square(forecasts - changes[1:])[learned:].mean())


def follow(model: librnn.Model, changes: NDArray[np.float32]) -> Series:
    """Return what is expected to come after each change, when no later one is known."""
    stream = model.stream()
    return np.array([stream.step(change)[0, 0] for change in changes[:, None, None]])


def print_comparison(values: Series, forecasts: Series, known: int, season: int) -> None:
    """Say the root of the mean squared error of each forecast of values[known:]."""
    rivals = {
        "LSTM": forecasts[known - 1 : -1],
        "the last value": values[known - 1 : -1],
        f"the value {season} steps ago": values[known - season : len(values) - season],
    }
    print(f"RMS error of {len(values) - known} forecasts, one step ahead, none of them learned:")
    for name, rival in rivals.items():
        print(f"  {name:28} {np.sqrt(np.mean(np.square(rival - values[known:]))):8.3f}")


if __name__ == "__main__":
    try:
        main()
    except librnn.RnnError as error:
        raise SystemExit(f"forecast: {error}") from None
