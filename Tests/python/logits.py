"""A model whose outputs are numbers of the test's choice, so that a loss is seen by itself."""

import librnn
import numpy as np

from support import still


def loss_and_gradient(x, loss, y, **batch):
    """The loss of outputs x [T, B, O], and its gradient by them: they are an embedding's rows."""
    model, tokens = as_outputs(x)
    trainer = still(model, loss)
    result = trainer.step(tokens, y, **batch)
    return result.loss, trainer.gradients()["0.weight"].reshape(x.shape)


def as_outputs(x):
    """A model and tokens [T, B] for which it answers x [T, B, O]."""
    steps, rows, width = x.shape
    model = librnn.Model(librnn.Embedding(steps * rows, width), dtype=str(x.dtype))
    model.load_state_dict({"0.weight": x.reshape(-1, width)})
    return model, np.arange(steps * rows).reshape(steps, rows)


def slopes(x, loss, y, width=1e-5, **batch):
    """Central differences of a loss by each of its outputs."""
    result = np.empty_like(x)
    for place in np.ndindex(x.shape):
        ends = []
        for sign in (1, -1):
            moved = x.copy()
            moved[place] += sign * width
            ends.append(loss_and_gradient(moved, loss, y, **batch)[0])
        result[place] = (ends[0] - ends[1]) / (2 * width)
    return result
