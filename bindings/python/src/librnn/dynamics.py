"""The dynamics of a model: spectra of its recurrent matrices, Jacobians, Lyapunov exponents.

A model is a map from one state to the next, which its input drives. Everything is computed in
float64, whatever the model's dtype. n is the number of numbers in the state of one sequence: h of
each stacked layer of each recurrent layer, then c of an LSTM.
"""

from __future__ import annotations

import ctypes
from typing import NamedTuple

import numpy as np

from . import _c_types as _c
from ._arrays import Array
from ._batch import Batch, Lengths
from ._c_api import check, lib
from ._checks import integer
from ._lyapunov import leading, measurement
from ._state import StateLike
from .model import Model, check_model
from .recurrent import gates

_DOUBLES = ctypes.POINTER(ctypes.c_double)


class Spectrum(NamedTuple):
    """Of one recurrent matrix.

    Attributes
    ----------
    tensor, gate
        "1.weight_hh_l0" and the name of the gate.
    eigenvalues
        complex [H], the largest magnitude first.
    spectral_radius
        The largest magnitude of an eigenvalue.
    spectral_norm
        The largest singular value.
    """

    tensor: str
    gate: str
    eigenvalues: Array
    spectral_radius: float
    spectral_norm: float


class Lyapunov(NamedTuple):
    """Finite-time Lyapunov exponents of each sequence of a batch, by the natural logarithm.

    Attributes
    ----------
    exponents
        [B, m], per step.
    errors
        [B, m]: the standard error of the mean of ten parts of the time; NaN of less than ten.
    dimension
        [B]: Kaplan and Yorke's; NaN if it takes more than m exponents.
    entropy
        [B]: the sum of the positive exponents, per step.
    """

    exponents: Array
    errors: Array
    dimension: Array
    entropy: Array


def spectra(model: Model) -> list[Spectrum]:
    """Return the spectrum of every recurrent matrix of a model, gate by gate.

    Parameters
    ----------
    model
        Of layers without a square W_hh, behind a projection too, there are none.
    """
    check_model(model)
    result = []
    for name, tensor in model.state_dict().items():
        if "weight_hh_l" in name:
            size = tensor.shape[1]
            names = gates(model.layers[int(name.partition(".")[0])])
            if len(tensor) != size * len(names):
                continue
            for index, gate in enumerate(names):
                result.append(_spectrum(model, name, index, gate, size))
    return result


def _spectrum(model: Model, name: str, index: int, gate: str, size: int) -> Spectrum:
    values, found = np.empty((size, 2)), _c.Spectrum()
    target = values.ctypes.data_as(_DOUBLES)
    handle = model._handle
    check(lib.rnn_model_spectrum(handle, name.encode(), index, found, target, values.nbytes))
    eigenvalues = values.view(complex)[:, 0]
    return Spectrum(name, gate, eigenvalues, found.spectral_radius, found.spectral_norm)


def jacobian(
    model: Model,
    x: Array,
    start: int,
    end: int,
    lengths: Lengths | None = None,
    state: StateLike | None = None,
) -> Array:
    """Return ∂s_end/∂s_start, the derivatives of the state after a step by that after another.

    Parameters
    ----------
    model
        The model.
    x, lengths, state
        A batch, as for calling the model.
    start, end
        -1 <= start <= end < T; -1 is the initial state.

    Returns
    -------
    ndarray
        float64 [B, n, n]; row i has the derivatives of number i of the later state.
    """
    handle, batch = check_model(model)._handle, Batch(model._signature, x, lengths, state)
    size = model._signature.state.size
    values = np.empty((batch.rows, size, size))
    first = integer("start", start, low=-1)
    last = integer("end", end, low=-1)
    target = values.ctypes.data_as(_DOUBLES)
    check(lib.rnn_model_jacobian(handle, batch.c, first, last, target, values.nbytes))
    return values


def lyapunov(
    model: Model,
    x: Array,
    count: int | None = None,
    *,
    warm_up: int = 0,
    interval: int = 1,
    lengths: Lengths | None = None,
    state: StateLike | None = None,
) -> Lyapunov:
    """Return the Lyapunov exponents of a model along the trajectories that a batch drives.

    Parameters
    ----------
    model
        The model.
    x, lengths, state
        A batch, as for calling the model. Exponents converge with the number of steps.
    count
        How many of the leading exponents, m; None: all n.
    warm_up
        First steps that are left out, in which the directions settle.
    interval
        Steps between orthonormalisations: so few that the directions stay apart, for exponents
        further than about 30 / interval below the first are lost in rounding.
    """
    handle, batch = check_model(model)._handle, Batch(model._signature, x, lengths, state)
    rows, found = batch.rows, leading(count, model._signature.state.size)
    result = Lyapunov(
        np.empty((rows, found)), np.empty((rows, found)), np.empty(rows), np.empty(rows)
    )
    call = measurement(result._asdict(), found, warm_up, interval)
    check(lib.rnn_model_lyapunov(handle, batch.c, call))
    return result
