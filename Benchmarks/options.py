"""The options of the command line."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from libraries import LIBRARIES, OURS
from machine import ROOT
from turns import Effort
from workloads import INFERENCE, TRAINING

SECTIONS = ["training", "inference", "scaling", "memory", "startup", "variants"]
# TensorFlow and JAX take longer to compile the workloads than a quick run may last.
QUICK_LIBRARIES = [OURS, "torch", "onnxruntime", "openvino"]


@dataclass(frozen=True)
class Options:
    """What a run is to do.

    Attributes
    ----------
    workloads, libraries, sections : list of str
        What is measured; librnn always is.
    threads : list of int
        Of every library.
    rounds, steps : int or None
        Turns of each library and steps of a turn; None to choose by the step's time.
    quick : bool
        Whether a smoke run is wanted, not figures.
    out : Path
        The folder of the results.
    """

    workloads: list[str]
    libraries: list[str]
    threads: list[int]
    rounds: int | None
    steps: int | None
    sections: list[str]
    quick: bool
    out: Path

    @property
    def log(self) -> Path:
        """The file that takes what the libraries print."""
        return self.out / "libraries.log"

    def effort(self, whole: float, turn: float = 250) -> Effort:
        """Return how long to measure: seconds of a workload, milliseconds of a turn."""
        if self.quick:
            return Effort(self.rounds, self.steps, turn / 10, whole=0, fewest=1)
        return Effort(self.rounds, self.steps, turn, whole)

    def chosen(self, all_of: list[str]) -> list[str]:
        """Return the workloads of a section that are asked for."""
        return [name for name in all_of if name in self.workloads]

    def trainers(self) -> list[str]:
        """Return the libraries that train."""
        return [name for name in self.libraries if LIBRARIES[name].trains]

    def runners(self) -> list[str]:
        """Return the libraries that run models."""
        return [name for name in self.libraries if LIBRARIES[name].infers]


def parse_options(arguments: list[str] | None = None) -> Options:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(
        prog="bench",
        description="librnn beside other libraries, in turns.",
    )
    add = parser.add_argument
    workloads = [*TRAINING, *INFERENCE]
    add(
        "--workloads",
        nargs="+",
        choices=workloads,
        default=workloads,
        metavar="NAME",
        help=f"{', '.join(workloads)}; all",
    )
    add("--libraries", nargs="+", choices=list(LIBRARIES), metavar="NAME", help=LIBRARIES_HELP)
    add("--threads", nargs="+", type=positive, default=[1, 2], help="of every library; 1 2")
    add("--rounds", type=positive, help="turns of each library; chosen by the step's time")
    add("--steps", type=positive, help="timed steps of a turn; chosen by the step's time")
    add(
        "--sections",
        nargs="+",
        choices=SECTIONS,
        default=SECTIONS,
        metavar="NAME",
        help=f"{', '.join(SECTIONS)}; all",
    )
    add("--quick", action="store_true", help="a smoke run of a minute or two, few libraries")
    add(
        "--out",
        type=Path,
        default=ROOT / "build" / "bench",
        help="the folder of the results; build/bench",
    )
    options = parser.parse_args(arguments)
    return Options(**{**vars(options), "libraries": libraries(options)})


LIBRARIES_HELP = f"beside librnn: {', '.join(name for name in LIBRARIES if name != OURS)}; all"


def libraries(options: argparse.Namespace) -> list[str]:
    """Return the libraries that take part, librnn first."""
    asked = options.libraries or (QUICK_LIBRARIES if options.quick else list(LIBRARIES))
    return [name for name in LIBRARIES if name in (OURS, *asked)]


def positive(text: str) -> int:
    """Return a number above 0."""
    value = int(text)
    if value < 1:
        raise ValueError(text)
    return value
