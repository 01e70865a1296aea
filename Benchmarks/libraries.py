"""The libraries of the comparison: which they are and how their processes are set up."""

from __future__ import annotations

from dataclasses import dataclass

OURS = "librnn"


@dataclass(frozen=True)
class Library:
    """A library by the name of its module in `sides`.

    Attributes
    ----------
    name : str
        The module, and the word for it on the command line.
    title : str
        The heading of its column.
    statement : str
        What a program has to do to load it.
    distributions : tuple of str
        Its own packages, without those that they depend on.
    trains, infers : bool
        What it takes part in.
    """

    name: str
    title: str
    statement: str
    distributions: tuple[str, ...]
    trains: bool = True
    infers: bool = False

    @property
    def on_its_own(self) -> bool:
        """Whether it is a library of its own, not another way to use one."""
        return self.name == OURS or bool(self.distributions)


LIBRARIES = {
    library.name: library
    for library in (
        Library(OURS, "librnn", "import librnn", (), infers=True),
        Library("torch", "PyTorch", "import torch", ("torch",)),
        Library("tensorflow", "TensorFlow", "import tensorflow", ("tensorflow-cpu", "keras")),
        Library("tensorflow_xla", "TensorFlow, XLA", "import tensorflow", ()),
        Library("jax", "JAX", "import jax", ("jax", "jaxlib")),
        Library(
            "onnxruntime",
            "ONNX Runtime",
            "import onnxruntime",
            ("onnxruntime",),
            trains=False,
            infers=True,
        ),
        Library(
            "openvino", "OpenVINO", "import openvino", ("openvino",), trains=False, infers=True
        ),
    )
}


def environment(threads: int) -> dict[str, str]:
    """Return the environment variables of a process that is to work with so many threads."""
    count = str(threads)
    return {
        "OMP_NUM_THREADS": count,
        "OPENBLAS_NUM_THREADS": count,
        "MKL_NUM_THREADS": count,
        "XLA_FLAGS": f"--xla_cpu_multi_thread_eigen={str(threads > 1).lower()}",
        "JAX_PLATFORMS": "cpu",
        "KERAS_BACKEND": "tensorflow",
        "CUDA_VISIBLE_DEVICES": "",
        # Warnings only of what ends a program: they would break into the progress bar.
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
