"""How much memory training takes: each library and workload in a process of its own."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from tqdm import tqdm

from crew import Crew, Worker
from libraries import OURS
from options import Options
from results import Memory
from run import Run
from turns import first_steps
from workloads import TRAINING, Workload

WORKLOADS = ("smnist", "big")

Models: TypeAlias = dict[Workload, Path]


def memory(run: Run) -> None:
    """Measure the peak of each library at each workload."""
    for name in run.options.chosen(list(WORKLOADS)):
        workload = TRAINING[name]
        tiny = replace(workload, name=f"{name}, tiny", steps=2, rows=2, hidden=8)
        with tempfile.TemporaryDirectory() as folder:
            models = {each: Path(folder) / f"{each.name}.npz" for each in (tiny, workload)}
            save_weights(models, run.options)
            for library in tqdm(run.options.trainers(), f"memory, {name}", leave=False):
                run.results.memory += measure(library, models, run.options)


def save_weights(models: Models, options: Options) -> None:
    """Write the initial weights, by a process that is not measured."""
    with Crew.hire([OURS], [1], options.log) as crew:
        for workload, path in models.items():
            crew.ours.call("save_weights", workload, path)


def measure(library: str, models: Models, options: Options) -> list[Memory]:
    """Return the figures of a process that trains a tiny model, then the workload."""
    with Crew.hire([library], [max(options.threads)], options.log) as crew:
        for worker in crew.workers:
            tiny, whole = (after(worker, each, path) for each, path in models.items())
            if tiny and whole:
                name = list(models)[-1].name
                return [Memory(name, library, worker.title, *tiny[:2], whole[2])]
    return []


def after(worker: Worker, workload: Workload, weights: Path) -> tuple[int, int, int] | None:
    """Return a process's figures after some steps; None if it cannot do them."""
    if first_steps(worker, "Training", workload, weights) is None:
        return None
    figures: tuple[int, int, int] | None = worker.attempt(workload.name, "memory")
    return figures
