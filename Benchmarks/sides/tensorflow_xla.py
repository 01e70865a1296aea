"""TensorFlow with its graph compiled by XLA."""

from __future__ import annotations

from sides import tensorflow
from sides.tensorflow import set_threads

__all__ = ["Training", "describe", "set_threads"]


def describe() -> str:
    """Return the library's name and version."""
    return f"{tensorflow.describe()}, XLA"


class Training(tensorflow.Training):
    """A Keras model, its optimiser and the step compiled by XLA."""

    jit_compile = True
