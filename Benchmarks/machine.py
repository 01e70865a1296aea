"""The machine: what it is, how fast it can be, how much memory a process takes."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]


class Peak:
    """The rate of float32 multiply-adds that the cores can do, measured several times in a run.

    Parameters
    ----------
    folder
        Where the measuring program is compiled to.
    threads
        The numbers of threads to measure.
    """

    def __init__(self, folder: Path, threads: list[int]) -> None:
        self._program = folder / "peak"
        self._samples: dict[int, list[float]] = {count: [] for count in threads}
        source = Path(__file__).with_name("peak.c")
        compiler = os.environ.get("CC", "cc")
        options = ["-std=gnu11", "-O3", "-march=native", "-Wall", "-Wextra", "-pthread"]
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run([compiler, *options, source, "-o", self._program], check=True)

    def sample(self) -> None:
        """Measure once for each number of threads."""
        for threads, samples in self._samples.items():
            command = [str(self._program), str(threads)]
            answer = subprocess.run(command, check=True, capture_output=True, text=True)
            samples.append(float(answer.stdout))

    def __str__(self) -> str:
        """Return the medians and their spread, which other programs' work widens."""
        texts = [
            f"{np.median(all_):.0f} GFLOP/s on {threads} ({min(all_):.0f} to {max(all_):.0f})"
            for threads, all_ in self._samples.items()
            if all_
        ]
        return f"{', '.join(texts) or 'not measured'}; float32 multiply-adds by cores"

    def medians(self) -> dict[int, float]:
        """Return GFLOP/s by number of threads, over all samples."""
        return {threads: float(np.median(all_)) for threads, all_ in self._samples.items() if all_}


def cores(threads: int) -> set[int]:
    """Return the processors on which a process with so many threads is to run."""
    return set(sorted(os.sched_getaffinity(0))[:threads])


def memory(field: str) -> int:
    """Return a figure of this process in bytes: "VmRSS", resident now, or "VmHWM", at most."""
    for line in Path("/proc/self/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return 1024 * int(value.split()[0])
    raise KeyError(field)


def forget_peak() -> None:
    """Let VmHWM begin again at what is resident now."""
    Path("/proc/self/clear_refs").write_text("5")


def cpu() -> str:
    """Return the processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def describe() -> str:
    """Return the machine and its software in a line."""
    return (
        f"{cpu()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, numpy {np.__version__}"
    )
