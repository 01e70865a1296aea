"""Which loss reaches which state: |dL_t/dh_s| for every pair of steps of one sequence.

python Examples/python/stability/unfolded.py
"""

from __future__ import annotations

import librnn
import numpy as np
from figures import Floats, plots, save

STEPS, UNITS = 24, 16


def reach(layer: librnn.Layer) -> Floats:
    """Return the norm of dL_t/dh_s, [t, s]."""
    model = librnn.Model(layer, librnn.Linear(UNITS, 1), dtype="float64", seed=1)
    trainer = librnn.Trainer(model, librnn.MSELoss("sum"), librnn.SGD(lr=0))
    generator = np.random.default_rng(2)
    x, y = generator.standard_normal((2, STEPS, 1, 1))
    rows = []
    for t in range(STEPS):
        only = np.zeros((STEPS, 1))
        only[t] = 1
        result = trainer.step(x, y, weights=only, observe=True)
        rows.append(result.flow.layers[0].grad_h_mean)
    return np.array(rows)


def main() -> None:
    """Draw the pairs for an Elman network and an LSTM."""
    layers = {
        "Elman": librnn.RNN(1, UNITS, recurrent_init="orthogonal"),
        "LSTM": librnn.LSTM(1, UNITS, forget_bias=2.0),
    }
    figure, axes = plots(height=3.4)
    for place, (name, layer) in zip(axes, layers.items(), strict=True):
        norms = reach(layer)
        pairs = np.count_nonzero(norms)
        print(f"{name}: {pairs} of {STEPS**2} pairs, T (T + 1) / 2 = {STEPS * (STEPS + 1) // 2}")
        print(f"  of the last loss, step 0 gets {norms[-1, 0] / norms[-1, -1]:.2g} of step T - 1")
        shown = np.log10(np.where(norms > 0, norms / norms.diagonal()[:, None], np.nan))
        image = place.imshow(shown, cmap="viridis", vmin=-2, vmax=0, interpolation="nearest")
        place.set(title=name, xlabel="state h_s", ylabel="loss at step t")
        place.grid(False)
    figure.colorbar(image, ax=axes, label="log10 of |dL_t/dh_s| / |dL_t/dh_t|")
    save(figure, "unfolded")


if __name__ == "__main__":
    main()
