"""One training step of a character model, beside PyTorch, in one process.

The workload `charlm`: Embedding(96, 96), LSTM(96, 128), Linear(128, 96) over T = 64 steps of
B = 32 rows; cross-entropy, its gradient through all T steps, clipping to norm 1, Adam. Both sides
begin with the same weights, see the same batches and have to report the same losses and norms of
the gradient; then they are timed in turns (ours, theirs, ours, theirs ...), so that whatever else
the machine does meets both.

Two libraries in one process have two pools of threads, and a pool that has just worked spins for
a while in case there is more to do. So a turn is a run of steps of one side; before it there is a
pause, in which the other side's threads fall asleep, and its first steps, which wake its own
threads, are not counted. PyTorch runs with its fused Adam, the fastest it has.

    python Benchmarks/charlm.py --cells lstm gru rnn --rounds 50
"""

from __future__ import annotations

import argparse
import csv
import ctypes
import os
import platform
import time
from itertools import cycle, islice
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from machine import cpu

ROOT = Path(__file__).resolve().parents[1]
STEPS, ROWS, TOKENS, HIDDEN = 64, 32, 96, 128
LEARNING_RATE, CLIP_NORM = 1e-3, 1.0
GATES = {"lstm": 4, "gru": 3, "rnn": 1}
CHECKED_STEPS, AGREEMENT = 10, 1e-3
WARM_UP = 3
PAUSE = 0.05

Batch = tuple[Any, Any]


class Side(Protocol):
    """One of the two libraries, with a model to train."""

    name: str

    def prepare(self, x: NDArray[np.int64], y: NDArray[np.int64]) -> Batch:
        """Return a batch [T, B] as this library takes it."""

    def step(self, batch: Batch) -> tuple[float, float]:
        """Train on a batch; return the loss and the norm of the gradient before clipping."""


class Ours:
    """librnn."""

    def __init__(self, cell: str, threads: int) -> None:
        import librnn

        librnn.set_num_threads(threads)
        layer = {"lstm": librnn.LSTM, "gru": librnn.GRU, "rnn": librnn.RNN}[cell]
        self.name = f"librnn {librnn.__version__}"
        self.model = librnn.Model(
            librnn.Embedding(TOKENS, TOKENS), layer(TOKENS, HIDDEN), librnn.Linear(HIDDEN, TOKENS)
        )
        optimizer = librnn.Adam(lr=LEARNING_RATE)
        self._trainer = librnn.Trainer(self.model, optimizer=optimizer, clip_norm=CLIP_NORM)

    def prepare(self, x: NDArray[np.int64], y: NDArray[np.int64]) -> Batch:
        """Return the arrays as they are."""
        return x, y

    def step(self, batch: Batch) -> tuple[float, float]:
        """Train on a batch."""
        result = self._trainer.step(*batch)
        return result.loss, result.grad_norm


class Theirs:
    """PyTorch, from the weights of a librnn model."""

    def __init__(self, cell: str, threads: int, weights: dict[str, NDArray[Any]]) -> None:
        self._torch = torch = import_torch()
        torch.set_num_threads(threads)
        layer = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn": torch.nn.RNN}[cell]
        self.name = f"PyTorch {torch.__version__}"
        self._layers = torch.nn.ModuleList(
            [
                torch.nn.Embedding(TOKENS, TOKENS),
                layer(TOKENS, HIDDEN),
                torch.nn.Linear(HIDDEN, TOKENS),
            ]
        )
        self._layers.load_state_dict({k: torch.from_numpy(v) for k, v in weights.items()})
        self._parameters = list(self._layers.parameters())
        self._adam = torch.optim.Adam(self._parameters, lr=LEARNING_RATE, fused=True)

    def prepare(self, x: NDArray[np.int64], y: NDArray[np.int64]) -> Batch:
        """Return the arrays as tensors, the labels flat."""
        return self._torch.from_numpy(x), self._torch.from_numpy(y).flatten()

    def step(self, batch: Batch) -> tuple[float, float]:
        """Train on a batch."""
        x, y = batch
        embedding, recurrent, head = self._layers
        logits = head(recurrent(embedding(x))[0])
        loss = self._torch.nn.functional.cross_entropy(logits.flatten(0, 1), y)
        self._adam.zero_grad(set_to_none=True)
        loss.backward()
        norm = self._torch.nn.utils.clip_grad_norm_(self._parameters, CLIP_NORM)
        self._adam.step()
        return loss.item(), norm.item()


def main() -> None:
    """Compare the two for each cell that is asked for, print and write the results."""
    options = parse_options()
    # The benchmark is OpenBLAS's host, so its threads are our choice; it reads this when loaded.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", str(options.threads))
    import_torch()
    batches = make_batches(32)
    rows = [row for cell in options.cells for row in compare(cell, batches, options)]
    write_csv(rows, options.out)


def compare(cell: str, batches: list[Batch], options: argparse.Namespace) -> list[dict[str, Any]]:
    """Check that both sides do the same work, time them, and return a line of results for each."""
    ours = Ours(cell, options.threads)
    theirs = Theirs(cell, options.threads, ours.model.state_dict())
    print_setting(cell, options)
    check_agreement(ours, theirs, batches)
    times = measure((ours, theirs), batches, options.rounds, options.steps)
    rows = [
        result(cell, side.name, side_times, options.threads)
        for side, side_times in zip((ours, theirs), times, strict=True)
    ]
    print_table(rows, *times)
    return rows


def parse_options() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").partition("\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--cells", nargs="+", choices=list(GATES), default=["lstm"], help="recurrent layers")
    add("--threads", type=int, default=2, help="of each library, and of OpenBLAS unless set")
    add("--rounds", type=int, default=30, help="turns of each side")
    add("--steps", type=int, default=10, help="timed steps of a turn")
    add("--out", type=Path, default=ROOT / "build" / "bench" / "charlm.csv", help="the results")
    return parser.parse_args()


def import_torch() -> ModuleType:
    """Return PyTorch, or end the program with a word on where to get it."""
    try:
        import torch
    except ImportError as error:
        raise SystemExit(
            f"charlm: PyTorch cannot be imported ({error}). `Benchmarks/run.sh` installs it into "
            "an environment of its own and runs this program there."
        ) from None
    return torch


def make_batches(count: int) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Return x and y [T, B]: each token is, 3 times in 4, its forerunner's by a fixed rule."""
    random = np.random.default_rng(0)
    rule = random.permutation(TOKENS)
    batches = []
    for _ in range(count):
        tokens = random.integers(0, TOKENS, (STEPS + 1, ROWS))
        follows = random.random((STEPS, ROWS)) < 0.75
        for t in range(STEPS):
            tokens[t + 1][follows[t]] = rule[tokens[t][follows[t]]]
        batches.append((tokens[:-1].copy(), tokens[1:].copy()))
    return batches


def check_agreement(ours: Side, theirs: Side, batches: list[Batch]) -> None:
    """Train both for a few steps, and end the program if losses or norms differ."""
    for number, (x, y) in enumerate(batches[:CHECKED_STEPS], start=1):
        one = np.array(ours.step(ours.prepare(x, y)))
        other = np.array(theirs.step(theirs.prepare(x, y)))
        if not np.allclose(one, other, rtol=AGREEMENT):
            raise SystemExit(f"charlm: step {number}: loss and norm {one} here, {other} there")
    print(f"agreement  losses and norms of {CHECKED_STEPS} steps within {AGREEMENT:g}")


def measure(
    sides: tuple[Side, Side], batches: list[Batch], rounds: int, steps: int
) -> NDArray[np.float64]:
    """Return milliseconds [side, round, step], taken in turns."""
    times = np.empty((len(sides), rounds, steps))
    feeds = [cycle([side.prepare(x, y) for x, y in batches]) for side in sides]
    for turn in range(rounds):
        for index, (side, feed) in enumerate(zip(sides, feeds, strict=True)):
            time.sleep(PAUSE)
            for batch in islice(feed, WARM_UP):
                side.step(batch)
            for number, batch in enumerate(islice(feed, steps)):
                begin = time.perf_counter()
                side.step(batch)
                times[index, turn, number] = 1e3 * (time.perf_counter() - begin)
    return times


def gigaflops(cell: str) -> float:
    """Return the work of a step: three times that of the matrix products forward."""
    per_token = GATES[cell] * HIDDEN * (TOKENS + HIDDEN) + HIDDEN * TOKENS
    return 3 * 2 * STEPS * ROWS * per_token / 1e9


def result(cell: str, library: str, times: NDArray[np.float64], threads: int) -> dict[str, Any]:
    """Return one side's line of the results."""
    low, median, high = np.percentile(times, (10, 50, 90))
    return {
        "workload": "charlm",
        "cell": cell,
        **{"T": STEPS, "B": ROWS, "I": TOKENS, "H": HIDDEN, "O": TOKENS},
        "threads": threads,
        "library": library,
        **{"ms": round(median, 3), "ms_10": round(low, 3), "ms_90": round(high, 3)},
        "steps": times.size,
        "gflops": round(gigaflops(cell) / median * 1e3, 1),
        "cpu": cpu(),
    }


def print_setting(cell: str, options: argparse.Namespace) -> None:
    """Say what is measured, on what."""
    print(f"\nworkload   charlm: {cell}, T={STEPS} B={ROWS} I={TOKENS} H={HIDDEN} O={TOKENS}")
    print(f"machine    {cpu()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}")
    print(f"software   Python {platform.python_version()}, numpy {np.__version__}")
    print(f"threads    {options.threads} each; OpenBLAS: {openblas()}")
    print(f"load       {os.getloadavg()[0]:.2f} before")


def openblas() -> str:
    """Return what the OpenBLAS that librnn uses says of itself."""
    try:
        library = ctypes.CDLL("libopenblas.so.0", mode=os.RTLD_NOLOAD)
    except OSError:
        return "not loaded"
    library.openblas_get_config.restype = ctypes.c_char_p
    return f"{library.openblas_get_num_threads()} ({library.openblas_get_config().decode()})"


def print_table(
    rows: list[dict[str, Any]], ours: NDArray[np.float64], theirs: NDArray[np.float64]
) -> None:
    """Print the results, and how many times faster one is."""
    print(f"\n{'':22}{'ms per step':>12}{'10 % to 90 %':>18}{'GFLOP/s':>10}")
    for row in rows:
        spread = f"{row['ms_10']:.2f} to {row['ms_90']:.2f}"
        print(f"{row['library']:22}{row['ms']:12.2f}{spread:>18}{row['gflops']:10.1f}")
    rounds = np.median(theirs, axis=1) / np.median(ours, axis=1)
    low, median, high = np.percentile(rounds, (10, 50, 90))
    print(f"\nPyTorch's time / librnn's: {median:.2f} ({low:.2f} to {high:.2f} over the rounds)")


def write_csv(rows: list[dict[str, Any]], path: Path) -> None:
    """Write the results."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    print(f"\nwritten {path}")


if __name__ == "__main__":
    main()
