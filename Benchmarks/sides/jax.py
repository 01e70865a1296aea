"""JAX: cells written by hand over `lax.scan`, the whole training step compiled as one program.

The input's product is taken out of the loop, weights are kept transposed and buffers are given
back to XLA with every step.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
from numpy.typing import NDArray

from sides import Observation
from workloads import BETAS, CLIP_NORM, EPSILON, LEARNING_RATE, Weights, Workload

Arrays: TypeAlias = dict[str, jax.Array]
State: TypeAlias = tuple[Arrays, Arrays, Arrays, jax.Array]
Batch: TypeAlias = tuple[jax.Array, jax.Array]


def describe() -> str:
    """Return the library's name and version."""
    return f"JAX {jax.__version__}"


def set_threads(threads: int) -> None:
    """Do nothing: XLA's threads follow from XLA_FLAGS and from the processors it may use."""


class Training:
    """Parameters, Adam's moments and the compiled step."""

    def __init__(self, workload: Workload, weights: Weights) -> None:
        # A product's weight is [in, out] here, so that nothing is turned in the loop.
        parameters = {
            name: jnp.asarray(value.T if _is_product(name, workload) else value)
            for name, value in weights.items()
        }
        first, second = (jax.tree.map(jnp.zeros_like, parameters) for _ in range(2))
        self._state: State = (parameters, first, second, jnp.zeros((), jnp.int32))
        self._step = jax.jit(partial(train, workload), donate_argnums=0)

    def prepare(self, x: NDArray[Any], y: NDArray[Any]) -> Batch:
        """Return the arrays as JAX's."""
        return jnp.asarray(x), jnp.asarray(y)

    def step(self, batch: Batch) -> Observation:
        """Train on a batch."""
        self._state, loss, norm = self._step(self._state, *batch)
        jax.block_until_ready(self._state)
        return float(loss), float(norm)


def _is_product(name: str, workload: Workload) -> bool:
    return "weight" in name and not (workload.tokens and name == "0.weight")


def train(
    workload: Workload, state: State, x: jax.Array, y: jax.Array
) -> tuple[State, jax.Array, jax.Array]:
    """Return the state after a step, the loss and the gradient's norm."""
    parameters, first, second, count = state
    loss, gradient = jax.value_and_grad(partial(loss_of, workload))(parameters, x, y)
    norm = jnp.sqrt(sum(jnp.vdot(g, g) for g in jax.tree.leaves(gradient)))
    scale = jnp.minimum(1.0, CLIP_NORM / (norm + 1e-6))
    gradient = jax.tree.map(lambda g: g * scale, gradient)
    return adam(parameters, gradient, first, second, count + 1), loss, norm


def adam(
    parameters: Arrays, gradient: Arrays, first: Arrays, second: Arrays, count: jax.Array
) -> State:
    """Return the parameters and the moments after Adam's update."""
    one, two = BETAS
    first = jax.tree.map(lambda m, g: one * m + (1 - one) * g, first, gradient)
    second = jax.tree.map(lambda v, g: two * v + (1 - two) * g * g, second, gradient)
    rate = LEARNING_RATE / (1 - one**count)
    root = jnp.sqrt(1 - two**count)

    def update(p: jax.Array, m: jax.Array, v: jax.Array) -> jax.Array:
        return p - rate * m / (jnp.sqrt(v) / root + EPSILON)

    return jax.tree.map(update, parameters, first, second), first, second, count


def loss_of(workload: Workload, parameters: Arrays, x: jax.Array, y: jax.Array) -> jax.Array:
    """Return the loss of a batch."""
    outputs = forward(workload, parameters, x)
    if not workload.classifies:
        return jnp.mean((outputs - y) ** 2)
    logs = jax.nn.log_softmax(outputs)
    return -jnp.mean(jnp.take_along_axis(logs, y[..., None], axis=-1))


def forward(workload: Workload, parameters: Arrays, x: jax.Array) -> jax.Array:
    """Return the head's outputs."""
    recurrent = 0
    if workload.tokens:
        x, recurrent = parameters["0.weight"][x], 1
    for layer in range(workload.layers):
        names = (f"{kind}_l{layer}" for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
        x = CELLS[workload.cell](x, *(parameters[f"{recurrent}.{name}"] for name in names))
    x = x[-1] if workload.last else x
    return x @ parameters[f"{recurrent + 1}.weight"] + parameters[f"{recurrent + 1}.bias"]


def lstm(
    x: jax.Array, w_ih: jax.Array, w_hh: jax.Array, b_ih: jax.Array, b_hh: jax.Array
) -> jax.Array:
    """Gates i, f, g, o: c_t = f*c_{t-1} + i*g; h_t = o*tanh(c_t)."""

    def step(state: Batch, projected: jax.Array) -> tuple[Batch, jax.Array]:
        h, c = state
        i, f, g, o = jnp.split(projected + h @ w_hh, 4, axis=1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    zeros = jnp.zeros((x.shape[1], w_hh.shape[0]))
    return jax.lax.scan(step, (zeros, zeros), x @ w_ih + (b_ih + b_hh))[1]


def gru(
    x: jax.Array, w_ih: jax.Array, w_hh: jax.Array, b_ih: jax.Array, b_hh: jax.Array
) -> jax.Array:
    """Gates r, z, n, reset after the product: h_t = (1-z)*n + z*h_{t-1}."""

    def step(h: jax.Array, projected: jax.Array) -> Batch:
        r_x, z_x, n_x = jnp.split(projected, 3, axis=1)
        r_h, z_h, n_h = jnp.split(h @ w_hh + b_hh, 3, axis=1)
        r, z = jax.nn.sigmoid(r_x + r_h), jax.nn.sigmoid(z_x + z_h)
        n = jnp.tanh(n_x + r * n_h)
        h = (1 - z) * n + z * h
        return h, h

    return jax.lax.scan(step, jnp.zeros((x.shape[1], w_hh.shape[0])), x @ w_ih + b_ih)[1]


def rnn(
    x: jax.Array, w_ih: jax.Array, w_hh: jax.Array, b_ih: jax.Array, b_hh: jax.Array
) -> jax.Array:
    """Elman's network: h_t = tanh(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh)."""

    def step(h: jax.Array, projected: jax.Array) -> Batch:
        h = jnp.tanh(projected + h @ w_hh)
        return h, h

    zeros = jnp.zeros((x.shape[1], w_hh.shape[0]))
    return jax.lax.scan(step, zeros, x @ w_ih + (b_ih + b_hh))[1]


CELLS: dict[str, Callable[..., jax.Array]] = {"rnn": rnn, "gru": gru, "lstm": lstm}
