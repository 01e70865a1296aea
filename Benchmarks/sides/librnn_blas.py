"""librnn with the products of whole sequences by OpenBLAS instead of its own kernels."""

from __future__ import annotations

import os

os.environ["LIBRNN_PRODUCTS"] = "blas"  # read when the library is loaded

from sides import librnn  # noqa: E402
from sides.librnn import Inference, Training, initial_weights, set_threads  # noqa: E402

__all__ = ["Inference", "Training", "describe", "initial_weights", "set_threads"]


def describe() -> str:
    """Return the library's name and version."""
    return f"{librnn.describe()}, products by OpenBLAS"
