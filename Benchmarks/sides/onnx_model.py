"""The forward shapes as ONNX models, for the libraries that run these."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from workloads import Floats, Weights, Workload

OPERATORS = {"lstm": "LSTM", "gru": "GRU"}
# Blocks of PyTorch's weights in ONNX's order: LSTM i, o, f, c from i, f, g, o; GRU z, r, h from
# r, z, n.
ORDER = {"lstm": (0, 3, 1, 2), "gru": (1, 0, 2)}
OPSET, IR_VERSION = 17, 10


def onnx_bytes(workload: Workload, weights: Weights) -> bytes:
    """Return the model: x [T, B, I] to y [T, 1, B, H]."""
    graph = helper.make_graph(
        [_node(workload)],
        workload.name,
        [_value("x", workload.steps, workload.rows, workload.inputs)],
        [_value("y", workload.steps, 1, workload.rows, workload.hidden)],
        [numpy_helper.from_array(v, name) for name, v in _tensors(workload, weights).items()],
    )
    opset = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def _node(workload: Workload) -> onnx.NodeProto:
    # The reset gate comes after the product, as in PyTorch.
    options: dict[str, Any] = {"linear_before_reset": 1} if workload.cell == "gru" else {}
    inputs, size = ["x", "w", "r", "b"], workload.hidden
    return helper.make_node(OPERATORS[workload.cell], inputs, ["y"], hidden_size=size, **options)


def _value(name: str, *shape: int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def _tensors(workload: Workload, weights: Weights) -> dict[str, Floats]:
    w_ih, w_hh, b_ih, b_hh = (_in_order(workload.cell, value) for value in weights.values())
    return {"w": w_ih[None], "r": w_hh[None], "b": np.concatenate([b_ih, b_hh])[None]}


def _in_order(cell: str, value: Floats) -> Floats:
    blocks = np.split(value, len(ORDER[cell]))
    return np.concatenate([blocks[index] for index in ORDER[cell]])
