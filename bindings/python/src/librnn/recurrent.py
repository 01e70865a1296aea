"""The recurrent layers: descriptions only, with PyTorch's argument names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from . import _c_types as _c
from . import _functions
from ._checks import integer, known, number, word
from ._layer import INITS, Layer
from ._recurrent import DIRECTIONS, PROBABILITIES, Options, Recurrent, probability
from .errors import ArgumentError, mismatch

if TYPE_CHECKING:
    from typing_extensions import Unpack


class RNN(Recurrent):
    """Elman's network: h_t = tanh(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh), or another function.

    State h [L, B, H]. Weights ``weight_ih_l{k}`` [H, I or H], ``weight_hh_l{k}`` [H, H].

    Parameters
    ----------
    input_size, hidden_size, num_layers, dropout, **options
        Those of `Recurrent`.
    nonlinearity
        "tanh", "relu", "sigmoid", "hard_sigmoid", "softsign" or "identity": the linear recurrence.
    """

    nonlinearity: _functions.Name
    _function_count = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        dropout: float = 0.0,
        *,
        nonlinearity: _functions.Name = "tanh",
        **options: Unpack[Options],
    ) -> None:
        super().__init__(input_size, hidden_size, num_layers, dropout, **options)
        self._settle(nonlinearity=known("nonlinearity", nonlinearity, _functions.NONLINEARITIES))

    def _to_c(self) -> _c.Layer:
        code = _functions.NONLINEARITIES[self.nonlinearity]
        return self._stack(_c.RNN_ELMAN, nonlinearity=code)


class GRU(Recurrent):
    """Gated recurrent units, gates r, z, n in this order.

    n = tanh(W_in x + b_in + r*(W_hn h + b_hn)); h_t = (1-z)*n + z*h_{t-1}. State h [L, B, H].
    Weights ``weight_ih_l{k}`` [3H, I or H], ``weight_hh_l{k}`` [3H, H].

    Parameters
    ----------
    input_size, hidden_size, num_layers, dropout, **options
        Those of `Recurrent`.
    reset_after
        Whether r is applied after the product, as above; otherwise
        n = tanh(W_in x + b_in + W_hn (r*h) + b_hn), as Cho et al. 2014 have it.
    chrono
        The longest dependency in steps, more than 2: the biases of gate z begin such that memories
        last from 2 to so many steps. None leaves them as `weight_init` makes them.
    """

    reset_after: bool
    chrono: float | None

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        dropout: float = 0.0,
        *,
        reset_after: bool = True,
        chrono: float | None = None,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(input_size, hidden_size, num_layers, dropout, **options)
        self._settle(
            reset_after=bool(reset_after),
            chrono=None if chrono is None else _above_two("chrono", chrono),
        )

    def _to_c(self) -> _c.Layer:
        chrono = self.chrono or 0.0
        if self.reset_after:
            return self._stack(_c.RNN_GRU, chrono=chrono)
        return self._stack(_c.RNN_CELL, cell=b"gru_reset_before", chrono=chrono)


class LSTM(Recurrent):
    """Long short-term memory, gates i, f, g, o in this order.

    c_t = f*c_{t-1} + i*g; h_t = o*tanh(c_t). State h [L, B, H or P] and c [L, B, H]. Weights
    ``weight_ih_l{k}`` [4H, I or H], ``weight_hh_l{k}`` [4H, H or P].

    Parameters
    ----------
    input_size, hidden_size, num_layers, dropout, **options
        Those of `Recurrent`.
    coupled
        Whether f = 1 - i, with gates i, g, o: Greff et al. 2017.
    peepholes
        Whether gates see c, through ``weight_peephole_l{k}``: Gers and Schmidhuber 2000.
    proj_size
        P < H: h_t = W_hr (o*tanh(c_t)), ``weight_hr_l{k}`` [P, H]; 0: none. Sak et al. 2014.
    zoneout_cell
        As `zoneout`, of c.
    forget_bias
        The sum of the two biases of the forget gate at the beginning, a number other than 0; None
        leaves them as `weight_init` makes them.
    chrono
        The longest dependency in steps, more than 2: the biases of gates f and i begin such that
        memories last from 2 to so many steps. None leaves them as `weight_init` makes them; not
        beside `forget_bias`.
    """

    coupled: bool
    peepholes: bool
    proj_size: int
    zoneout_cell: float
    forget_bias: float | None
    chrono: float | None
    _function_count = 3

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        dropout: float = 0.0,
        *,
        coupled: bool = False,
        peepholes: bool = False,
        proj_size: int = 0,
        zoneout_cell: float = 0.0,
        forget_bias: float | None = None,
        chrono: float | None = None,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(input_size, hidden_size, num_layers, dropout, **options)
        self._settle(
            coupled=bool(coupled),
            peepholes=bool(peepholes),
            proj_size=integer("proj_size", proj_size, low=0),
            zoneout_cell=probability("zoneout_cell", zoneout_cell),
            forget_bias=None if forget_bias is None else _not_zero(forget_bias),
            chrono=None if chrono is None else _above_two("chrono", chrono),
        )

    def _to_c(self) -> _c.Layer:
        kind: dict[str, Any] = {"kind": _c.RNN_LSTM}
        if self.coupled:
            kind = {"kind": _c.RNN_CELL, "cell": b"lstm_coupled"}
        return self._stack(
            **kind,
            peepholes=self.peepholes,
            proj_size=self.proj_size,
            zoneout_cell=self.zoneout_cell,
            forget_bias=self.forget_bias or 0.0,
            chrono=self.chrono or 0.0,
        )


class Cell(Recurrent):
    """A recurrent layer of any cell that the library has, by name.

    Parameters
    ----------
    name
        "min_gru", "min_lstm" (Feng et al. 2024: gates that see x alone, and no W_hh), or another of
        `rnn_layer.cell` in rnn.h.
    input_size, hidden_size, num_layers, dropout, **options
        Those of `Recurrent`.
    """

    name: str
    _function_count = 3

    def __init__(
        self,
        name: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        dropout: float = 0.0,
        **options: Unpack[Options],
    ) -> None:
        self._settle(name=str(name))
        super().__init__(input_size, hidden_size, num_layers, dropout, **options)

    def _to_c(self) -> _c.Layer:
        return self._stack(_c.RNN_CELL, cell=self.name.encode())


class MinGRU(Recurrent):
    """A GRU whose gates z, n see x alone: h_t = (1-z)*h_{t-1} + z*n, n = W_in x + b_in.

    Feng et al. 2024. State h [L, B, H]. Weights ``weight_ih_l{k}`` [2H, I or H], and no W_hh. Where
    rows are few, threads share the steps of a sequence: a scan over T with the bits of a stream.
    Takes the arguments of `Recurrent`.
    """

    def _to_c(self) -> _c.Layer:
        return self._stack(_c.RNN_CELL, cell=b"min_gru")


class MinLSTM(Recurrent):
    """An LSTM whose gates f, i, n see x alone: h_t = f/(f+i)*h_{t-1} + i/(f+i)*n.

    Feng et al. 2024; n = W_in x + b_in. State h [L, B, H]. Weights ``weight_ih_l{k}`` [3H, I or H],
    and no W_hh. Takes the arguments of `Recurrent`.
    """

    def _to_c(self) -> _c.Layer:
        return self._stack(_c.RNN_CELL, cell=b"min_lstm")


GATES: Mapping[int | str, tuple[str, ...]] = {
    _c.RNN_ELMAN: ("h",),
    _c.RNN_GRU: ("r", "z", "n"),
    _c.RNN_LSTM: ("i", "f", "g", "o"),
    "elman": ("h",),
    "gru": ("r", "z", "n"),
    "lstm": ("i", "f", "g", "o"),
    "gru_reset_before": ("r", "z", "n"),
    "lstm_coupled": ("i", "g", "o"),
    "min_gru": ("z", "n"),
    "min_lstm": ("f", "i", "n"),
}


def gates(layer: Layer) -> tuple[str, ...]:
    """Return the names of a recurrent layer's gates, in the order of its weights."""
    described = layer._to_c()
    return GATES[described.cell.decode() if described.cell else described.kind]


def _not_zero(forget_bias: float) -> float:
    checked = number("forget_bias", forget_bias)
    if checked == 0:
        raise ArgumentError(mismatch("forget_bias", "a number other than 0, or None", 0))
    return checked


def _above_two(name: str, value: float) -> float:
    checked = number(name, value)
    if checked <= 2:
        raise ArgumentError(mismatch(name, "a number > 2, or None", checked))
    return checked


def from_c(layer: _c.Layer) -> Recurrent:
    """Return the recurrent layer that a C description stands for."""
    sizes = (layer.input_size, layer.output_size, layer.num_layers or 1, layer.dropout)
    name = layer.cell.decode() if layer.cell else ""
    options: dict[str, Any] = {
        "bidirectional": layer.direction != _c.RNN_FORWARD,
        "merge": word(layer.direction, DIRECTIONS) if layer.direction else "concat",
        "layer_norm": bool(layer.layer_norm),
        "residual": bool(layer.residual),
        "learn_state": bool(layer.learn_state),
        "weight_init": word(layer.weight_init, INITS),
        "recurrent_init": word(layer.recurrent_init, INITS),
        "spectral_radius": layer.spectral_radius or None,
        **{option: getattr(layer, option) for option in PROBABILITIES},
    }
    kind = _KINDS.get(name or layer.kind, Cell)
    options["activations"] = _functions.from_c(layer, kind._function_count)
    if layer.kind == _c.RNN_ELMAN:
        nonlinearity: Any = word(layer.nonlinearity, _functions.NONLINEARITIES)
        return RNN(*sizes, nonlinearity=nonlinearity, **options)
    if layer.kind == _c.RNN_GRU or name == "gru_reset_before":
        return GRU(*sizes, reset_after=not name, chrono=layer.chrono or None, **options)
    if layer.kind == _c.RNN_LSTM or name == "lstm_coupled":
        return LSTM(
            *sizes,
            coupled=layer.kind != _c.RNN_LSTM,
            peepholes=bool(layer.peepholes),
            proj_size=layer.proj_size,
            zoneout_cell=layer.zoneout_cell,
            forget_bias=layer.forget_bias or None,
            chrono=layer.chrono or None,
            **options,
        )
    if kind is Cell:
        return Cell(name, *sizes, **options)
    return kind(*sizes, **options)


_KINDS: Mapping[int | str, type[Recurrent]] = {
    _c.RNN_ELMAN: RNN,
    _c.RNN_GRU: GRU,
    _c.RNN_LSTM: LSTM,
    "gru_reset_before": GRU,
    "lstm_coupled": LSTM,
    "min_gru": MinGRU,
    "min_lstm": MinLSTM,
}
