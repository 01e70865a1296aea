"""librnn beside other libraries: training, inference, scaling, memory and start-up.

Each library works in a process of its own; the processes are given turns, so that whatever else
the machine does meets all alike, and they have to agree before they are timed. Results are
printed and go to results.csv, summary.md and bench.png in build/bench.

    Benchmarks/run.sh --quick
    Benchmarks/run.sh --sections training --workloads charlm big --libraries torch jax --threads 2
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import chart
import machine
from options import parse_options
from records import write_csv
from report import report
from run import Run
from sections.memory import memory
from sections.scaling import scaling
from sections.speed import inference, training
from sections.startup import startup
from sections.variants import variants

SECTIONS: dict[str, Callable[[Run], None]] = {
    "training": training,
    "inference": inference,
    "scaling": scaling,
    "memory": memory,
    "startup": startup,
    "variants": variants,
}


def main() -> None:
    """Do the sections that are asked for, then print and write the results."""
    options = parse_options()
    begin, load = time.monotonic(), os.getloadavg()[0]
    options.log.unlink(missing_ok=True)
    run = Run(options, machine.Peak(options.out, options.threads))
    for name in options.sections:
        print(f"== {name} ==", flush=True)
        SECTIONS[name](run)
    run.results.peaks = run.peak.medians()
    finish(run, setting(run, load, time.monotonic() - begin))


def finish(run: Run, text: str) -> None:
    """Print and write everything."""
    out, results = run.options.out, run.results
    summary = report(text, results)
    print(f"\n{summary}")
    (out / "summary.md").write_text(summary)
    write_csv(results, out / "results.csv")
    chart.draw(results, out / "bench.png")
    print(f"written {out / 'summary.md'}, results.csv and bench.png")


def setting(run: Run, load: float, seconds: float) -> str:
    """Return what was measured, on what."""
    results = run.results
    titles = dict.fromkeys(t.title for t in [*results.training, *results.inference])
    lines = {
        "machine": machine.describe(),
        "peak": str(run.peak),
        "libraries": ", ".join(titles) or "librnn",
        "absent": "; ".join(f"{title}: {why}" for title, why in results.absent.items()),
        "load": f"{load:.2f} before, {os.getloadavg()[0]:.2f} after",
        "duration": f"{seconds / 60:.1f} minutes",
        "warning": "a quick run: nothing to quote" if run.options.quick else "",
    }
    return "\n".join(f"- {name}: {text}" for name, text in lines.items() if text)


if __name__ == "__main__":
    main()
