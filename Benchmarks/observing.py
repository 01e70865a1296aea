"""What it costs to look at the gradient on its way back: observed steps beside plain ones.

    build/bench/venv/bin/python Benchmarks/observing.py [--threads 2] [--seconds 8] [NAME ...]

Both kinds of step alternate, so that a busy spell meets both. Read as a user would: from Python,
with everything that an observed step tells.
"""

from __future__ import annotations

import argparse
import statistics
import time

import librnn

from sides.librnn import build
from workloads import CLIP_NORM, LEARNING_RATE, TRAINING, Workload


def main() -> None:
    """Print a line for each workload."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="workloads; all if none is given")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=8.0, help="for each workload")
    options = parser.parse_args()
    librnn.set_num_threads(options.threads)
    print("| workload | plain ms | observed ms | more |\n|---|---|---|---|")
    for name in options.names or TRAINING:
        plain, observed = measure(TRAINING[name], options.seconds)
        more = observed / plain - 1
        print(f"| {name} | {1e3 * plain:.3f} | {1e3 * observed:.3f} | {more:.1%} |", flush=True)


def measure(workload: Workload, seconds: float) -> tuple[float, float]:
    """Return the median times of a plain and of an observed step."""
    trainer = make_trainer(workload)
    batches = workload.batches(4)
    times: dict[bool, list[float]] = {False: [], True: []}
    for step in range(8):
        trainer.step(*batches[step % 4], observe=bool(step % 2))
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for observe in (False, True):
            x, y = batches[len(times[True]) % 4]
            begin = time.perf_counter()
            trainer.step(x, y, observe=observe)
            times[observe].append(time.perf_counter() - begin)
    return statistics.median(times[False]), statistics.median(times[True])


def make_trainer(workload: Workload) -> librnn.Trainer:
    """Return a trainer of the workload, as the other benchmarks have it."""
    loss = librnn.CrossEntropyLoss() if workload.classifies else librnn.MSELoss()
    optimizer = librnn.Adam(lr=LEARNING_RATE)
    return librnn.Trainer(build(workload), loss, optimizer, clip_norm=CLIP_NORM)


if __name__ == "__main__":
    main()
