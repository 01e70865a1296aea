"""Models whose dynamics are looked at, and what differences say of them."""

import numpy as np
from librnn import GRU, LSTM, RNN, Embedding, Linear, Model

from support import normal, perturbed

STEPS, ROWS = 6, 3

# Every cell, alone and in stacks; with what may lie before, between and after recurrent layers.
MODELS = {
    "tanh": [RNN(2, 4)],
    "relu": [RNN(2, 4, nonlinearity="relu")],
    "identity": [RNN(2, 4, 2, nonlinearity="identity")],
    "GRU": [GRU(2, 3)],
    "LSTM": [LSTM(2, 3)],
    "deep GRU": [GRU(2, 3, 3)],
    "deep LSTM": [LSTM(2, 3, 2)],
    "linear between": [RNN(2, 3), Linear(3, 5), Linear(5, 2), LSTM(2, 2, 2), Linear(2, 2)],
    "embedding and head": [Embedding(5, 3), GRU(3, 2, 2), LSTM(2, 2), Linear(2, 1, last=True)],
    "linear before": [Linear(2, 3), LSTM(3, 2), GRU(2, 3), RNN(3, 2, 2, nonlinearity="relu")],
}


def make(name, dtype="float64"):
    return perturbed(Model(*MODELS[name], dtype=dtype, seed=3), 5)


def recurrent(matrix, nonlinearity="tanh", dtype="float64"):
    """h <- f(W h): one layer of one input, which it does not use."""
    size = len(matrix)
    model = Model(RNN(1, size, nonlinearity=nonlinearity), dtype=dtype)
    zeros = {name: np.zeros_like(value) for name, value in model.state_dict().items()}
    model.load_state_dict(zeros | {"0.weight_hh_l0": matrix.astype(dtype)})
    return model


def no_input(steps, rows=1):
    return np.zeros((steps, rows, 1))


def chaotic(gain, size, seed):
    """J = g N(0, 1) / sqrt(N), zeros on the diagonal."""
    matrix = gain * normal(seed, size, size) / np.sqrt(size)
    np.fill_diagonal(matrix, 0)
    return matrix


def initial(model, x, seed):
    """A state that is not zero."""
    return [0.5 * normal(seed + i, *part.shape) for i, part in enumerate(model(x)[1])]


def flat(state, row):
    """The numbers of one sequence in the order of n."""
    return np.concatenate([part[:, row].ravel() for part in state])


def moved(state, number, by):
    """A state in which number `number` of every sequence is another."""
    copy = [part.copy() for part in state]
    for part in copy:
        size = part[:, 0].size
        if 0 <= number < size:
            layer, unit = divmod(number, part.shape[2])
            part[layer, :, unit] += by
        number -= size
    return copy


def differences(model, x, start, end, state):
    """The Jacobian of each sequence by central differences of the model's own state."""
    if start >= 0:
        _, state = model(np.ascontiguousarray(x[: start + 1]), state=state)
    if end == start:
        return np.stack([np.eye(len(flat(state, 0)))] * x.shape[1])
    rest, step, columns = np.ascontiguousarray(x[start + 1 : end + 1]), 1e-5, []
    for number in range(len(flat(state, 0))):
        ends = [model(rest, state=moved(state, number, sign * step))[1] for sign in (1, -1)]
        above, below = ([flat(end, row) for row in range(x.shape[1])] for end in ends)
        columns.append((np.array(above) - np.array(below)) / (2 * step))
    return np.stack(columns, axis=2)
