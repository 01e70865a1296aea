"""The layers a model is stacked from: descriptions only, with PyTorch's argument names."""

from __future__ import annotations

from typing import Any, Literal

from . import _c_types as _c
from ._checks import integer, known, number, word
from ._layer import INITS, NONLINEARITIES, Init, Layer, Recurrent
from .errors import ArgumentError, mismatch


class Embedding(Layer):
    """A vector for each token: y = weight[token].

    Takes token ids [T, B] in ``0 .. num_embeddings - 1``, gives [T, B, embedding_dim]. Only as the
    first layer.

    Parameters
    ----------
    num_embeddings
        The number of tokens.
    embedding_dim
        The length of each vector.
    weight_init
        How ``weight`` [num_embeddings, embedding_dim] begins; "default" is N(0, 1). Not "sparse".
    """

    num_embeddings: int
    embedding_dim: int
    weight_init: Init

    def __init__(
        self, num_embeddings: int, embedding_dim: int, *, weight_init: Init = "default"
    ) -> None:
        self._settle(
            num_embeddings=integer("num_embeddings", num_embeddings),
            embedding_dim=integer("embedding_dim", embedding_dim),
            weight_init=known("weight_init", weight_init, INITS),
        )

    def _to_c(self) -> _c.Layer:
        return _c.Layer(
            kind=_c.RNN_EMBEDDING,
            input_size=self.num_embeddings,
            output_size=self.embedding_dim,
            weight_init=INITS[self.weight_init],
        )


class RNN(Recurrent):
    """Elman's network: h_t = tanh(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh), or relu, or neither.

    Takes [T, B, I], gives [T, B, H] of the last stacked layer; state h [L, B, H].

    Parameters
    ----------
    input_size, hidden_size
        I and H.
    num_layers
        L, stacked one above the other.
    dropout
        Between the stacked layers, in training; in [0, 1).
    weight_init, recurrent_init
        How ``weight_ih_l{k}`` [H, I or H] and ``weight_hh_l{k}`` [H, H] begin.
    nonlinearity
        "tanh", "relu" or "identity": the linear recurrence.
    spectral_radius
        Of ``weight_hh_l{k}`` under "sparse"; None is 1.1.
    """

    nonlinearity: Literal["tanh", "relu", "identity"]

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        dropout: float = 0.0,
        *,
        weight_init: Init = "default",
        recurrent_init: Init = "default",
        nonlinearity: Literal["tanh", "relu", "identity"] = "tanh",
        spectral_radius: float | None = None,
    ) -> None:
        super().__init__(
            input_size,
            hidden_size,
            num_layers,
            dropout,
            weight_init=weight_init,
            recurrent_init=recurrent_init,
            spectral_radius=spectral_radius,
        )
        self._settle(nonlinearity=known("nonlinearity", nonlinearity, NONLINEARITIES))

    def _to_c(self) -> _c.Layer:
        return self._stack(_c.RNN_ELMAN, nonlinearity=NONLINEARITIES[self.nonlinearity])


class GRU(Recurrent):
    """Gated recurrent units, gates r, z, n in this order, reset after the product.

    n = tanh(W_in x + b_in + r*(W_hn h + b_hn)); h_t = (1-z)*n + z*h_{t-1}. Takes [T, B, I], gives
    [T, B, H] of the last stacked layer; state h [L, B, H].

    Parameters
    ----------
    input_size, hidden_size
        I and H.
    num_layers
        L, stacked one above the other.
    dropout
        Between the stacked layers, in training; in [0, 1).
    weight_init, recurrent_init
        How ``weight_ih_l{k}`` [3H, I or H] and ``weight_hh_l{k}`` [3H, H] begin, gate by gate;
        under "keras" as one matrix.
    spectral_radius
        Of each gate of ``weight_hh_l{k}`` under "sparse"; None is 1.1.
    chrono
        The longest dependency in steps, more than 2: the biases of gate z begin such that memories
        last from 2 to so many steps. None leaves them as `weight_init` makes them.
    """

    chrono: float | None

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        dropout: float = 0.0,
        *,
        weight_init: Init = "default",
        recurrent_init: Init = "default",
        spectral_radius: float | None = None,
        chrono: float | None = None,
    ) -> None:
        super().__init__(
            input_size,
            hidden_size,
            num_layers,
            dropout,
            weight_init=weight_init,
            recurrent_init=recurrent_init,
            spectral_radius=spectral_radius,
        )
        self._settle(chrono=None if chrono is None else _above_two("chrono", chrono))

    def _to_c(self) -> _c.Layer:
        return self._stack(_c.RNN_GRU, chrono=self.chrono or 0.0)


class LSTM(Recurrent):
    """Long short-term memory, gates i, f, g, o in this order.

    c_t = f*c_{t-1} + i*g; h_t = o*tanh(c_t). Takes [T, B, I], gives [T, B, H] of the last stacked
    layer; state h and c, each [L, B, H].

    Parameters
    ----------
    input_size, hidden_size
        I and H.
    num_layers
        L, stacked one above the other.
    dropout
        Between the stacked layers, in training; in [0, 1).
    weight_init, recurrent_init
        How ``weight_ih_l{k}`` [4H, I or H] and ``weight_hh_l{k}`` [4H, H] begin, gate by gate;
        under "keras" as one matrix.
    forget_bias
        The sum of the two biases of the forget gate at the beginning, a number other than 0; None
        leaves them as `weight_init` makes them.
    spectral_radius
        Of each gate of ``weight_hh_l{k}`` under "sparse"; None is 1.1.
    chrono
        The longest dependency in steps, more than 2: the biases of gates f and i begin such that
        memories last from 2 to so many steps. None leaves them as `weight_init` makes them. Not
        beside `forget_bias`.
    """

    forget_bias: float | None
    chrono: float | None

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        dropout: float = 0.0,
        *,
        weight_init: Init = "default",
        recurrent_init: Init = "default",
        forget_bias: float | None = None,
        spectral_radius: float | None = None,
        chrono: float | None = None,
    ) -> None:
        super().__init__(
            input_size,
            hidden_size,
            num_layers,
            dropout,
            weight_init=weight_init,
            recurrent_init=recurrent_init,
            spectral_radius=spectral_radius,
        )
        self._settle(
            forget_bias=None if forget_bias is None else _not_zero(forget_bias),
            chrono=None if chrono is None else _above_two("chrono", chrono),
        )

    def _to_c(self) -> _c.Layer:
        return self._stack(
            _c.RNN_LSTM, forget_bias=self.forget_bias or 0.0, chrono=self.chrono or 0.0
        )


class Linear(Layer):
    """An affine head: y = W x + b.

    Takes [T, B, in_features], gives [T, B, out_features], or [B, out_features] with `last`.

    Parameters
    ----------
    in_features, out_features
        The sizes of x and y.
    last
        Answer for the last valid step only. Only in the last layer.
    weight_init
        How ``weight`` [out_features, in_features] begins.
    """

    in_features: int
    out_features: int
    last: bool
    weight_init: Init

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        last: bool = False,
        weight_init: Init = "default",
    ) -> None:
        self._settle(
            in_features=integer("in_features", in_features),
            out_features=integer("out_features", out_features),
            last=bool(last),
            weight_init=known("weight_init", weight_init, INITS),
        )

    def _to_c(self) -> _c.Layer:
        return _c.Layer(
            kind=_c.RNN_LINEAR,
            input_size=self.in_features,
            output_size=self.out_features,
            last_step=self.last,
            weight_init=INITS[self.weight_init],
        )


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


def from_c(layer: _c.Layer) -> Layer:
    """Return the layer that a C description stands for."""
    sizes = (layer.input_size, layer.output_size)
    weight_init: Any = word(layer.weight_init, INITS)
    if layer.kind == _c.RNN_EMBEDDING:
        return Embedding(*sizes, weight_init=weight_init)
    if layer.kind == _c.RNN_LINEAR:
        return Linear(*sizes, last=bool(layer.last_step), weight_init=weight_init)
    options: dict[str, Any] = {
        "num_layers": layer.num_layers or 1,
        "dropout": layer.dropout,
        "weight_init": weight_init,
        "recurrent_init": word(layer.recurrent_init, INITS),
        "spectral_radius": layer.spectral_radius or None,
    }
    if layer.kind == _c.RNN_ELMAN:
        options["nonlinearity"] = word(layer.nonlinearity, NONLINEARITIES)
        return RNN(*sizes, **options)
    options["chrono"] = layer.chrono or None
    if layer.kind == _c.RNN_GRU:
        return GRU(*sizes, **options)
    return LSTM(*sizes, **options, forget_bias=layer.forget_bias or None)
