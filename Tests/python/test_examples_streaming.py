"""The examples that stream: pedal, adapt and forecast, on sounds and a series by stated rules."""

import json
import os
import re
import subprocess
import sys
import wave

import librnn
import numpy as np
import pedal_data
import pytest

from conftest import ROOT
from support import assert_close, assert_same_bits, normal

EXAMPLES = ROOT / "Examples" / "python"
RATE = 8000
NUMBER = r"[-+]?[\d.]+(?:e[-+]\d+)?"

# To the bit, but for OpenBLAS, which sums in another order for every shape.
same = assert_close if os.environ.get("LIBRNN_PRODUCTS") == "blas" else assert_same_bits


def run(*words, cwd):
    """What a program prints; its complaint is part of the failure."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "bindings" / "python" / "src")}
    words = [str(word) for word in words]
    done = subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def program(name):
    path = ROOT / "build" / "examples" / name
    if not path.is_file():
        pytest.skip(f"{path.name} is not built: make build/examples/{name}")
    return path


def numbers_after(words, text):
    """Every number that follows some words of a text."""
    return [float(number) for number in re.findall(f"{words} +({NUMBER})", text)]


def samples(path):
    return np.frombuffer(path.read_bytes()[44:], "<f4")


def notes(count):
    """Five notes, three times in every second, each dying away: in [-0.8, 0.8]."""
    t = np.arange(count)
    pitch = np.array([110, 147, 196, 165, 131])[t * 3 // RATE % 5]
    return 0.8 * np.sin(2 * np.pi * pitch * t / RATE) * np.exp(-(t * 3 % RATE) / RATE)


@pytest.fixture
def pedal(tmp_path):
    """Files of pedal_data.py: a GRU of Keras with 3 units, and what it makes of 4 segments."""
    sizes = [(1, 9), (3, 9), (2, 9), (3, 1), (1,)]
    weights = [0.5 * normal(seed, *size) for seed, size in enumerate(sizes)]
    layers = [("gru", weights[:3]), ("dense", weights[3:])]
    layers = [{"type": kind, "weights": [w.tolist() for w in part]} for kind, part in layers]
    (tmp_path / "keras.json").write_text(json.dumps({"layers": layers}))
    x = np.int16(32767 * notes(4 * 333).reshape(4, 333))
    y = pedal_data.SCALE * pedal_data.keras_output(weights, pedal_data.as_floats(x))
    np.savez(tmp_path / "pairs.npz", x=x, y50=np.int16(np.round(32768 * y)), fs=RATE)
    script = EXAMPLES / "pedal_data.py"
    text = run(sys.executable, script, "keras.json", "pairs.npz", ".", cwd=tmp_path)
    assert numbers_after("at most", text)[0] < 1e-6
    assert numbers_after("recording:", text)[0] == pytest.approx(0.5, abs=1e-3)
    assert numbers_after("error to signal", text)[0] < 1e-4
    return tmp_path


def test_pedal_plays_what_the_model_gives(pedal):
    text = run(program("pedal"), "model.safetensors", "dry.wav", "wet.wav", cwd=pedal)
    dry, wet = samples(pedal / "dry.wav"), samples(pedal / "wet.wav")
    assert len(dry) % 64 > 0
    model = librnn.load(pedal / "model.safetensors")
    same(wet, model(dry[:, None, None].copy())[0][:, 0, 0])
    assert "times real time" in text and "recording" not in text


def test_pedal_measures_errors(pedal):
    command = [program("pedal"), "model.safetensors", "dry.wav", "wet.wav", "wet.wav"]
    run(*command[:-1], cwd=pedal)
    wet = samples(pedal / "wet.wav")
    pedal_data.write_wav(pedal / "recorded.wav", wet + np.float32(0.25), RATE)
    text = run(*command[:-1], "recorded.wav", cwd=pedal)
    ratio = 0.25**2 / np.mean((wet + 0.25) ** 2, dtype=float)
    assert numbers_after("RMS error", text) == [0.25]
    assert numbers_after("error to signal", text) == [pytest.approx(ratio, abs=1e-5)]
    assert numbers_after(";", text.splitlines()[-1]) == [0.0]
    assert numbers_after("difference", text) == [-0.25]


def sixteen_bits(path):
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(bytes(64))


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda folder: (folder / "dry.wav").write_bytes(b"RIFF"), "expected a WAV file"),
        (lambda folder: sixteen_bits(folder / "dry.wav"), "expected 32-bit float, 1 channel"),
        (lambda folder: (folder / "dry.wav").unlink(), "expected a WAV file, got none"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"{}"), "RNN_ERR_FORMAT"),
        (
            lambda folder: librnn.Model(librnn.GRU(2, 1)).save(folder / "model.safetensors"),
            "expected a model of float32 that takes one number and gives one",
        ),
    ],
)
def test_pedal_refuses(pedal, spoil, told):
    spoil(pedal)
    words = [program("pedal"), "model.safetensors", "dry.wav", "wet.wav"]
    done = subprocess.run(words, cwd=pedal, capture_output=True, text=True)
    assert done.returncode == 1 and told in done.stderr
    assert not (pedal / "wet.wav").exists()


def test_adapt_learns_while_it_plays(pedal):
    """Two seconds of a pedal that saturates and then smooths: y_t = (y_{t-1} + tanh 3 x_t) / 2."""
    dry = np.float32(notes(2 * RATE))
    recorded = np.zeros_like(dry)
    for t, x in enumerate(dry):
        recorded[t] = (recorded[t - 1] + np.tanh(3 * x)) / 2
    pedal_data.write_wav(pedal / "dry.wav", dry, RATE)
    pedal_data.write_wav(pedal / "recorded.wav", recorded, RATE)
    words = ["dry.wav", "recorded.wav", "wet.wav", "learned.safetensors"]
    text = run(program("adapt"), *words, cwd=pedal)
    errors = numbers_after("error to signal", text)
    assert len(errors) == 11
    assert errors[0] > 0.2 and errors[-1] < 0.02
    assert numbers_after("new weights came in", text)[0] > 0
    wet, learned = samples(pedal / "wet.wav"), librnn.load(pedal / "learned.safetensors")
    assert len(wet) == len(dry)
    offline = learned(dry[:, None, None])[0][:, 0, 0]
    assert np.sum((offline - recorded) ** 2) < np.sum((wet - recorded) ** 2)


def test_forecast_beats_the_last_value(tmp_path):
    """A wave of 25 steps with some noise; one value is missing."""
    values = 10 + 5 * np.sin(2 * np.pi * np.arange(600) / 25) + 0.1 * normal(0, 600)
    lines = [f"{t},{value:.3f}" for t, value in enumerate(values)]
    lines[100] = "100,"
    (tmp_path / "series.csv").write_text("\n".join(["t,value", *lines]))
    words = [EXAMPLES / "forecast.py", "series.csv", "--season", 25, "--updates", 100]
    text = run(sys.executable, *words, cwd=tmp_path)
    table = text.splitlines()[-4:-1]
    ours, last, season = (float(line.split()[-1]) for line in table)
    assert ours < 0.5 * last
    assert season < last
