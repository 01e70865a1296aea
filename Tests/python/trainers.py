"""What tests of training share."""

import librnn

from support import normal, perturbed, uniform


def sensor(dtype="float64", seed=0, **options):
    model = librnn.Model(librnn.LSTM(3, 4), librnn.Linear(4, 2), dtype=dtype, seed=seed, **options)
    return perturbed(model, 3)


def problem(seed=1, steps=5, rows=3, dtype="float64"):
    """Features and target values for `sensor`."""
    return normal(seed, steps, rows, 3, dtype=dtype), uniform(seed + 1, steps, rows, 2, dtype=dtype)
