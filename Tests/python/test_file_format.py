"""docs/file-format.md, line by line, read without librnn."""

from __future__ import annotations

import json
import re
import struct
import zlib
from pathlib import Path

import librnn
import numpy as np
import pytest

STACK = (librnn.Embedding(7, 3), librnn.LSTM(3, 4, num_layers=2), librnn.Linear(4, 7))


@pytest.fixture
def checkpoint(tmp_path: Path) -> bytes:
    trainer = librnn.Trainer(librnn.Model(*STACK, dtype="float64"), clip_norm=1.0)
    tokens = np.arange(10, dtype=np.int64).reshape(5, 2) % 7
    trainer.step(tokens, tokens)
    trainer.save(tmp_path / "run.safetensors")
    return (tmp_path / "run.safetensors").read_bytes()


def header_of(data: bytes) -> tuple[int, dict]:
    (length,) = struct.unpack("<Q", data[:8])
    return length, json.loads(data[8 : 8 + length])


def test_header_is_padded_and_tensors_have_no_gaps(checkpoint: bytes) -> None:
    length, header = header_of(checkpoint)
    assert length % 8 == 0
    del header["__metadata__"]
    end = 0
    for name, entry in header.items():
        assert entry["data_offsets"][0] == end, name
        assert entry["dtype"] == "F64"
        end = entry["data_offsets"][1]
    assert 8 + length + end == len(checkpoint)


def test_names(checkpoint: bytes) -> None:
    names = set(header_of(checkpoint)[1]) - {"__metadata__"}
    parameters = {name for name in names if not name.startswith("optimizer.")}
    assert parameters == set(librnn.Model(*STACK).state_dict())
    slots = ("exp_avg", "exp_avg_sq")
    averages = {f"optimizer.{slot}.{name}" for slot in slots for name in parameters}
    assert names == parameters | averages


def test_metadata(checkpoint: bytes) -> None:
    metadata = header_of(checkpoint)[1]["__metadata__"]
    assert set(metadata) == {"librnn", "trainer", "crc32"}
    model, trainer = json.loads(metadata["librnn"]), json.loads(metadata["trainer"])
    assert (model["format"], model["dtype"]) == (1, "float64")
    assert [layer["kind"] for layer in model["layers"]] == ["Embedding", "LSTM", "Linear"]
    assert model["layers"][1]["num_layers"] == 2
    assert (trainer["format"], trainer["steps"], trainer["updates"]) == (1, 1, 1)
    assert trainer["clip_norm"] == 1.0


def test_checksum_is_zlibs(checkpoint: bytes) -> None:
    digits = header_of(checkpoint)[1]["__metadata__"]["crc32"]
    blank = re.sub(rb'"crc32":"[0-9a-f]{8}"', b'"crc32":"00000000"', checkpoint, count=1)
    assert f"{zlib.crc32(blank):08x}" == digits
