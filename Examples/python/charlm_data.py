"""The text of the character model: where it comes from, and how it is cut into batches."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from pydoc_data.topics import topics

import numpy as np
from numpy.typing import NDArray

Tokens = NDArray[np.int32]

IGNORED = -100
"""A label that counts for nothing in CrossEntropyLoss."""


def load_text(path: Path | None) -> Tokens:
    """Return the bytes of a file as tokens 0 .. 255; of Python's reference manual for None.

    The manual is the help topics of ``pydoc_data.topics``, sorted by key, an empty line between
    two of them.
    """
    if path is None:
        text = "\n\n".join(topics[key] for key in sorted(topics)).encode()
    else:
        text = path.read_bytes()
    return np.frombuffer(text, np.uint8).astype(np.int32)


def split(text: Tokens, fraction: float = 0.9) -> tuple[Tokens, Tokens]:
    """Return the first part of a text, to train on, and the rest, held out."""
    end = int(fraction * len(text))
    return text[:end], text[end:]


def endless_batches(
    text: Tokens, batch_size: int, time_steps: int, position: int = 0
) -> Iterator[tuple[Tokens, Tokens]]:
    """Yield x and y [T, B] for ever: `batch_size` heads read on through the text.

    The heads begin at equal distances, each where the piece of another ends, and the text is
    joined to a ring. So every batch continues the one before, and the state is always carried on.

    Parameters
    ----------
    text
        The tokens to read.
    batch_size, time_steps
        B and T.
    position
        How many steps the heads have read already.
    """
    heads = np.arange(batch_size) * len(text) // batch_size
    steps = np.arange(time_steps + 1)[:, None]
    while True:
        window = text[(position + steps + heads) % len(text)]
        yield window[:-1], window[1:]
        position += time_steps


def parallel_streams(text: Tokens, batch_size: int) -> tuple[Tokens, Tokens]:
    """Cut a text into pieces of equal length, to be read side by side: x and y [T, B].

    Every token but the first is a label exactly once; what the last piece lacks is IGNORED.
    """
    count = len(text) - 1
    steps = -(-count // batch_size)
    x = np.zeros(batch_size * steps, np.int32)
    y = np.full(batch_size * steps, IGNORED, np.int32)
    x[:count], y[:count] = text[:-1], text[1:]
    shape = (batch_size, steps)
    return np.ascontiguousarray(x.reshape(shape).T), np.ascontiguousarray(y.reshape(shape).T)
