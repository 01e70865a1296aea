"""ONNX Runtime: the LSTM and GRU operators, all optimisations of the graph, buffers bound."""

from __future__ import annotations

import numpy as np
import onnxruntime

from sides import Observation
from sides.onnx_model import onnx_bytes
from workloads import Floats, Weights, Workload

_threads = 1


def describe() -> str:
    """Return the library's name and version."""
    return f"ONNX Runtime {onnxruntime.__version__}"


def set_threads(threads: int) -> None:
    """Set how many threads the sessions to come work with."""
    global _threads
    _threads = threads


class Inference:
    """A session."""

    def __init__(self, workload: Workload, weights: Weights) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = _threads
        options.inter_op_num_threads = 1
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        self._session = onnxruntime.InferenceSession(
            onnx_bytes(workload, weights), options, providers=["CPUExecutionProvider"]
        )
        self._y = np.empty((workload.steps, 1, workload.rows, workload.hidden), np.float32)

    def prepare(self, x: Floats, y: Floats) -> onnxruntime.IOBinding:
        """Return the input and the output bound to the session."""
        binding = self._session.io_binding()
        binding.bind_cpu_input("x", x)
        # On a CPU the value is the array's memory, not a copy of it.
        binding.bind_ortvalue_output("y", onnxruntime.OrtValue.ortvalue_from_numpy(self._y))
        return binding

    def step(self, batch: onnxruntime.IOBinding) -> Observation:
        """Run the model over a batch."""
        self._session.run_with_iobinding(batch)
        return self._y[:, 0]
