"""The verdicts on a recurrent layer: their order, colours and what they say in plain words."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from .flow import LayerFlow


class Verdict(NamedTuple):
    """What a verdict means to a reader.

    Attributes
    ----------
    colour
        Of everything that stands for it.
    headline
        What to say of a model whose worst layer it is.
    meaning
        What follows from it.
    advice
        What to try next, the likeliest help first.
    """

    colour: str
    headline: str
    meaning: str
    advice: tuple[str, ...]


VERDICTS: dict[str, Verdict] = {
    "diverged": Verdict(
        "#862e9c",
        "The computation is no longer finite",
        "Nothing can be learnt from such a step.",
        (
            "Go back to an earlier checkpoint: weights that are NaN or infinite do not recover.",
            "Train on from there with a lower learning rate and clip_norm.",
            'Trainer(nonfinite="roll_back") takes such a step back and lowers the rate by itself.',
            "If only the gradient is not finite, it has exploded on its way back: clip_step_norm "
            "bounds it there.",
            "If it happens with fresh weights too, look at the size of the inputs and targets.",
        ),
    ),
    "dead": Verdict(
        "#495057",
        "Most units stay at zero",
        "A unit that is zero at every step gets no gradient and does not come back by itself.",
        (
            "Lower the learning rate: one large update can push relu units below zero for good.",
            'nonlinearity="tanh", or relu with recurrent_init="identity", and train again.',
            "Inputs of mean 0 and variance about 1; no large negative biases.",
        ),
    ),
    "saturated": Verdict(
        "#e8590c",
        "Most tanh activations are saturated",
        "Where tanh is flat, little of the gradient gets through.",
        (
            "A lower learning rate, or training again from smaller weights.",
            "Trainer(activation_penalty=...) keeps activations small; weight decay (AdamW) the "
            "weights.",
            "Scale the inputs to mean 0 and variance about 1.",
            "If the loss still falls and the task needs little memory, it may do no harm.",
        ),
    ),
    "exploding": Verdict(
        "#e03131",
        "The gradient explodes on its way back",
        "A single update may throw the weights far away.",
        (
            "clip_norm near the gradient norms of ordinary steps; clip_quantile finds it by "
            "itself, clip_step_norm bounds it on the way.",
            "A lower learning rate, and Trainer(orthogonality=...) against large recurrent "
            "weights.",
            "bptt=k cuts the way back after k steps, and with it what can be learnt beyond k.",
        ),
    ),
    "vanishing": Verdict(
        "#1971c2",
        "The gradient vanishes on its way back",
        "What lies further back than that hardly changes the weights.",
        (
            "Compare the horizon with how far back the task has to look: if it is longer, "
            "nothing is wrong. In stacks, another layer may carry the memory.",
            "Of an RNN: an LSTM or a GRU in its place, or "
            'recurrent_init="orthogonal" or "identity".',
            "Of an LSTM: forget_bias=1 or more, the more the longer the dependencies.",
            "Trainer(omega=...) asks the gradient to keep its norm (Pascanu et al. 2013).",
        ),
    ),
    "healthy": Verdict(
        "#2b8a3e",
        "The gradient flows well",
        "Steps far apart can be linked by learning.",
        (
            "If the loss does not fall all the same, the cause is elsewhere: the learning rate, "
            "the data, the size of the model.",
        ),
    ),
}
"""From the worst on: the order in which the library judges, what has exploded before the rest."""

NOTHING_TO_JUDGE = "No step back through time to judge by"
"""What to say of layers that are not judged."""


def is_judged(layers: Iterable[LayerFlow]) -> bool:
    """Return whether any layer is ill or has a rate, without which "healthy" says nothing."""
    return any(layer.verdict != "healthy" or not math.isnan(layer.rate) for layer in layers)


def worst(verdicts: Iterable[str]) -> str:
    """Return the worst of some verdicts, at least one."""
    return min(verdicts, key=list(VERDICTS).index)


def worst_layer(layers: Iterable[LayerFlow]) -> LayerFlow:
    """Return the layer of the worst verdict, the first of them."""
    order = list(VERDICTS)
    return min(layers, key=lambda layer: order.index(layer.verdict))
