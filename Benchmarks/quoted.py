"""Figures of libraries that are not run here: measured elsewhere, on a machine of the same kind."""

from __future__ import annotations

from results import Timing, times_of

# KANN with OpenBLAS, two threads: milliseconds of a training step, and PyTorch's there.
KANN = {"charlm": 20.3, "device": 0.99, "device-b1": 0.23, "elman": 18.4, "gru-mid": 147.0}
PYTORCH_CHARLM = 19.2
KANN_THREADS = 2
KANN_TITLE = "KANN"

# RTNeural's compile-time models, the best of all backends: nanoseconds of one step at B = 1, I = 1,
# one thread, by H.
RTNEURAL = {
    "LSTM": {8: 56, 16: 78, 20: 157, 32: 169, 40: 270, 64: 741, 128: 2730},
    "GRU": {8: 58, 16: 54, 32: 133, 40: 237, 64: 450, 128: 1920},
}


def kann(timings: list[Timing], workload: str, threads: int) -> float | None:
    """Return KANN's milliseconds as this machine would have them, judged by PyTorch's charlm."""
    reference = times_of(timings, "charlm", KANN_THREADS).get("torch")
    if reference is None or threads != KANN_THREADS or workload not in KANN:
        return None
    return KANN[workload] * reference.median / PYTORCH_CHARLM
