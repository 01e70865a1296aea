"""The layers a model is stacked from: descriptions only, with PyTorch's argument names."""

from __future__ import annotations

from typing import Any

from . import _c_types as _c
from . import recurrent
from ._checks import integer, known, word
from ._layer import INITS, Init, Layer


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


def from_c(layer: _c.Layer) -> Layer:
    """Return the layer that a C description stands for."""
    sizes = (layer.input_size, layer.output_size)
    weight_init: Any = word(layer.weight_init, INITS)
    if layer.kind == _c.RNN_EMBEDDING:
        return Embedding(*sizes, weight_init=weight_init)
    if layer.kind == _c.RNN_LINEAR:
        return Linear(*sizes, last=bool(layer.last_step), weight_init=weight_init)
    return recurrent.from_c(layer)
