"""The results as lines of a CSV file, one figure with its spread each."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from results import Results, Timing

FIELDS = [
    *("section", "workload", "cell", "T", "B", "I", "H", "L", "O", "dtype", "threads"),
    *("library", "version", "quantity", "unit", "value", "low_10", "high_90", "count"),
    *("gflops", "percent_of_peak"),
]


def write_csv(results: Results, path: Path) -> None:
    """Write all results."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, FIELDS)
        writer.writeheader()
        writer.writerows(records(results))


def records(results: Results) -> Iterator[dict[str, Any]]:
    """Yield the lines."""
    sections = {
        "training": results.training,
        "inference": results.inference,
        **{f"scaling {letter}": timings for letter, timings in results.scaling.items()},
    }
    for section, timings in sections.items():
        for timing in timings:
            yield {"section": section, **timed(results, timing)}
    yield from processes(results)
    for variant in results.variants:
        line = {"section": "variants", "workload": variant.name, "cell": variant.plain}
        line |= {
            "H": variant.hidden,
            "dtype": variant.dtype,
            "threads": 1,
            "library": "librnn",
            "unit": "of the plain form's",
        }
        for quantity in ("training", "streaming"):
            yield {**line, "quantity": quantity, "value": round(getattr(variant, quantity), 3)}
    for threads, peak in results.peaks.items():
        figure = {"quantity": "multiply-adds", "unit": "GFLOP/s", "value": round(peak, 1)}
        yield {"section": "peak", "threads": threads, **figure}


def timed(results: Results, timing: Timing) -> dict[str, Any]:
    """Return the line of a library at a workload."""
    low, high = np.percentile(timing.all, (10, 90))
    percent = results.percent_of_peak(timing)
    return {
        "workload": timing.workload.name,
        "cell": timing.workload.cell,
        **timing.workload.sizes,
        "threads": timing.threads,
        "library": timing.library,
        "version": timing.title,
        **{"quantity": "step", "unit": "ms", "value": round(timing.median, 4)},
        **{"low_10": round(float(low), 4), "high_90": round(float(high), 4)},
        "count": timing.all.size,
        "gflops": round(timing.gigaflops, 2),
        "percent_of_peak": "" if percent is None else round(percent, 1),
    }


def processes(results: Results) -> Iterator[dict[str, Any]]:
    """Yield the lines about memory, imports and sizes."""
    for m in results.memory:
        line = {"section": "memory", "workload": m.workload, "library": m.library}
        line |= {"version": m.title, "unit": "MB"}
        for quantity in ("loaded", "warm", "peak", "beyond", "beyond_warm"):
            yield {**line, "quantity": quantity, "value": round(getattr(m, quantity) / 1e6, 2)}
    for s in results.startup:
        line = {"section": "startup", "library": s.library, "version": s.title}
        seconds = {"quantity": "import", "unit": "ms", "value": round(1e3 * s.seconds, 2)}
        yield {**line, **seconds, "count": s.runs}
        yield {**line, "quantity": "size", "unit": "MB", "value": round(s.size / 1e6, 3)}
