"""The results in words and tables, to be read and to be pasted into the documentation."""

from __future__ import annotations

from collections.abc import Iterator

from libraries import LIBRARIES, OURS
from linearity import growth
from quoted import KANN_TITLE, PYTORCH_CHARLM, RTNEURAL, kann
from ratios import Ratio, inference_ratio, training_ratio
from results import Memory, Results, Timing, names_of, threads_of, times_of
from table import milliseconds, table
from targets import targets

MEGABYTE = 1e6


def report(setting: str, results: Results) -> str:
    """Return the whole report."""
    parts = (
        ("Setting", [setting]),
        ("Training", training(results)),
        ("Inference", inference(results)),
        ("Scaling", scaling(results)),
        ("Memory", memory(results)),
        ("Start", startup(results)),
        ("Variants", variants(results)),
        ("Streaming, measured elsewhere", [rtneural()]),
        ("Targets", [reached(results)]),
    )
    chapters = ((title, "\n\n".join(texts)) for title, texts in parts)
    return "\n\n".join(f"## {title}\n\n{text}" for title, text in chapters if text) + "\n"


def training(results: Results) -> Iterator[str]:
    """Yield a table for each number of threads."""
    for threads in threads_of(results.training):
        rows = []
        for name in names_of(results.training):
            times = times_of(results.training, name, threads)
            quoted = milliseconds(kann(results.training, name, threads))
            best = training_ratio(results, name, threads)
            rows.append(row(results, name, times, trainers(results), [quoted], best))
        heads = [
            *heads_of(trainers(results)),
            f"{KANN_TITLE} *",
            "best rival",
            "its time / librnn's",
        ]
        yield f"Milliseconds of a training step, {plural(threads)}:\n\n{table(heads, rows)}"
    if results.training:
        yield (
            f"\\* Measured elsewhere beside PyTorch, whose charlm took {PYTORCH_CHARLM} ms there; "
            "scaled by PyTorch's charlm in this run."
        )


def variants(results: Results) -> Iterator[str]:
    """Yield the table of recurrent layers beside their plain forms."""
    if not results.variants:
        return
    rows = [
        [v.name, v.plain, str(v.hidden), v.dtype, f"{v.training:.2f}", f"{v.streaming:.2f}"]
        for v in results.variants
    ]
    heads = ["variant", "plain form", "H", "numbers", "training", "streaming"]
    yield f"Time of an operation by that of the plain form, one thread:\n\n{table(heads, rows)}"


def inference(results: Results) -> Iterator[str]:
    """Yield a table for each number of threads."""
    libraries = list(dict.fromkeys(timing.library for timing in results.inference))
    rivals = tuple(name for name in libraries if name != OURS)
    for threads in threads_of(results.inference):
        rows = []
        for name in names_of(results.inference):
            times = times_of(results.inference, name, threads)
            best = inference_ratio(results, name, threads, rivals) if rivals else None
            rows.append(row(results, name, times, libraries, [], best))
        heads = [*heads_of(libraries), "best rival", "its time / librnn's"]
        yield f"Milliseconds of a forward pass, {plural(threads)}:\n\n{table(heads, rows)}"


def row(
    results: Results,
    name: str,
    times: dict[str, Timing],
    libraries: list[str],
    more: list[str],
    best: Ratio | None,
) -> list[str]:
    """Return the line of a workload."""
    cells = [milliseconds(times[each].median if each in times else None) for each in libraries]
    rate, percent = "-", "-"
    if OURS in times:
        rate = f"{times[OURS].gigaflops:.0f}"
        share = results.percent_of_peak(times[OURS])
        percent = f"{share:.0f} %" if share else "-"
    rival = LIBRARIES[best.rival].title if best and best.rival in LIBRARIES else KANN_TITLE
    ending = [rival, str(best)] if best else ["-", "-"]
    return [name, cells[0], rate, percent, *cells[1:], *more, *ending]


def trainers(results: Results) -> list[str]:
    """Return the libraries that trained, librnn first."""
    return list(dict.fromkeys(timing.library for timing in results.training))


def heads_of(libraries: list[str]) -> list[str]:
    """Return the heads of the columns of all libraries."""
    ours, *rivals = (LIBRARIES[name].title for name in libraries)
    return ["workload", ours, "GFLOP/s", "of the peak", *rivals]


def scaling(results: Results) -> Iterator[str]:
    """Yield a table for each size that grows."""
    for letter, timings in results.scaling.items():
        line = growth(letter, timings)
        figures = zip(timings, line.sizes, line.times, line.deviations, strict=True)
        rows = [
            [
                f"{size:.0f}",
                milliseconds(ms),
                f"{1e3 * ms / size:.1f}",
                f"{100 * off:+.1f} %",
                rate(t),
            ]
            for t, size, ms, off in figures
        ]
        heads = [letter, "ms", f"µs per {letter}", "off the line", "GFLOP/s"]
        fit = f"the line {line.fixed:.3f} ms + {1e3 * line.slope:.1f} µs · {letter}"
        if letter == "H":
            rows, heads, fit = (
                [[*r[:2], *r[4:]] for r in rows],
                [*heads[:2], heads[4]],
                "work ~ H·(I + H)",
            )
        others = {k: v for k, v in timings[0].workload.sizes.items() if k != letter}
        shape = " ".join(f"{k}={v}" for k, v in others.items())
        power = f"grows as {letter} to the power of {line.exponent:.2f}"
        where = f"LSTM, {shape}, {plural(timings[0].threads)}"
        yield f"{where}; {fit}; {power}:\n\n{table(heads, rows)}"


def rate(timing: Timing) -> str:
    """Return the rate of a library's products."""
    return f"{timing.gigaflops:.0f}"


def memory(results: Results) -> Iterator[str]:
    """Yield the table of resident memory."""
    if not results.memory:
        return
    rows = [
        [m.workload, m.title, *(f"{v / MEGABYTE:.0f}" for v in figures(m))] for m in results.memory
    ]
    yield (
        "Resident memory of a process that trains, in MB: right after the import and before any "
        "model is built (VmRSS); after a step of a tiny model, for which some libraries load more "
        "code; at most since the import (VmHWM); and what this is beyond the other two.\n\n"
        + table(["workload", "library", "loaded", "tiny", "peak", "- loaded", "- tiny"], rows)
    )


def figures(memory: Memory) -> tuple[int, ...]:
    """Return the bytes of a process in the order of the table."""
    return memory.loaded, memory.warm, memory.peak, memory.beyond, memory.beyond_warm


def startup(results: Results) -> Iterator[str]:
    """Yield the table of imports and sizes."""
    if not results.startup:
        return
    rows = [
        [s.title, f"{1e3 * s.seconds:.1f}", str(s.runs), f"{s.size / MEGABYTE:.2f}"]
        for s in results.startup
    ]
    heads = ["library", "ms beyond numpy", "processes", "MB on disk"]
    yield (
        "What the import takes in a new process that has numpy, compiled by Python before; its "
        f"own packages on disk, without OpenBLAS and other dependencies.\n\n{table(heads, rows)}"
    )


def rtneural() -> str:
    """Return the figures of RTNeural."""
    sizes = list(RTNEURAL["LSTM"])
    rows = [
        [cell, *(str(by_size.get(size, "-")) for size in sizes)]
        for cell, by_size in RTNEURAL.items()
    ]
    heads = ["RTNeural", *(f"H={size}" for size in sizes)]
    return (
        "Nanoseconds of one step at B = 1, I = 1, one thread, quoted, not run here: RTNeural's "
        f"best backend, the model fixed at compile time.\n\n{table(heads, rows)}"
    )


def reached(results: Results) -> str:
    """Return the table of targets."""
    heads = ["target", "reached", "bound", "", "note"]
    return table(heads, [target.row for target in targets(results)])


def plural(threads: int) -> str:
    """Return the number of threads in words."""
    return "1 thread" if threads == 1 else f"{threads} threads"
