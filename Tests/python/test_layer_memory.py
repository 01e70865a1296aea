"""Single layers over buffers of the caller: what lies there, and at padding, reaches nothing."""

from ctypes import byref, sizeof

import numpy as np
import pytest
from librnn import _c_types as _c
from librnn._c_api import check, lib

from cells import NAMED, VARIANTS, layer
from support import assert_same_bits, normal

STEPS, LENGTHS = 5, (5, 2, 0)
ROWS = len(LENGTHS)


def passes(described, garbage):
    """Forward, and backward with another workspace; what they give."""
    own, sizes = described._to_c(), _c.LayerSizes()
    check(lib.rnn_layer_plan(byref(own), _c.RNN_FLOAT64, STEPS, ROWS, byref(sizes)))

    def buffer(bytes_):
        return np.full(bytes_ // 8, garbage)

    parameters = np.zeros(sizes.parameter_bytes // 8)
    place, size = parameters.ctypes.data, parameters.nbytes
    check(lib.rnn_layer_initialize(byref(own), _c.RNN_FLOAT64, 1, place, size))
    output = buffer(sizes.output_bytes)
    gradient = normal(2, STEPS, ROWS, output.size // (STEPS * ROWS))
    x = normal(3, STEPS, ROWS, own.input_size)
    for row, length in enumerate(LENGTHS):
        x[length:, row], gradient[length:, row] = garbage, garbage
    arrays = {
        "parameters": parameters,
        "input": x,
        "lengths": np.array(LENGTHS),
        "output": output,
        "state_out": buffer(sizes.state_bytes),
        "reserve": buffer(sizes.reserve_bytes),
        "workspace": buffer(sizes.workspace_bytes),
        "grad_output": gradient,
        "grad_input": buffer(x.nbytes),
        "grad_state": buffer(sizes.state_bytes),
        "grad_parameters": np.zeros_like(parameters),
    }
    call = _c.LayerCall(dtype=_c.RNN_FLOAT64, time_steps=STEPS, batch_size=ROWS, training=1)
    call.struct_size = sizeof(call)
    for name, array in arrays.items():
        field = getattr(call, name)
        field.data, field.bytes = array.ctypes.data, array.nbytes
    check(lib.rnn_layer_forward(byref(own), byref(call)))
    arrays["workspace"][:] = garbage
    check(lib.rnn_layer_backward(byref(own), byref(call)))
    return [arrays[name] for name in arrays if name.startswith(("out", "state", "grad_in"))] + [
        arrays["grad_state"],
        arrays["grad_parameters"],
    ]


@pytest.mark.parametrize("garbage", [np.nan, 1e300])
@pytest.mark.parametrize("name", VARIANTS | NAMED)
def test_what_lies_there_reaches_nothing(name, garbage):
    described = layer((VARIANTS | NAMED)[name], 4, 4)
    for clean, other in zip(passes(described, 0.0), passes(described, garbage), strict=True):
        assert_same_bits(other, clean)
