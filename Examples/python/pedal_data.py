"""Files for Examples/c/pedal.c: a model of a guitar pedal, and what a pedal made of a guitar.

    python Examples/python/pedal_data.py centaur_50.json klon_centaur_pairs.npz build/pedal

Reads a GRU of Keras and a dense layer, as JSON, and segments of sound before and after the pedal.
Writes model.safetensors, dry.wav and recorded.wav, and says how well the three fit together. The
recordings have half the scale of the model's output, which the dense layer takes on here.
"""

from __future__ import annotations

import argparse
import json
import struct
from pathlib import Path

import librnn
import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
Weights = list[NDArray[np.float64]]

SCALE = 0.5
"""Of the recordings, in the scale of the model's output."""


def main() -> None:
    """Convert, compare, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("model", type=Path, help="a GRU and a dense layer of Keras, as JSON")
    parser.add_argument("pairs", type=Path, help="npz of x and recordings [n, T] of int16, and fs")
    parser.add_argument("out", type=Path, help="the folder to write to")
    parser.add_argument("--target", default="y50", help="which recording in the npz")
    options = parser.parse_args()
    for path in (options.model, options.pairs):
        if not path.is_file():
            parser.error(f"expected a file, got {path}")
    weights = read_keras(options.model)
    model = to_librnn(weights)
    pairs = np.load(options.pairs)
    dry, recorded = as_floats(pairs["x"]), as_floats(pairs[options.target])
    compare(model, weights, dry, recorded)
    write(options.out, model, dry, recorded, int(pairs["fs"]))


def read_keras(path: Path) -> Weights:
    """Return kernel [1, 3H], recurrent kernel [H, 3H], biases [2, 3H], dense kernel and bias."""
    layers = json.loads(path.read_text())["layers"]
    kinds = [layer["type"] for layer in layers]
    if kinds != ["gru", "dense"]:
        raise SystemExit(f"pedal_data: {path}: expected a GRU and a dense layer, got {kinds}")
    return [np.array(tensor) for layer in layers for tensor in layer["weights"]]


def to_librnn(weights: Weights) -> librnn.Model:
    """Return the model: Keras's gates z, r, h become r, z, n, and its columns rows."""
    kernel, recurrent, biases, dense, dense_bias = weights
    hidden = len(recurrent)
    model = librnn.Model(librnn.GRU(len(kernel), hidden), librnn.Linear(hidden, dense.shape[1]))
    tensors = {
        "0.weight_ih_l0": gates_in_order(kernel).T,
        "0.weight_hh_l0": gates_in_order(recurrent).T,
        "0.bias_ih_l0": gates_in_order(biases[0]),
        "0.bias_hh_l0": gates_in_order(biases[1]),
        "1.weight": SCALE * dense.T,
        "1.bias": SCALE * dense_bias,
    }
    model.load_state_dict(
        {name: np.array(value, "f4", order="C") for name, value in tensors.items()}
    )
    return model


def gates_in_order(tensor: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a tensor whose last axis has the gates z, r, h with r, z, h there."""
    z, r, h = np.split(tensor, 3, axis=-1)
    return np.concatenate([r, z, h], axis=-1)


def as_floats(samples: NDArray[np.int16]) -> Samples:
    """Return samples in [-1, 1)."""
    return np.float32(samples) / np.float32(32768)


def keras_output(weights: Weights, x: Samples) -> NDArray[np.float64]:
    """Return what Keras's formulas give for segments [n, T], in float64, with its own gate order.

    With ``reset_after``: the reset gate multiplies the product of h, its bias included.
    """
    kernel, recurrent, (bias, recurrent_bias), dense, dense_bias = weights
    h = np.zeros((len(x), len(recurrent)))
    outputs = np.empty(x.shape)
    for t, column in enumerate(np.float64(x).T):
        from_x = np.split(column[:, None] @ kernel + bias, 3, axis=1)
        from_h = np.split(h @ recurrent + recurrent_bias, 3, axis=1)
        z, r = (1 / (1 + np.exp(-(from_x[gate] + from_h[gate]))) for gate in (0, 1))
        h = z * h + (1 - z) * np.tanh(from_x[2] + r * from_h[2])
        outputs[:, t] = (h @ dense + dense_bias)[:, 0]
    return outputs


def compare(model: librnn.Model, weights: Weights, dry: Samples, recorded: Samples) -> None:
    """Say how far the model is from Keras's formulas, and both from the recording."""
    expected = keras_output(weights, dry)
    got = model(np.ascontiguousarray(dry.T)[:, :, None])[0][:, :, 0].T
    print(f"conversion: at most {np.abs(got - SCALE * expected).max():.1e} from Keras's formulas")
    # The best recording = a * output + b * dry + c, by least squares.
    columns = [expected.ravel(), np.float64(dry).ravel(), np.ones(dry.size)]
    (scale, skip, offset), *_ = np.linalg.lstsq(np.stack(columns, 1), recorded.ravel(), rcond=None)
    print(f"recording:  {scale:.4f} of the output, {skip:+.4f} of the input, level {offset:+.4f}")
    error = np.sum(np.square(got - recorded)) / np.sum(np.square(recorded))
    print(f"            error to signal {error:.4f}, each of {len(dry)} segments from zero states")


def write(out: Path, model: librnn.Model, dry: Samples, recorded: Samples, rate: int) -> None:
    """Write the files, the segments one after another."""
    out.mkdir(parents=True, exist_ok=True)
    model.save(out / "model.safetensors")
    write_wav(out / "dry.wav", dry.ravel(), rate)
    write_wav(out / "recorded.wav", recorded.ravel(), rate)


def write_wav(path: Path, samples: Samples, rate: int) -> None:
    """Write one channel of 32-bit float samples; the module `wave` knows integers only."""
    data = samples.astype("<f4").tobytes()
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 3, 1, rate, 4 * rate, 4, 32)
    head = struct.pack("<4sI4s", b"RIFF", 4 + len(form) + 8 + len(data), b"WAVE")
    path.write_bytes(head + form + struct.pack("<4sI", b"data", len(data)) + data)


if __name__ == "__main__":
    main()
