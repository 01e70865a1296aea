"""Reading what an observed step saw."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from . import _c_types as _c
from ._arrays import Array, address
from ._c_api import check, lib
from ._layer import Layer
from ._tensors import Tensor
from .flow import GradientFlow, LayerFlow, TensorFlow
from .recurrent import gates

VERDICTS = {
    _c.RNN_HEALTHY: "healthy",
    _c.RNN_VANISHING: "vanishing",
    _c.RNN_EXPLODING: "exploding",
    _c.RNN_SATURATED: "saturated",
    _c.RNN_DEAD: "dead",
    _c.RNN_DIVERGED: "diverged",
}
_GATES = _c.RNN_FLOW_GATE_LOW  # series before those of gates
_DOUBLES = ctypes.POINTER(ctypes.c_double)


class Seen:
    """What C says of an observed step: copied at once, made into a GradientFlow when looked at."""

    __slots__ = ("_layers", "_norms", "_stack", "_tensors")

    def __init__(
        self, trainer: int, count: int, tensors: tuple[Tensor, ...], stack: tuple[Layer, ...]
    ) -> None:
        self._stack = stack
        self._layers = [_read_layer(trainer, index) for index in range(count)]
        self._tensors = tensors
        self._norms = np.empty((len(tensors), 3))
        target = _doubles(self._norms)
        check(lib.rnn_trainer_tensor_flow(trainer, target, self._norms.nbytes))

    def flow(self) -> GradientFlow:
        """Return it in Python's form."""
        rows = zip(self._tensors, self._norms.tolist(), strict=True)
        return GradientFlow(
            tuple(_layer(flow, series, self._stack) for flow, series in self._layers),
            {tensor.name: TensorFlow(*norms) for tensor, norms in rows},
        )


def _read_layer(trainer: int, index: int) -> tuple[_c.Flow, Array]:
    flow = _c.Flow()
    check(lib.rnn_trainer_flow(trainer, index, flow))
    series = np.empty((_GATES + 2 * flow.gate_count, flow.time_steps))
    target = _doubles(series)
    check(lib.rnn_trainer_flow_series(trainer, index, _c.RNN_FLOW_ALL, 0, target, series.nbytes))
    return flow, series


def _layer(flow: _c.Flow, series: Array, stack: tuple[Layer, ...]) -> LayerFlow:
    return LayerFlow(
        layer=flow.layer,
        level=flow.level,
        hidden_size=flow.hidden_size,
        verdict=VERDICTS[flow.verdict],
        reason=flow.reason.decode(),
        rate=flow.rate,
        horizon=flow.horizon,
        saturated_fraction=flow.saturated_fraction,
        dead_fraction=flow.dead_fraction,
        gates=gates(stack[flow.layer]),
        grad_h_mean=series[_c.RNN_FLOW_GRAD_H_MEAN],
        grad_h_max=series[_c.RNN_FLOW_GRAD_H_MAX],
        grad_c_mean=series[_c.RNN_FLOW_GRAD_C_MEAN] if flow.has_cell else None,
        grad_c_max=series[_c.RNN_FLOW_GRAD_C_MAX] if flow.has_cell else None,
        gain=series[_c.RNN_FLOW_GAIN],
        h_mean=series[_c.RNN_FLOW_H_MEAN],
        h_std=series[_c.RNN_FLOW_H_STD],
        h_max=series[_c.RNN_FLOW_H_MAX],
        gate_low=series[_GATES::2],
        gate_high=series[_GATES + 1 :: 2],
    )


def _doubles(array: Array) -> Any:
    return ctypes.cast(address(array), _DOUBLES)
