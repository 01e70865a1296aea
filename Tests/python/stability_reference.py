"""Backpropagation through time once more, in plain numpy and float64, with all that it saw."""

from dataclasses import dataclass, field

import librnn
import numpy as np

# Of each gate, whether it reaches from -1 to 1. An Elman network's is h.
TANH = {librnn.RNN: (1,), librnn.GRU: (0, 0, 1), librnn.LSTM: (0, 0, 1, 0)}


@dataclass
class Level:
    """One stacked recurrent layer: activations, and gradients on the way back, [T, B, H] each.

    d is ∂L/∂h_t and ∂L/∂c_t; `later` the part of them that came from step t + 1; `back` what
    step t hands to t - 1, cut or not; `sums` [T, B, GH] the gradient of W_hh h_{t-1} + b_hh.
    """

    layer: int
    k: int
    kind: type
    saturates: bool  # gates are activations that have bounds
    h: np.ndarray = None
    c: np.ndarray = None
    previous: tuple = ()
    gates: np.ndarray = None  # [G, T, B, H]; of an Elman network h
    q: np.ndarray = None  # of a GRU: W_hn h + b_hn
    d: dict = field(default_factory=dict)
    later: dict = field(default_factory=dict)
    back: dict = field(default_factory=dict)
    sums: np.ndarray = None

    @property
    def name(self):
        return f"{self.layer}.weight_hh_l{self.k}"


@dataclass
class Run:
    loss: float
    y: np.ndarray
    gradients: dict
    levels: list
    valid: np.ndarray  # [T, B]
    clipped_places: int
    penalty: float  # of activations


def run(model, x, target, loss, lengths=None, bptt=None, **options):
    """One training step of a model with MSELoss, without its update.

    Options are `step_value`, `step_norm`, `activation` and `temporal`.
    """
    steps, rows = x.shape[:2]
    lengths = np.full(rows, steps) if lengths is None else np.asarray(lengths)
    valid = np.arange(steps)[:, None] < lengths
    network = _Network(model, valid, lengths, bptt or steps, **options)
    y = network.forward(x)
    counted = np.ones(rows, bool) if y.ndim == 2 else valid
    difference = (y - target) * counted[..., None]
    divisor = counted.sum() * y.shape[-1] if loss.reduction == "mean" else 1
    network.backward(2 * difference / divisor)
    value, places = np.sum(difference**2) / divisor, network.clipped_places
    return Run(value, y, network.gradients, network.levels, valid, places, network.penalty)


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


class _Network:
    def __init__(
        self, model, valid, lengths, stretch, step_value=np.inf, step_norm=np.inf, **penalties
    ):
        self.model, self.valid, self.lengths, self.stretch = model, valid, lengths, stretch
        self.step_value, self.step_norm, self.clipped_places = step_value, step_norm, 0
        self.penalties, self.penalty = penalties, 0.0
        self.weights = {n: w.astype(np.float64) for n, w in model.state_dict().items()}
        self.gradients = {n: np.zeros_like(w) for n, w in self.weights.items()}
        self.levels, self.inputs = [], []

    def forward(self, x):
        for place, layer in enumerate(self.model.layers):
            if isinstance(layer, librnn.Embedding):
                self.inputs.append(x)
                x = self.weights[f"{place}.weight"][x]
            elif isinstance(layer, librnn.Linear):
                if layer.last:
                    x = x[self.lengths - 1, np.arange(len(self.lengths))]
                self.inputs.append(x)
                x = x @ self.weights[f"{place}.weight"].T + self.weights[f"{place}.bias"]
            else:
                self.inputs.append([])
                for k in range(layer.num_layers):
                    self.inputs[-1].append(x)
                    x = self._recurrent(place, layer, k, x)
        return x

    def _recurrent(self, place, layer, k, x):
        level = Level(place, k, type(layer), getattr(layer, "nonlinearity", "tanh") == "tanh")
        w_ih, w_hh, b_ih, b_hh = self._tensors(level)
        shape = (*x.shape[:2], layer.hidden_size)
        level.h, level.c, level.q = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        level.gates = np.zeros((len(TANH[level.kind]), *shape))
        h = c = np.zeros(shape[1:])
        for t, step in enumerate(x):
            gates, q, now = cell(layer, step @ w_ih.T + b_ih, h @ w_hh.T + b_hh, h, c)
            valid = self.valid[t][:, None]
            h, c = np.where(valid, now[0], h), np.where(valid, now[1], c)
            level.gates[:, t], level.q[t], level.h[t], level.c[t] = gates, q, h, c
        zero = np.zeros((1, *shape[1:]))
        level.previous = tuple(np.concatenate([zero, part[:-1]]) for part in (level.h, level.c))
        self.levels.append(level)
        return level.h

    def _tensors(self, level):
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        return [self.weights[f"{level.layer}.{name}_l{level.k}"] for name in names]

    def backward(self, gradient):
        levels = list(self.levels)
        for place, layer in reversed(list(enumerate(self.model.layers))):
            x = self.inputs[place]
            if isinstance(layer, librnn.Embedding):
                np.add.at(self.gradients[f"{place}.weight"], x[self.valid], gradient[self.valid])
            elif isinstance(layer, librnn.Linear):
                wide, flat = gradient.reshape(-1, layer.out_features), x.reshape(-1, x.shape[-1])
                self.gradients[f"{place}.weight"] += wide.T @ flat
                self.gradients[f"{place}.bias"] += wide.sum(0)
                gradient = gradient @ self.weights[f"{place}.weight"]
                if layer.last:
                    gradient = self._at_the_ends(gradient)
            else:
                for k in reversed(range(layer.num_layers)):
                    gradient = self._recurrent_backward(levels.pop(), layer, x[k], gradient)

    def _at_the_ends(self, gradient):
        """[B, H] to [T, B, H]: the head saw the last valid step of each sequence."""
        spread = np.zeros((*self.valid.shape, gradient.shape[-1]))
        spread[self.lengths - 1, np.arange(len(self.lengths))] = gradient
        return spread

    def _recurrent_backward(self, level, layer, x, outer):
        w_ih, w_hh, _, _ = self._tensors(level)
        for record in (level.d, level.later, level.back):
            record.update(h=np.zeros_like(level.h), c=np.zeros_like(level.h))
        if level is self.levels[-1]:
            outer = outer + self._penalize(level.h, **self.penalties)
        inputs = np.zeros((*x.shape[:2], len(w_ih)))
        level.sums = np.zeros_like(inputs)
        carried = {"h": np.zeros_like(level.h[0]), "c": np.zeros_like(level.h[0])}
        for t in reversed(range(len(x))):
            level.later["h"][t], level.later["c"][t] = carried["h"], carried["c"]
            dh = self._clip(carried["h"] + outer[t], self.valid[t])
            a, u, direct, dc, c = cell_backward(layer, level, t, dh, carried["c"])
            valid = self.valid[t][:, None]
            level.d["h"][t], level.d["c"][t] = dh, dc
            inputs[t], level.sums[t] = a * valid, u * valid
            carried["h"] = np.where(valid, u @ w_hh + direct, dh)
            carried["c"] = np.where(valid, c, carried["c"])
            level.back["h"][t], level.back["c"][t] = carried["h"], carried["c"]
            if t % self.stretch == 0:
                carried = {name: np.zeros_like(value) for name, value in carried.items()}
        self._accumulate(level, inputs, x)
        return inputs @ w_ih

    def _accumulate(self, level, inputs, x):
        prefix, suffix = f"{level.layer}.", f"_l{level.k}"
        for side, sums, values in (("ih", inputs, x), ("hh", level.sums, level.previous[0])):
            product = np.einsum("tbg,tbi->gi", sums, values)
            self.gradients[f"{prefix}weight_{side}{suffix}"] += product
            self.gradients[f"{prefix}bias_{side}{suffix}"] += sums.sum((0, 1))

    def _penalize(self, h, activation=0, temporal=0):
        """The gradient of the means of h_t² and of (h_t - h_{t-1})² within a stretch."""
        weights = self.valid[..., None] * np.ones_like(h)
        pairs = weights[1:] * (np.arange(1, len(h)) % self.stretch != 0)[:, None, None]
        weights *= activation / weights.sum()
        pairs *= temporal / max(pairs.sum(), 1)
        steps = np.diff(h, axis=0)
        self.penalty = np.sum(weights * h**2) + np.sum(pairs * steps**2)
        gradient = 2 * weights * h
        gradient[1:] += 2 * pairs * steps
        gradient[:-1] -= 2 * pairs * steps
        return gradient

    def _clip(self, dh, valid):
        """Elements into [-value, value], then the norm of each row."""
        cut = np.clip(dh, -self.step_value, self.step_value)
        norms = np.linalg.norm(cut, axis=1, keepdims=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            cut = np.where(norms > self.step_norm, cut * (self.step_norm / norms), cut)
        changed = (cut != dh).any(1) & valid
        self.clipped_places += int(changed.sum())
        return np.where(changed[:, None], cut, dh)


def cell(layer, a, u, h, c):
    """Gates [G, B, H], q, and (h, c) of a = W_ih x + b_ih and u = W_hh h + b_hh."""
    if isinstance(layer, librnn.RNN):
        functions = {"tanh": np.tanh, "relu": lambda s: np.maximum(s, 0), "identity": lambda s: s}
        h = functions[layer.nonlinearity](a + u)
        return h[None], 0, (h, c)
    if isinstance(layer, librnn.GRU):
        (a_r, a_z, a_n), (u_r, u_z, q) = np.split(a, 3, 1), np.split(u, 3, 1)
        r, z = _sigmoid(a_r + u_r), _sigmoid(a_z + u_z)
        n = np.tanh(a_n + r * q)
        return np.stack([r, z, n]), q, ((1 - z) * n + z * h, c)
    i, f, g, o = np.split(a + u, 4, 1)
    i, f, g, o = _sigmoid(i), _sigmoid(f), np.tanh(g), _sigmoid(o)
    c = f * c + i * g
    return np.stack([i, f, g, o]), 0, (o * np.tanh(c), c)


def cell_backward(layer, level, t, dh, dc):
    """Gradients of a and u; of h_{t-1} beside W_hh; of c_t in all; and of c_{t-1}."""
    h, previous, before = level.h[t], level.previous[0][t], level.previous[1][t]
    zero = np.zeros_like(dh)
    if isinstance(layer, librnn.RNN):
        slope = {"tanh": 1 - h**2, "relu": h > 0, "identity": 1}[layer.nonlinearity]
        return dh * slope, dh * slope, zero, zero, zero
    if isinstance(layer, librnn.GRU):
        r, z, n = level.gates[:, t]
        da_n = dh * (1 - z) * (1 - n**2)
        da_r = da_n * level.q[t] * r * (1 - r)
        da_z = dh * (previous - n) * z * (1 - z)
        a, u = np.hstack([da_r, da_z, da_n]), np.hstack([da_r, da_z, da_n * r])
        return a, u, dh * z, zero, zero
    i, f, g, o = level.gates[:, t]
    tanh = np.tanh(level.c[t])
    whole = dc + dh * o * (1 - tanh**2)
    gates = [whole * g * i * (1 - i), whole * before * f * (1 - f), whole * i * (1 - g**2)]
    a = np.hstack([*gates, dh * tanh * o * (1 - o)])
    return a, a, zero, whole, whole * f


# ---- What a trainer says of it


def series(level, valid, bptt=None):
    """Every series of a LayerFlow by name, [T] or [G, T]."""
    result = {f"grad_{part}_{what}": None for part in "hc" for what in ("mean", "max")}
    for part in "hc" if level.kind is librnn.LSTM else "h":
        norms = np.linalg.norm(level.d[part], axis=2)
        result[f"grad_{part}_mean"] = _over_rows(np.mean, norms, valid)
        result[f"grad_{part}_max"] = _over_rows(np.max, norms, valid)
    result["gain"] = _gain(level, valid, bptt or len(valid))
    result["h_mean"] = _over_rows(np.mean, level.h, valid)
    result["h_std"] = _over_rows(np.std, level.h, valid)
    result["h_max"] = _over_rows(np.max, np.abs(level.h), valid)
    for name, beyond in (("low", _below), ("high", _above)):
        counted = [beyond(*pair) for pair in zip(level.gates, TANH[level.kind], strict=True)]
        parts = np.stack([_over_rows(np.mean, c, valid) for c in counted])
        result[f"gate_{name}"] = parts if level.saturates else np.full_like(parts, np.nan)
    return result


def _below(gate, tanh):
    return (gate < (-0.9 if tanh else 0.1)).astype(float)


def _above(gate, tanh):
    return (gate > 0.9).astype(float)


def _over_rows(function, values, valid):
    """[T] of [T, B, ...], over the rows that are valid; NaN where none is."""
    pairs = zip(values, valid, strict=True)
    return np.array([function(step[here]) if any(here) else np.nan for step, here in pairs])


def _gain(level, valid, stretch):
    result = np.full(len(valid), np.nan)
    for t in range(len(valid) - 1):
        here = valid[t + 1]
        passed, whole = (_squares(level, record, t + 1)[here].sum() for record in ("back", "d"))
        if (t + 1) % stretch and whole > 0:
            result[t] = np.sqrt(passed / whole)
    return result


def _squares(level, record, t):
    """Of the state s = h or (h, c), row by row: of d, where c counts without its way through h."""
    h, c = ("back", "back") if record == "back" else ("d", "later")
    values = np.sum(getattr(level, h)["h"][t] ** 2, 1)
    if level.kind is librnn.LSTM:
        values = values + np.sum(getattr(level, c)["c"][t] ** 2, 1)
    return values


def omega(levels, valid):
    """Ω of Pascanu, Mikolov and Bengio 2013, and its immediate derivative by each W_hh."""
    total, count = 0.0, 0
    gradients = {level.name: 0.0 for level in levels}
    for level in levels:
        for t, row in zip(*np.nonzero(valid), strict=True):
            whole = _squares(level, "d", t)[row]
            if whole < 1e-20:
                continue
            excess = _squares(level, "back", t)[row] / whole - 1
            total, count = total + excess**2, count + 1
            product = np.outer(level.sums[t, row], level.back["h"][t, row])
            gradients[level.name] = gradients[level.name] + 4 * excess / whole * product
    count = max(count, 1)
    return total / count, {name: value / count for name, value in gradients.items()}
