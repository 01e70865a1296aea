"""TensorFlow: Keras's recurrent layers, the whole training step one graph of TensorFlow.

Keras takes [B, T, ...]; batches are turned before the time is taken. Its LSTM and its SimpleRNN
have one bias where the others have two, so their gradient has another norm: theirs is not compared.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from sides import Observation
from workloads import BETAS, CLIP_NORM, EPSILON, LEARNING_RATE, Floats, Weights, Workload

LAYERS = {"rnn": keras.layers.SimpleRNN, "gru": keras.layers.GRU, "lstm": keras.layers.LSTM}

Batch: TypeAlias = "tuple[tf.Tensor, tf.Tensor]"


def describe() -> str:
    """Return the library's name and version."""
    return f"TensorFlow {tf.__version__}"


def set_threads(threads: int) -> None:
    """Set how many threads the library works with."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)


class Training:
    """A Keras model, its optimiser and the compiled step."""

    jit_compile = False

    def __init__(self, workload: Workload, weights: Weights) -> None:
        self._workload = workload
        self._model = build(workload)
        self._model.set_weights(keras_weights(workload, weights))
        # Keras adds epsilon to the root before the root is corrected for its bias.
        epsilon = EPSILON * (1 - BETAS[1]) ** 0.5
        self._adam = keras.optimizers.Adam(LEARNING_RATE, *BETAS, epsilon=epsilon)
        self._adam.build(self._model.trainable_variables)
        self._step = tf.function(self._train, jit_compile=self.jit_compile)

    def prepare(self, x: NDArray[Any], y: NDArray[Any]) -> Batch:
        """Return tensors, batch first."""
        x, y = np.swapaxes(x, 0, 1), y if self._workload.last else np.swapaxes(y, 0, 1)
        return tf.constant(x), tf.constant(y)

    def step(self, batch: Batch) -> Observation:
        """Train on a batch."""
        loss, norm = self._step(*batch)
        comparable = self._workload.cell == "gru"
        return float(loss), float(norm) if comparable else float("nan")

    def _train(self, x: tf.Tensor, y: tf.Tensor) -> Batch:
        variables = self._model.trainable_variables
        with tf.GradientTape() as tape:
            loss = self._loss(self._model(x, training=True), y)
        # An embedding's gradient comes by rows, repeated tokens apart: wrong for a norm.
        gradient = [tf.convert_to_tensor(g) for g in tape.gradient(loss, variables)]
        gradient, norm = tf.clip_by_global_norm(gradient, CLIP_NORM)
        self._adam.apply_gradients(zip(gradient, variables, strict=True))
        return loss, norm

    def _loss(self, outputs: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        if not self._workload.classifies:
            return tf.reduce_mean(tf.square(outputs - y))
        return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, outputs))


def build(workload: Workload) -> keras.Model:
    """Return the model of a workload."""
    tokens = workload.tokens
    shape = (workload.steps,) if tokens else (workload.steps, workload.inputs)
    stack: list[Any] = [keras.Input(shape, workload.rows, "int64" if tokens else "float32")]
    if tokens:
        stack.append(keras.layers.Embedding(workload.outputs, workload.inputs))
    for layer in range(workload.layers):
        sequences = not workload.last or layer < workload.layers - 1
        stack.append(LAYERS[workload.cell](workload.hidden, return_sequences=sequences))
    stack.append(keras.layers.Dense(workload.outputs))
    return keras.Sequential(stack)


def keras_weights(workload: Workload, weights: Weights) -> list[Floats]:
    """Return the weights in Keras's order, layouts and order of gates."""
    values = list(weights.values())
    embedding = [values.pop(0)] if workload.tokens else []
    *recurrent, head, head_bias = values
    layers = [recurrent[i : i + 4] for i in range(0, len(recurrent), 4)]
    converted = [value for layer in layers for value in _recurrent(workload.cell, *layer)]
    return [*embedding, *converted, head.T, head_bias]


def _recurrent(cell: str, w_ih: Floats, w_hh: Floats, b_ih: Floats, b_hh: Floats) -> list[Floats]:
    if cell != "gru":
        return [w_ih.T, w_hh.T, b_ih + b_hh]
    w_ih, w_hh, b_ih, b_hh = (_update_gate_first(value) for value in (w_ih, w_hh, b_ih, b_hh))
    return [w_ih.T, w_hh.T, np.stack([b_ih, b_hh])]


def _update_gate_first(value: Floats) -> Floats:
    """PyTorch's gates are r, z, n, Keras's z, r, n."""
    r, z, n = np.split(value, 3)
    return np.concatenate([z, r, n])
