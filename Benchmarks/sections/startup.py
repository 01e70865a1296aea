"""How long an import takes, in new processes in turns, and how large a library is on disk."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import numpy as np
from tqdm import tqdm

from libraries import LIBRARIES, OURS, environment
from results import Startup
from run import Run

PREPARED = "import ctypes, numpy; from time import perf_counter"
# The shared library alone, without its package.
SHARED = "librnn.so"
OWN = (SHARED, OURS)
RUNS, RIVALS_RUNS = 15, 4


def startup(run: Run) -> None:
    """Measure the processes of all libraries that can be imported."""
    path = shared_library()
    chosen = [LIBRARIES[name] for name in run.options.libraries]
    statements = {SHARED: f"ctypes.CDLL({str(path)!r})"}
    statements |= {each.name: each.statement for each in chosen if each.on_its_own}
    times = measure(statements, *((5, 1) if run.options.quick else (RUNS, RIVALS_RUNS)))
    for name, seconds in times.items():
        title = LIBRARIES[name].title if name in LIBRARIES else f"{SHARED} alone, by ctypes"
        beyond = float(np.median(seconds))
        run.results.startup.append(Startup(name, title, beyond, size(name, path), len(seconds)))


def measure(statements: dict[str, str], runs: int, rivals_runs: int) -> dict[str, list[float]]:
    """Return the seconds of new processes in turns; what cannot be imported is left out."""
    # The first time Python may compile, and files come from the disk: not counted.
    able = [name for name, statement in statements.items() if seconds(statement) is not None]
    times: dict[str, list[float]] = {name: [] for name in able}
    for run in tqdm(range(runs), "startup", leave=False):
        for name in able:
            taken = seconds(statements[name]) if name in OWN or run < rivals_runs else None
            times[name] += [taken] if taken is not None else []
    return times


def seconds(statement: str) -> float | None:
    """Return how long a statement takes in a new process that has numpy; None if it fails."""
    program = f"{PREPARED}; begin = perf_counter(); {statement}; print(perf_counter() - begin)"
    # As users have it: Python may keep what it has compiled.
    variables = {**os.environ, **environment(1), "PYTHONDONTWRITEBYTECODE": ""}
    done = subprocess.run([sys.executable, "-c", program], env=variables, capture_output=True)
    return float(done.stdout.split()[-1]) if done.returncode == 0 else None


def shared_library() -> Path:
    """Return the librnn.so that Python loads."""
    return said("from librnn import _c_api; print(_c_api.lib._name)")


def said(program: str) -> Path:
    """Return the path that a program prints in a process of its own."""
    answer = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    return Path(answer.stdout.decode().strip()).resolve()


def size(name: str, shared: Path) -> int:
    """Return the bytes on disk of a library's own packages."""
    if name == SHARED:
        return shared.stat().st_size
    if name == OURS:
        return shared.stat().st_size + size_of_package()
    return sum(size_of_distribution(each) for each in LIBRARIES[name].distributions)


def size_of_package() -> int:
    """Return the bytes of librnn's Python files, without what Python compiles from them."""
    folder = said("import librnn; print(librnn.__file__)").parent
    return sum(file.stat().st_size for file in folder.rglob("*.py"))


def size_of_distribution(name: str) -> int:
    """Return the bytes of what was installed for a distribution."""
    files = metadata.files(name) or []
    return sum(file.size or 0 for file in files)
