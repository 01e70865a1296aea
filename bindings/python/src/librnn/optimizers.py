"""The optimisers: descriptions only, with PyTorch's argument names, formulas and defaults."""

from __future__ import annotations

from collections.abc import Sequence

from . import _c_types as _c
from ._checks import number, positive
from ._settings import Settings
from .errors import ArgumentError, DTypeError, mismatch


class Optimizer(Settings):
    """Base of all optimisers."""

    lr: float
    weight_decay: float

    def _to_c(self, options: _c.TrainerOptions) -> None:
        """Fill in the fields of the C options that describe this optimiser."""
        options.learning_rate = literal(self.lr)
        options.weight_decay = literal(self.weight_decay)


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum and Nesterov's momentum.

    Parameters
    ----------
    lr
        The learning rate, >= 0.
    momentum
        >= 0.
    nesterov
        Whether the momentum is Nesterov's; it must then be above 0.
    weight_decay
        Added to the gradient, >= 0.
    """

    momentum: float
    nesterov: bool

    def __init__(
        self,
        lr: float = 1e-3,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        self._settle(
            lr=number("lr", lr, low=0),
            momentum=number("momentum", momentum, low=0),
            nesterov=bool(nesterov),
            weight_decay=number("weight_decay", weight_decay, low=0),
        )
        if self.nesterov and not self.momentum:
            raise ArgumentError(mismatch("momentum", "a number > 0 with nesterov", self.momentum))

    def _to_c(self, options: _c.TrainerOptions) -> None:
        super()._to_c(options)
        options.optimizer = _c.RNN_SGD
        options.momentum = self.momentum
        options.nesterov = self.nesterov


class RMSprop(Optimizer):
    """RMSprop (Tieleman and Hinton 2012), not centred.

    Parameters
    ----------
    lr
        The learning rate, >= 0.
    alpha
        The smoothing of the squared gradient, in [0, 1).
    eps
        Added to the root, > 0.
    weight_decay
        Added to the gradient, >= 0.
    momentum
        >= 0.
    """

    alpha: float
    eps: float
    momentum: float

    def __init__(
        self,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
    ) -> None:
        self._settle(
            lr=number("lr", lr, low=0),
            alpha=number("alpha", alpha, low=0, below=1),
            eps=positive("eps", eps),
            weight_decay=number("weight_decay", weight_decay, low=0),
            momentum=number("momentum", momentum, low=0),
        )

    def _to_c(self, options: _c.TrainerOptions) -> None:
        super()._to_c(options)
        options.optimizer = _c.RNN_RMSPROP
        options.alpha = literal(self.alpha)
        options.eps = self.eps
        options.momentum = self.momentum


class Adam(Optimizer):
    """Adam (Kingma and Ba 2015).

    Parameters
    ----------
    lr
        The learning rate, >= 0.
    betas
        The smoothing of the gradient and of its square, each in [0, 1).
    eps
        Added to the root, > 0.
    weight_decay
        Added to the gradient, >= 0.
    """

    betas: tuple[float, float]
    eps: float

    def __init__(
        self,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        self._settle(
            lr=number("lr", lr, low=0),
            betas=_betas(betas),
            eps=positive("eps", eps),
            weight_decay=number("weight_decay", weight_decay, low=0),
        )

    def _to_c(self, options: _c.TrainerOptions) -> None:
        super()._to_c(options)
        options.optimizer = _c.RNN_ADAM
        options.beta1, options.beta2 = map(literal, self.betas)
        options.eps = self.eps


class AdamW(Adam):
    """Adam with the weight decay apart from the gradient (Loshchilov and Hutter 2019).

    Parameters
    ----------
    lr
        The learning rate, >= 0.
    betas
        The smoothing of the gradient and of its square, each in [0, 1).
    eps
        Added to the root, > 0.
    weight_decay
        Each step takes ``lr * weight_decay`` of every weight away, >= 0.
    """

    def __init__(
        self,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
    ) -> None:
        super().__init__(lr, betas, eps, weight_decay)

    def _to_c(self, options: _c.TrainerOptions) -> None:
        super()._to_c(options)
        options.optimizer = _c.RNN_ADAMW


def _betas(value: Sequence[float]) -> tuple[float, float]:
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise DTypeError(mismatch("betas", "a tuple of two numbers", repr(value)))
    first, second = value
    return (
        number("betas[0]", first, low=0, below=1),
        number("betas[1]", second, low=0, below=1),
    )


def literal(value: float) -> float:
    """Return a number for a C field in which 0 means the default."""
    return value if value else _c.RNN_ZERO


def from_literal(value: float) -> float:
    """Return the number that such a field stands for once the defaults are filled in."""
    return 0.0 if value == _c.RNN_ZERO else value


def from_c(options: _c.TrainerOptions) -> Optimizer:
    """Return the optimiser that the C options, defaults filled in, stand for."""
    lr = from_literal(options.learning_rate)
    decay = from_literal(options.weight_decay)
    if options.optimizer == _c.RNN_SGD:
        return SGD(lr, options.momentum, bool(options.nesterov), decay)
    if options.optimizer == _c.RNN_RMSPROP:
        return RMSprop(lr, from_literal(options.alpha), options.eps, decay, options.momentum)
    betas = (from_literal(options.beta1), from_literal(options.beta2))
    kind = AdamW if options.optimizer == _c.RNN_ADAMW else Adam
    return kind(lr, betas, options.eps, decay)
