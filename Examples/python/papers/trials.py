"""What the scripts of this folder share: trials with several seeds, and their results as a file.

A trial is a function of a seed that returns figures by name. Every trial of a script is run for
every seed; the mean and the spread (the standard deviation of the sample) are printed at the end,
and everything is written to build/papers/NAME.json, where docs/experiments.md takes it from.
A run that was interrupted goes on where it stopped: finished trials are read from that file.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import librnn

ROOT = Path(__file__).resolve().parents[3]
RESULTS = ROOT / "build" / "papers"

Figures = Mapping[str, float]
Trial = Callable[[int], Figures]


def parser(description: str | None) -> argparse.ArgumentParser:
    """Return a command line with the options that every script has."""
    result = argparse.ArgumentParser(
        description=(description or "").partition("\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    result.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="one trial each")
    result.add_argument("--threads", type=int, default=2, help="threads of librnn")
    return result


def run(name: str, trials: Mapping[str, Trial], options: argparse.Namespace) -> None:
    """Run the trials that have no result yet, and print the mean and the spread of all."""
    librnn.set_num_threads(options.threads)
    path = RESULTS / f"{name}.json"
    results: dict[str, dict[str, Figures]] = json.loads(path.read_text()) if path.exists() else {}
    for title, trial in trials.items():
        done = results.setdefault(title, {})
        for seed in options.seeds:
            if str(seed) in done:
                continue
            begin = time.monotonic()
            done[str(seed)] = dict(trial(seed)) | {"seconds": time.monotonic() - begin}
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(results, indent=1) + "\n")
            print(f"{name}: {title}, seed {seed}: {line(done[str(seed)])}", flush=True)
        figures = [done[str(seed)] for seed in options.seeds]
        print(f"{name}: {title}: {summary(figures)}", flush=True)


def line(figures: Figures) -> str:
    """Return the figures of one trial, side by side."""
    return ", ".join(f"{key} {value:.6g}" for key, value in figures.items())


def summary(trials: list[Figures]) -> str:
    """Return the mean and the spread of each figure."""
    return ", ".join(
        f"{key} {statistics.mean(values):.6g} ± {spread(values):.2g}"
        for key in trials[0]
        for values in [[trial[key] for trial in trials]]
    )


def spread(values: list[float]) -> float:
    """Return the standard deviation of the sample; 0 of a single value."""
    return statistics.stdev(values) if len(values) > 1 else 0.0
