"""What tests of training share."""

import librnn
import numpy as np

from support import normal, perturbed, uniform


def sensor(dtype="float64", seed=0, **options):
    model = librnn.Model(librnn.LSTM(3, 4), librnn.Linear(4, 2), dtype=dtype, seed=seed, **options)
    return perturbed(model, 3)


def problem(seed=1, steps=5, rows=3, dtype="float64"):
    """Features and target values for `sensor`."""
    return normal(seed, steps, rows, 3, dtype=dtype), uniform(seed + 1, steps, rows, 2, dtype=dtype)


def outputs_of_training(model, x, state=None, seed=1):
    """The outputs of a step of training, with the masks of a trainer's first one."""
    trainer = librnn.Trainer(model, librnn.MSELoss(), librnn.SGD(lr=0), seed=seed)
    y = np.zeros_like(model(x)[0])
    batch = trainer._batch(x, y, None, state, None)
    output = batch.add_output()
    trainer._run(librnn._c_api.lib.rnn_trainer_step, trainer._handle, batch)
    return output
