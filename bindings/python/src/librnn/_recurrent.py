"""What all recurrent layers have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, TypeAlias, TypedDict

from . import _c_types as _c
from . import _functions
from ._checks import integer, known, number, positive
from ._functions import Function
from ._layer import INITS, Init, Layer

Merge: TypeAlias = Literal["concat", "sum"]

DIRECTIONS: Mapping[str, int] = {"concat": _c.RNN_CONCATENATED, "sum": _c.RNN_SUMMED}
PROBABILITIES = ("zoneout", "input_dropout", "recurrent_dropout", "weight_drop")


class Options(TypedDict, total=False):
    """What every recurrent layer takes: see `Recurrent`."""

    bidirectional: bool
    merge: Merge
    layer_norm: bool
    zoneout: float
    input_dropout: float
    recurrent_dropout: float
    weight_drop: float
    residual: bool
    learn_state: bool
    activations: Sequence[Function] | None
    weight_init: Init
    recurrent_init: Init
    spectral_radius: float | None


class Recurrent(Layer):
    """What all recurrent layers have in common.

    Takes [T, B, I], gives [T, B, H] of the last stacked layer, or [T, B, 2H] of both directions.

    Parameters
    ----------
    input_size, hidden_size
        I and H.
    num_layers
        L, stacked one above the other.
    dropout
        Between the stacked layers, in training; in [0, 1).
    bidirectional
        Whether time is walked both ways, each sequence turned round by itself. Such a model does
        not stream.
    merge
        "concat" puts the outputs of both directions beside each other, "sum" adds them.
    layer_norm
        Whether W_ih x, W_hh h and c are normalised, Ba, Kiros and Hinton 2016.
    zoneout
        The part of the units that keep h_{t-1} in training; otherwise the mean of it. Krueger et
        al. 2017.
    input_dropout, recurrent_dropout
        Of x, and of h on its way into W_hh: one mask for all steps. Gal and Ghahramani 2016.
    weight_drop
        Of the numbers of W_hh, one mask for all steps. Merity, Keskar and Socher 2018.
    residual
        Whether each stacked layer whose input is as wide as its output adds it to its output.
    learn_state
        Whether the initial state, where none is given, is a parameter.
    activations
        ONNX's f, g and h: of the gates, of the candidate, and, of an LSTM, of the cell that h sees;
        of an RNN one; names, or ("hard_sigmoid", alpha, beta). None: those of the cell.
    weight_init, recurrent_init
        How ``weight_ih_l{k}`` and ``weight_hh_l{k}`` begin, gate by gate; under "keras" as one
        matrix.
    spectral_radius
        Of each gate of ``weight_hh_l{k}`` under "sparse"; None is 1.1.
    """

    input_size: int
    hidden_size: int
    num_layers: int
    dropout: float
    bidirectional: bool
    merge: Merge
    layer_norm: bool
    zoneout: float
    input_dropout: float
    recurrent_dropout: float
    weight_drop: float
    residual: bool
    learn_state: bool
    activations: tuple[Function, ...] | None
    weight_init: Init
    recurrent_init: Init
    spectral_radius: float | None
    # How many `activations` there are.
    _function_count: ClassVar[int] = 2

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        dropout: float = 0.0,
        *,
        bidirectional: bool = False,
        merge: Merge = "concat",
        layer_norm: bool = False,
        zoneout: float = 0.0,
        input_dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        weight_drop: float = 0.0,
        residual: bool = False,
        learn_state: bool = False,
        activations: Sequence[Function] | None = None,
        weight_init: Init = "default",
        recurrent_init: Init = "default",
        spectral_radius: float | None = None,
    ) -> None:
        self._settle(
            input_size=integer("input_size", input_size),
            hidden_size=integer("hidden_size", hidden_size),
            num_layers=integer("num_layers", num_layers),
            dropout=probability("dropout", dropout),
            bidirectional=bool(bidirectional),
            merge=known("merge", merge, DIRECTIONS),
            layer_norm=bool(layer_norm),
            zoneout=probability("zoneout", zoneout),
            input_dropout=probability("input_dropout", input_dropout),
            recurrent_dropout=probability("recurrent_dropout", recurrent_dropout),
            weight_drop=probability("weight_drop", weight_drop),
            residual=bool(residual),
            learn_state=bool(learn_state),
            activations=_functions.several("activations", activations, self._function_count),
            weight_init=known("weight_init", weight_init, INITS),
            recurrent_init=known("recurrent_init", recurrent_init, INITS),
            spectral_radius=None
            if spectral_radius is None
            else positive("spectral_radius", spectral_radius),
        )

    def _stack(self, kind: int, **more: Any) -> _c.Layer:
        return _c.Layer(
            kind=kind,
            input_size=self.input_size,
            output_size=self.hidden_size,
            num_layers=self.num_layers,
            dropout=self.dropout,
            weight_init=INITS[self.weight_init],
            recurrent_init=INITS[self.recurrent_init],
            spectral_radius=self.spectral_radius or 0.0,
            direction=DIRECTIONS[self.merge] if self.bidirectional else _c.RNN_FORWARD,
            layer_norm=self.layer_norm,
            residual=self.residual,
            learn_state=self.learn_state,
            **{name: getattr(self, name) for name in PROBABILITIES},
            **_functions.to_c(self.activations),
            **more,
        )


def probability(name: str, value: float) -> float:
    """Return a number in [0, 1)."""
    return number(name, value, low=0, below=1)
