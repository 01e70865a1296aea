"""The networks once more, from their equations, in plain numpy and float64. One row at a time."""

import librnn
import numpy as np

from support import norm


def forward(model, x, state=None):
    """Outputs [T, B, O] or [B, O], and the tuple of final states [L, B, H]."""
    rows = [_row(model, x[:, row], _slice(state, row)) for row in range(x.shape[1])]
    outputs = np.stack([y for y, _ in rows], axis=0 if y_is_flat(model) else 1)
    parts = zip(*(parts for _, parts in rows), strict=True)
    return outputs, tuple(np.stack(part, axis=1) for part in parts)


def y_is_flat(model):
    return getattr(model.layers[-1], "last", False)


def _slice(state, row):
    return None if state is None else [part[:, row].astype(np.float64) for part in state]


def _row(model, x, state):
    """One sequence x [T] or [T, I] through the stack."""
    weights = {name: value.astype(np.float64) for name, value in model.state_dict().items()}
    given = iter(state) if state is not None else None
    finals = []
    for place, layer in enumerate(model.layers):
        own = {
            name.split(".")[1]: value
            for name, value in weights.items()
            if name.split(".")[0] == str(place)
        }
        if isinstance(layer, librnn.Embedding):
            x = own["weight"][x]
        elif isinstance(layer, librnn.Linear):
            x = (x[-1:] if layer.last else x) @ own["weight"].T + own["bias"]
        else:
            parts = 2 if isinstance(layer, librnn.LSTM) else 1
            zeros = np.zeros((layer.num_layers, layer.hidden_size))
            begin = [next(given) if given else zeros for _ in range(parts)]
            x, ends = _recurrent(layer, own, x, begin)
            finals += ends
    return (x[0] if y_is_flat(model) else x), finals


def _recurrent(layer, own, x, begin):
    ends = [np.zeros((layer.num_layers, layer.hidden_size)) for _ in begin]
    for k in range(layer.num_layers):
        w_ih, w_hh = own[f"weight_ih_l{k}"], own[f"weight_hh_l{k}"]
        b_ih, b_hh = own[f"bias_ih_l{k}"], own[f"bias_hh_l{k}"]
        state, outputs = [part[k] for part in begin], []
        for step in x:
            state = _step(layer, w_ih @ step + b_ih, w_hh @ state[0] + b_hh, *state)
            outputs.append(state[0])
        x = np.stack(outputs)
        for end, value in zip(ends, state, strict=True):
            end[k] = value
    return x, ends


def _step(layer, a, u, h, c=None):
    """The next state from a = W_ih x + b_ih and u = W_hh h + b_hh."""
    if isinstance(layer, librnn.RNN):
        return [np.tanh(a + u) if layer.nonlinearity == "tanh" else np.maximum(a + u, 0)]
    if isinstance(layer, librnn.GRU):
        a_r, a_z, a_n = np.split(a, 3)
        u_r, u_z, u_n = np.split(u, 3)
        r, z = _sigmoid(a_r + u_r), _sigmoid(a_z + u_z)
        return [(1 - z) * np.tanh(a_n + r * u_n) + z * h]
    i, f, g, o = np.split(a + u, 4)
    c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
    return [_sigmoid(o) * np.tanh(c), c]


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def loss(kind, y, target, weights=None):
    """PyTorch's losses of outputs [..., O]; weights [...] are those of the steps."""
    y = y.astype(np.float64)
    weights = np.ones(y.shape[:-1]) if weights is None else weights.astype(np.float64)
    if isinstance(kind, librnn.CrossEntropyLoss):
        weights = np.where(target == kind.ignore_index, 0, weights)
        picked = np.take_along_axis(y, np.where(weights == 0, 0, target)[..., None], -1)[..., 0]
        each, elements = _log_sum_exp(y) - picked, 1
    elif isinstance(kind, librnn.MSELoss):
        each, elements = ((y - target) ** 2).sum(-1), y.shape[-1]
    else:
        each, elements = (np.logaddexp(0, y) - y * target).sum(-1), y.shape[-1]
    total = (weights * each).sum()
    return total / (weights.sum() * elements) if kind.reduction == "mean" else total


def _log_sum_exp(y):
    top = y.max(-1)
    return top + np.log(np.exp(y - top[..., None]).sum(-1))


class Optimizer:
    """PyTorch's update rules for one parameter."""

    def __init__(self, options, w):
        self.options, self.w, self.step = options, w.copy(), 0
        self.first, self.second = np.zeros_like(w), np.zeros_like(w)

    def update(self, g):
        o, self.step = self.options, self.step + 1
        if isinstance(o, librnn.AdamW):
            self.w -= o.lr * o.weight_decay * self.w
        else:
            g = g + o.weight_decay * self.w
        rule = {librnn.SGD: self._sgd, librnn.RMSprop: self._rmsprop}.get(type(o), self._adam)
        self.w -= o.lr * rule(o, g)
        return self.w

    def _sgd(self, o, g):
        if not o.momentum:
            return g
        self.first = o.momentum * self.first + g
        return g + o.momentum * self.first if o.nesterov else self.first

    def _rmsprop(self, o, g):
        self.second = o.alpha * self.second + (1 - o.alpha) * g**2
        self.first = o.momentum * self.first + g / (np.sqrt(self.second) + o.eps)
        return self.first

    def _adam(self, o, g):
        beta1, beta2 = o.betas
        self.first = beta1 * self.first + (1 - beta1) * g
        self.second = beta2 * self.second + (1 - beta2) * g**2
        mean = self.first / (1 - beta1**self.step)
        return mean / (np.sqrt(self.second / (1 - beta2**self.step)) + o.eps)


def units(array):
    """Rows of a matrix, or the one vector."""
    return array if array.ndim == 2 else array[None]


def adapted(gradient, weights, factor):
    g, w = units(gradient), units(weights)
    measured = np.maximum(np.linalg.norm(g, axis=1, keepdims=True), 1e-300)
    bound = factor * np.maximum(np.linalg.norm(w, axis=1, keepdims=True), 1e-3)
    return np.where(measured > bound, g * (bound / measured), g).reshape(gradient.shape)


def clip(gradients, weights, value=None, adaptive=None, tensor_norm=None, threshold=None):
    """What clipping makes of a gradient, and which kinds of it did something."""
    actions, g = [], gradients

    def change(name, changed):
        nonlocal g
        if any((changed[key] != g[key]).any() for key in g):
            actions.append(name)
        g = changed

    if value:
        change("value", {n: np.clip(v, -value, value) for n, v in g.items()})
    if adaptive:
        change("adaptive", {n: adapted(v, weights[n], adaptive) for n, v in g.items()})
    if tensor_norm:
        by = {n: min(1, tensor_norm / np.linalg.norm(v)) for n, v in g.items()}
        change("tensor_norm", {n: v * by[n] for n, v in g.items()})
    if threshold:
        by = min(1, threshold / norm(g))
        change("norm", {n: v * by for n, v in g.items()})
    return g, tuple(actions)


class Updates:
    """What a trainer makes of the gradients of its steps: an update by the mean of so many.

    Each tensor has its optimizer, or None if it is frozen.
    """

    def __init__(self, weights, optimizers, accumulate=1, ema_decay=0.0, **bounds):
        self.optimizers = optimizers
        self.rules = {n: Optimizer(optimizers[n], w) for n, w in weights.items() if optimizers[n]}
        self.weights, self.average = dict(weights), dict(weights)
        self.accumulate, self.decay, self.bounds = accumulate, ema_decay, bounds
        self.waiting, self.count = [], 0

    def step(self, gradients, factor=1.0):
        """Where there is an update, its gradient before it is clipped, and how it was.

        The factor is that of the schedule.
        """
        self.waiting.append(gradients)
        if len(self.waiting) < self.accumulate:
            return None
        mean = {n: np.mean([each[n] for each in self.waiting], axis=0) for n in self.rules}
        used, actions = clip(mean, self.weights, **self.bounds)
        for n, rule in self.rules.items():
            own = self.optimizers[n]
            rule.options = type(own)(**(vars(own) | {"lr": factor * own.lr}))
            self.weights[n] = rule.update(used[n]).copy()
        for n, value in self.weights.items():
            self.average[n] = self.decay * self.average[n] + (1 - self.decay) * value
        self.waiting, self.count = [], self.count + 1
        return mean, actions
