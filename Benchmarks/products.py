"""Who should multiply: librnn's kernels or OpenBLAS, in turns, at every workload of the benchmark.

Training takes the products of whole blocks of steps (dW, dx, the head), and in both cases librnn's
own kernels for the recurrence. The table stands in docs/performance.md.

    build/bench/venv/bin/python Benchmarks/products.py --threads 1 2
"""

from __future__ import annotations

import argparse

from crew import Crew
from job import Task
from libraries import OURS, Library
from machine import ROOT
from table import milliseconds, table
from turns import Effort, compare
from workloads import INFERENCE, TRAINING, Workload

BY_BLAS = Library("librnn_blas", "OpenBLAS", "import librnn", ())


def main() -> None:
    """Measure and print a table for each number of threads."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    for threads in options.threads:
        rows = [*measured("Training", TRAINING, threads, options.rounds)]
        rows += measured("Inference", INFERENCE, threads, options.rounds)
        print(f"\n{threads} thread{'s' * (threads > 1)}, ms\n")
        print(table(("", "kernels", "OpenBLAS", "OpenBLAS / kernels"), rows))


def measured(
    task: Task, workloads: dict[str, Workload], threads: int, rounds: int
) -> list[tuple[str, str, str, str]]:
    """Return a row for each workload."""
    log = ROOT / "build" / "bench" / "libraries.log"
    with Crew.hire([OURS], [threads], log) as crew:
        crew.add(BY_BLAS, threads)
        rows = []
        for workload in workloads.values():
            pair = compare(crew, task, workload, Effort(rounds))
            kernels, blas = (timing.median for timing in pair)
            what = f"{workload.name}, {task.lower()}"
            rows.append((what, milliseconds(kernels), milliseconds(blas), f"{blas / kernels:.2f}"))
    return rows


if __name__ == "__main__":
    main()
