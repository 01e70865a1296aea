"""What the scripts of this folder share: the look of a figure, where it goes, and small networks.

Each script draws one figure of docs/stability.md and prints the numbers which that page quotes.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import librnn
import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray
from PIL import Image

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "figures"
BLUE, ORANGE, GREEN, RED, GREY = "#2b6cb0", "#dd6b20", "#2f855a", "#c53030", "#4a5568"
STYLE = {
    "axes.edgecolor": "#a0aec0",
    "axes.grid": True,
    "axes.labelcolor": GREY,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "figure.dpi": 100,
    "font.size": 9,
    "grid.color": "#e2e8f0",
    "legend.frameon": False,
    "lines.linewidth": 1.5,
    "xtick.color": GREY,
    "ytick.color": GREY,
}

Floats = NDArray[Any]


def plots(columns: int = 2, height: float = 3.0) -> tuple[Any, Any]:
    """Return a figure and its axes, side by side."""
    plt.rcParams.update(STYLE)
    librnn.set_num_threads(1)
    return plt.subplots(1, columns, figsize=(8, height), layout="constrained")


def save(figure: Any, name: str) -> None:
    """Write a figure to docs/figures/NAME.png."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}.png"
    memory = BytesIO()
    figure.savefig(memory)
    Image.open(memory).convert("RGB").quantize(48).save(path, optimize=True)
    print(f"{name}: {path.stat().st_size / 1000:.0f} kB")


def set_weights(model: librnn.Model, **weights: Floats) -> librnn.Model:
    """Give the tensors of layer 0 that are named these values, and zero to all others."""
    tensors = {name: np.zeros_like(value) for name, value in model.state_dict().items()}
    tensors |= {f"0.{name}": value.astype(model.dtype) for name, value in weights.items()}
    model.load_state_dict(tensors)
    return model


def with_radius(generator: np.random.Generator, size: int, radius: float) -> Floats:
    """Return a random matrix of a spectral radius."""
    matrix = generator.standard_normal((size, size))
    return matrix * (radius / np.abs(np.linalg.eigvals(matrix)).max())
