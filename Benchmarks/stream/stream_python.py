"""What a step costs in Python beyond what C takes, which `stream` has measured just before.

`stream_python.py FOLDER` reads FOLDER/stream.csv and writes FOLDER/stream_python.csv.
"""

from __future__ import annotations

import csv
import sys
import time
import timeit
from collections.abc import Callable, Iterator
from pathlib import Path

import librnn
import numpy as np

CELLS = {"LSTM": librnn.LSTM, "GRU": librnn.GRU}
ROUNDS, SECONDS = 15, 0.02
WAYS = ("new array", "out=", "step by process")


def subjects(folder: Path) -> Iterator[dict[str, str]]:
    """Yield the rows of one lane and one input, whose steps are the shortest."""
    with open(folder / "stream.csv", newline="") as file:
        for row in csv.DictReader(file):
            if row["lanes"] == "1" and row["inputs"] == "1":
                yield row


def ways(row: dict[str, str]) -> list[Callable[[], object]]:
    """Return the ways to take a step."""
    size, head = int(row["hidden"]), int(row["head"])
    layers = [CELLS[row["cell"]](1, size), *([librnn.Linear(size, head)] if head else [])]
    model = librnn.Model(*layers, seed=1)
    if row["weights"] != "float32":
        model = librnn.quantize(model, weights=row["weights"]).model
    stream = model.stream()
    stream.prepare()
    x = np.full((1, 1), 0.5, np.float32)
    out, block = np.empty((1, head or size), np.float32), x[None]
    return [lambda: stream.step(x), lambda: stream.step(x, out), lambda: stream.process(block)]


def nanoseconds(act: Callable[[], object]) -> float:
    """Return how long a call takes, over many in a row, without the time that others had."""
    timer = timeit.Timer(act, timer=time.process_time)
    count = max(1, int(SECONDS / timer.timeit(100) * 100))
    return 1e9 * timer.timeit(count) / count


def main(folder: Path) -> None:
    """Measure everything once a round and print medians."""
    rows = list(subjects(folder))
    acts = [ways(row) for row in rows]
    rounds = [[[nanoseconds(act) for act in each] for each in acts] for _ in range(ROUNDS)]
    empty = float(np.median([nanoseconds(lambda: None) for _ in range(ROUNDS)]))
    times = np.median(rounds, axis=0) - empty
    print(
        f"\nPython, ns per call beyond C's; a call of an empty lambda, {empty:.0f} ns, left out.\n"
    )
    print("| cell | weights | H | head | C | " + " | ".join(WAYS) + " |")
    print("|---|---|---|---|---|---|---|---|")
    with open(folder / "stream_python.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["cell", "weights", "hidden", "head", "way", "python_ns", "c_ns"])
        for row, each in zip(rows, times, strict=True):
            c = float(row["step_ns"])
            beyond = " | ".join(f"{time - c:.0f}" for time in each)
            subject = " | ".join(row[name] for name in ("cell", "weights", "hidden", "head"))
            print(f"| {subject} | {c:.0f} | {beyond} |")
            for way, time in zip(WAYS, each, strict=True):
                names = (row["cell"], row["weights"], row["hidden"], row["head"])
                writer.writerow([*names, way, f"{time:.1f}", c])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
