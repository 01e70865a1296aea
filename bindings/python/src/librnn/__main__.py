"""The command line: ``librnn diagnose``, and ``python -m librnn diagnose``."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from . import __version__, load
from ._data import LOSSES, read_data
from .diagnose import Progress, diagnose, write_report
from .errors import ArgumentError, FileError, RnnError, mismatch


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return 0, or 2 if something is not as it should be.

    Parameters
    ----------
    arguments
        After the name of the program; None: those of the process.
    """
    options = _parser().parse_args(arguments)
    try:
        _diagnose(options)
    except (RnnError, OSError, ImportError, MemoryError) as error:
        print(f"librnn {options.command}: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="librnn", description="Looks at recurrent networks.")
    parser.add_argument("--version", action="version", version=f"librnn {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_diagnose(
        commands.add_parser(
            "diagnose",
            help="write a report on a model's gradients and dynamics",
            description="Takes one training step that changes nothing, looks at the gradient on "
            "its way back through time and at the model's dynamics, and writes a report: one HTML "
            "file that needs nothing else.",
        )
    )
    return parser


def _add_diagnose(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("model", metavar="MODEL", type=Path, help="a file of Model.save or Trainer.save")
    add(
        "--data",
        metavar="FILE",
        type=Path,
        required=True,
        help="an .npz file with x, y and perhaps lengths, weights, as Trainer.step takes them; or "
        "a text, for a model of bytes",
    )
    add(
        "--out", metavar="FILE", type=Path, default=Path("report.html"), help="default: %(default)s"
    )
    add("--loss", choices=list(LOSSES), help="default: by the dtype of y")
    add("--batch-first", action="store_true", help="x, y and weights are [B, T, ...]")
    add("--batch-size", metavar="B", type=_count, default=32, help="at most; default: %(default)s")
    add("--time-steps", metavar="T", type=_count, help="at most; default: all, of a text 256")
    add(
        "--no-spectra", action="store_true", help="no eigenvalues, which take long from H = 1000 on"
    )
    add(
        "--exponents",
        metavar="N",
        type=_count_or_0,
        default=10,
        help="Lyapunov exponents, which take a minute from H = 1000 on; default: %(default)s",
    )
    add("--lyapunov-sequences", metavar="B", type=_count, default=4, help="default: %(default)s")
    add("--lyapunov-steps", metavar="T", type=_count, default=500, help="default: %(default)s")
    add("--quiet", action="store_true", help="print nothing but errors")


def _count(text: str, low: int = 1) -> int:
    value = int(text) if text.isdecimal() and len(text) < 19 else -1
    if value < low:
        raise argparse.ArgumentTypeError(f"expected a whole number from {low} on, got {text!r}")
    return value


def _count_or_0(text: str) -> int:
    return _count(text, 0)


def _diagnose(options: argparse.Namespace) -> None:
    _check_files(options)
    progress = _progress(options.quiet)
    model = load(options.model, options.batch_first)
    data = read_data(options.data, model, options.batch_size, options.time_steps, options.loss)
    diagnosis = diagnose(
        model,
        data.x,
        data.y,
        data.loss,
        lengths=data.lengths,
        weights=data.weights,
        spectra=not options.no_spectra,
        exponents=options.exponents,
        sequences=options.lyapunov_sequences,
        time_steps=options.lyapunov_steps,
        progress=progress,
    )
    progress("drawing")
    size = options.model.stat().st_size
    sources = {"Model": f"{options.model.name}: {size:,} bytes", "Data": data.source}
    write_report(diagnosis, options.out, sources)
    progress("done")
    if not options.quiet:
        _print(f"{diagnosis}\nreport: {options.out}")


def _print(text: str) -> None:
    """Write to standard output, whatever of the text its encoding does not have."""
    try:
        print(text)
    except UnicodeEncodeError:
        encoding = sys.stdout.encoding
        print(text.encode(encoding, "backslashreplace").decode(encoding))


def _check_files(options: argparse.Namespace) -> None:
    """Refuse before the work what would fail after it."""
    from .plot._figure import need_matplotlib

    need_matplotlib()
    if not options.data.is_file():
        raise FileError(mismatch("--data", "a file", options.data))
    out = options.out
    if not out.parent.is_dir():
        raise FileError(mismatch("--out", "a file in a directory that exists", out))
    if out.is_dir():
        raise FileError(mismatch("--out", "a file", f"{out}, a directory"))
    if not os.access(out if out.exists() else out.parent, os.W_OK):
        raise FileError(mismatch("--out", "a file that may be written", out))
    if any(out.samefile(other) for other in (options.model, options.data) if _both(out, other)):
        raise ArgumentError(mismatch("--out", "a file of its own", out))


def _both(one: Path, other: Path) -> bool:
    return one.exists() and other.exists()


def _progress(quiet: bool) -> Progress:
    """Return what writes a line with the seconds since now, or nothing."""
    start = time.monotonic()

    def show(message: str) -> None:
        if not quiet:
            print(f"{time.monotonic() - start:7.1f} s  {message}", file=sys.stderr, flush=True)

    return show


if __name__ == "__main__":
    sys.exit(main())
