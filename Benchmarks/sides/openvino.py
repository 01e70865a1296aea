"""OpenVINO: the same ONNX model, compiled for one request at a time in float32."""

from __future__ import annotations

import openvino

from sides import Observation
from sides.onnx_model import onnx_bytes
from workloads import Floats, Weights, Workload

_threads = 1


def describe() -> str:
    """Return the library's name and version."""
    return f"OpenVINO {openvino.__version__.partition('-')[0]}"


def set_threads(threads: int) -> None:
    """Set how many threads the models to come work with."""
    global _threads
    _threads = threads


class Inference:
    """A compiled model and its request."""

    def __init__(self, workload: Workload, weights: Weights) -> None:
        options = {
            "INFERENCE_NUM_THREADS": _threads,
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
            # Without it the processor's bfloat16 would be used, which is another computation.
            "INFERENCE_PRECISION_HINT": "f32",
        }
        core = openvino.Core()
        model = core.read_model(onnx_bytes(workload, weights))
        self._request = core.compile_model(model, "CPU", options).create_infer_request()

    def prepare(self, x: Floats, y: Floats) -> openvino.Tensor:
        """Return the input as a tensor in the same memory."""
        return openvino.Tensor(x, shared_memory=True)

    def step(self, batch: openvino.Tensor) -> Observation:
        """Run the model over a batch."""
        self._request.infer([batch], share_inputs=True, share_outputs=True)
        return self._request.get_output_tensor(0).data[:, 0]
