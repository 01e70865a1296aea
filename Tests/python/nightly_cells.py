"""Compares librnn with other implementations of recurrent layers, live, for random configurations.

    python nightly_cells.py [--count N] [--seed SEED] [--only equations.7]

`scripts/nightly-parity.sh` runs it. A configuration that is off by more than 1e-12 of the largest
number of any tensor is named as it is met, and the exit status is 1. Draws that are not tame (see
`fixtures/cell_reference.py`) are counted and left out.
"""

import argparse
import sys
import time
from collections import defaultdict
from pathlib import Path

import torch

sys.path.append(str(Path(__file__).parent / "fixtures"))

from cell_reference import evaluate, is_tame  # noqa: E402
from draw_cells import draw_case, draw_data, features  # noqa: E402
from record_cells import RUNS  # noqa: E402

from cell_runs import run_librnn, worst  # noqa: E402

BOUND = 1e-12
# How often a source comes up.
TURNS = ("equations",) * 5 + ("pytorch",) * 3 + ("onnx", "keras")
EVERY = 500


class Tally:
    """How many configurations there were and the largest difference, by feature."""

    def __init__(self):
        self.counts, self.worst = defaultdict(int), defaultdict(float)

    def add(self, name, difference):
        """Count a configuration that has a feature."""
        self.counts[name] += 1
        self.worst[name] = max(self.worst[name], difference)

    def line(self, name):
        """Return what is known of a feature."""
        return f"{name:32} {self.counts[name]:6}  {self.worst[name]:.1e}"


def compare(seed, source, number):
    """Run one configuration both ways; return it and its worst difference, None if not tame."""
    case = draw_case(seed, source, number)
    data = draw_data(case)
    if not is_tame(case, data):
        return case, None
    return case, worst(run_librnn(case, data), evaluate(case, data, RUNS[source]))


def run(seed, keys):
    """Compare all configurations; return the tally and how many were not tame and too far off."""
    tally, wild, failed, begun = Tally(), 0, 0, time.monotonic()
    for place, (source, number) in enumerate(keys, 1):
        case, found = compare(seed, source, number)
        if found is None:
            wild += 1
            continue
        difference, name = found
        if not difference <= BOUND:
            failed += 1
            print(f"{source}.{number}: {name} is off by {difference:.1e}: {case}")
        for feature in ["all", source, *(f"{source}: {each}" for each in features(case))]:
            tally.add(feature, difference)
        if place % EVERY == 0:
            took = time.monotonic() - begun
            worst_yet = tally.worst["all"]
            print(f"{place} of {len(keys)}, {took:.0f} s, worst {worst_yet:.1e}", flush=True)
    return tally, wild, failed


def main():
    """Print progress, a table by feature and a closing line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**9)
    parser.add_argument("--only", help="a configuration, as equations.7")
    given = parser.parse_args()
    torch.set_num_threads(1)
    print(f"seed {given.seed}")
    keys = [(TURNS[number % len(TURNS)], number) for number in range(given.count)]
    if given.only:
        source, number = given.only.split(".")
        keys = [(source, int(number))]
    tally, wild, failed = run(given.seed, keys)
    print("\n".join(tally.line(name) for name in sorted(tally.counts)))
    print(
        f"{tally.counts['all']} configurations, worst difference {tally.worst['all']:.1e} of the "
        f"largest number, {wild} left out as not tame, {failed} off by more than {BOUND}"
    )
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
