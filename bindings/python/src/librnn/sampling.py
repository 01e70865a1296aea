"""Drawing tokens from logits."""

from __future__ import annotations

from collections.abc import Sequence
from ctypes import byref
from typing import overload

import numpy as np

from . import _c_types as _c
from ._arrays import DTYPES, Array, address, check_array
from ._c_api import check, lib
from ._checks import UINT64_MAX, integer, number, positive
from .errors import ArgumentError, DTypeError, ShapeError, mismatch

_LEAST = float(np.finfo(np.float64).tiny)  # below this C counts numbers as zero
_FLOATS = (np.dtype("float32"), np.dtype("float64"))


class Random:
    """A place in one of many sequences of random numbers: what a generated text depends on.

    Parameters
    ----------
    seed, stream
        0 to 2**64 - 1: each pair is a sequence of its own.
    position
        How many numbers have been taken; it moves on as tokens are drawn, and can be set.
    """

    def __init__(self, seed: int = 0, stream: int = 0, position: int = 0) -> None:
        self.seed = integer("seed", seed, low=0, high=UINT64_MAX)
        self.stream = integer("stream", stream, low=0, high=UINT64_MAX)
        self.position = integer("position", position, low=0, high=UINT64_MAX)

    def fork(self, stream: int | None = None) -> Random:
        """Return a copy that goes on from here with the same numbers, or with another stream's."""
        return Random(self.seed, self.stream if stream is None else stream, self.position)

    def __eq__(self, other: object) -> bool:
        """Compare the places."""
        return isinstance(other, Random) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Return the call that makes this object."""
        return f"Random(seed={self.seed}, stream={self.stream}, position={self.position})"


@overload
def sample(
    logits: Array,
    temperature: float = ...,
    top_k: int | None = ...,
    top_p: float | None = ...,
    random: Random | None = ...,
) -> int: ...


@overload
def sample(
    logits: Array,
    temperature: float = ...,
    top_k: int | None = ...,
    top_p: float | None = ...,
    random: Sequence[Random] = ...,
) -> Array: ...


def sample(
    logits: Array,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    random: Random | Sequence[Random] | None = None,
) -> int | Array:
    """Draw a token from softmax(logits / temperature).

    Parameters
    ----------
    logits
        [O], or [B, O] for B tokens; float32 or float64. -inf is for what must not come.
    temperature
        0: the likeliest token, of equals the first.
    top_k
        Only the k largest logits, of equals the first; None for all.
    top_p
        In (0, 1]: of these only the fewest of the likeliest that together have this probability.
    random
        Where the random numbers come from, one for each token; for [B, O] a sequence of B of them.
        None only with temperature 0.

    Returns
    -------
    int or ndarray of int64
        The token, or [B] tokens.
    """
    shape = ("B", "O") if np.ndim(logits) == 2 else ("O",)
    check_array("logits", logits, _FLOATS, shape)
    rows = len(logits) if logits.ndim == 2 else 1
    warmth = number("temperature", temperature, low=0)
    if 0 < warmth < _LEAST:
        raise ArgumentError(mismatch("temperature", f"0 or a number > {_LEAST}", warmth))
    options = _c.Sampling(
        dtype=DTYPES[logits.dtype],
        token_type=_c.RNN_INT64,
        batch_size=rows,
        temperature=warmth or _c.RNN_ZERO,
        top_k=0 if top_k is None else integer("top_k", top_k),
        top_p=1.0 if top_p is None else positive("top_p", top_p),
    )
    places = _places(random, rows, logits.ndim == 2)
    if warmth and not places:
        raise ArgumentError(mismatch("random", "a Random for a temperature above 0", "None"))
    states = (_c.Random * rows)(*((p.seed, p.stream, p.position) for p in places))
    tokens = np.empty(rows, np.int64)
    source, target = address(logits), address(tokens)
    size = tokens.nbytes
    check(lib.rnn_sample(byref(options), source, logits.nbytes, states, target, size))
    for place, state in zip(places, states, strict=False):
        place.position = state.position
    return tokens if logits.ndim == 2 else int(tokens[0])


def _places(
    random: Random | Sequence[Random] | None, rows: int, is_batch: bool
) -> Sequence[Random]:
    if random is None:
        return ()
    places = random if is_batch else (random,)
    if isinstance(places, Random) or not all(isinstance(place, Random) for place in places):
        expected = "a sequence of Random for logits [B, O]" if is_batch else "a Random"
        raise DTypeError(mismatch("random", expected, type(random).__name__))
    if len(places) != rows:
        raise ShapeError(mismatch("random", f"{rows} of them", len(places)))
    if len(set(map(id, places))) != rows:
        raise ArgumentError(mismatch("random", "a Random of its own for each row", "one twice"))
    return places
