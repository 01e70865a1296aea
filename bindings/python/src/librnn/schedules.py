"""How the learning rate goes: descriptions only, PyTorch's schedulers with its argument names.

A schedule goes from the trainer's learning rate, `Optimizer.lr` or as last set, by the number of
updates so far: skipped steps do not count, and an update that is taken back counts no more. Each
has `warm_up`: in the first so many updates the rate rises linearly to the one with which the
schedule then begins.
"""

from __future__ import annotations

from . import _c_types as _c
from ._checks import integer, number, positive
from ._settings import Settings
from .errors import ArgumentError, mismatch


class Schedule(Settings):
    """Base of all schedules."""

    warm_up: int

    def _to_c(self, options: _c.TrainerOptions) -> None:
        """Fill in the fields of the C options that describe this schedule."""
        options.schedule_warm_up = self.warm_up


class ConstantSchedule(Schedule):
    """The learning rate as it is, but for a warm-up.

    Parameters
    ----------
    warm_up
        Update n, from 0 on, has ``(n + 1) / (warm_up + 1)`` of the rate.
    """

    def __init__(self, *, warm_up: int = 0) -> None:
        self._settle(warm_up=integer("warm_up", warm_up, low=0))


class StepSchedule(Schedule):
    """Every `step_size` updates the rate is multiplied by `gamma`: StepLR.

    Parameters
    ----------
    step_size
        At least 1.
    gamma
        In (0, 1].
    warm_up
        Updates with a rate that rises, before the schedule begins.
    """

    step_size: int
    gamma: float

    def __init__(self, step_size: int, gamma: float = 0.1, *, warm_up: int = 0) -> None:
        self._settle(
            step_size=integer("step_size", step_size),
            gamma=_factor("gamma", gamma),
            warm_up=integer("warm_up", warm_up, low=0),
        )

    def _to_c(self, options: _c.TrainerOptions) -> None:
        super()._to_c(options)
        options.schedule = _c.RNN_SCHEDULE_STEP
        options.schedule_period = self.step_size
        options.schedule_factor = self.gamma


class CosineSchedule(Schedule):
    """By half a cosine down to `eta_min` in `total_steps` updates: CosineAnnealingLR.

    Afterwards the rate stays there. Loshchilov and Hutter 2017.

    Parameters
    ----------
    total_steps
        At least 1.
    eta_min
        The last rate, >= 0.
    warm_up
        Updates with a rate that rises, before the schedule begins.
    """

    total_steps: int
    eta_min: float

    def __init__(self, total_steps: int, eta_min: float = 0.0, *, warm_up: int = 0) -> None:
        self._settle(
            total_steps=integer("total_steps", total_steps),
            eta_min=number("eta_min", eta_min, low=0),
            warm_up=integer("warm_up", warm_up, low=0),
        )

    def _to_c(self, options: _c.TrainerOptions) -> None:
        super()._to_c(options)
        options.schedule = _c.RNN_SCHEDULE_COSINE
        options.schedule_period = self.total_steps
        options.schedule_floor = self.eta_min


class OneCycleSchedule(Schedule):
    """Up to the learning rate in three tenths of the updates, then down: OneCycleLR.

    From ``lr / div_factor`` up, and down to that divided by `final_div_factor`, where it stays;
    both by half a cosine. Smith and Topin 2018.

    Parameters
    ----------
    total_steps
        At least 1.
    div_factor, final_div_factor
        At least 1.
    warm_up
        Updates with a rate that rises, before the schedule begins.
    """

    total_steps: int
    div_factor: float
    final_div_factor: float

    def __init__(
        self,
        total_steps: int,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        *,
        warm_up: int = 0,
    ) -> None:
        self._settle(
            total_steps=integer("total_steps", total_steps),
            div_factor=number("div_factor", div_factor, low=1),
            final_div_factor=number("final_div_factor", final_div_factor, low=1),
            warm_up=integer("warm_up", warm_up, low=0),
        )

    def _to_c(self, options: _c.TrainerOptions) -> None:
        super()._to_c(options)
        options.schedule = _c.RNN_SCHEDULE_ONE_CYCLE
        options.schedule_period = self.total_steps
        options.schedule_divisor = self.div_factor
        options.schedule_final_divisor = self.final_div_factor


class PlateauSchedule(Schedule):
    """Multiplied by `factor` where training gets no better: ReduceLROnPlateau.

    `Trainer.report_metric` tells it how training goes. Less is better, if it is less than
    ``1 - 1e-4`` times the best so far.

    Parameters
    ----------
    factor
        In (0, 1].
    patience
        So many reports in a row may be no better.
    min_lr
        The rate is not reduced below it, >= 0.
    warm_up
        Updates with a rate that rises, before the schedule begins.
    """

    factor: float
    patience: int
    min_lr: float

    def __init__(
        self, factor: float = 0.1, patience: int = 10, min_lr: float = 0.0, *, warm_up: int = 0
    ) -> None:
        self._settle(
            factor=_factor("factor", factor),
            patience=integer("patience", patience, low=0),
            min_lr=number("min_lr", min_lr, low=0),
            warm_up=integer("warm_up", warm_up, low=0),
        )

    def _to_c(self, options: _c.TrainerOptions) -> None:
        super()._to_c(options)
        options.schedule = _c.RNN_SCHEDULE_PLATEAU
        options.schedule_period = self.patience or int(_c.RNN_ZERO)
        options.schedule_factor = self.factor
        options.schedule_floor = self.min_lr


def _factor(name: str, value: float) -> float:
    """Return a number in (0, 1]."""
    result = positive(name, value)
    if result > 1:
        raise ArgumentError(mismatch(name, "a number in (0, 1]", result))
    return result


def from_c(options: _c.TrainerOptions) -> Schedule | None:
    """Return the schedule that the C options, defaults filled in, stand for."""
    kind, period = options.schedule, options.schedule_period
    warm_up, factor = options.schedule_warm_up, options.schedule_factor
    if kind == _c.RNN_SCHEDULE_STEP:
        return StepSchedule(period, factor, warm_up=warm_up)
    if kind == _c.RNN_SCHEDULE_COSINE:
        return CosineSchedule(period, options.schedule_floor, warm_up=warm_up)
    if kind == _c.RNN_SCHEDULE_ONE_CYCLE:
        divisors = options.schedule_divisor, options.schedule_final_divisor
        return OneCycleSchedule(period, *divisors, warm_up=warm_up)
    if kind == _c.RNN_SCHEDULE_PLATEAU:
        return PlateauSchedule(factor, max(period, 0), options.schedule_floor, warm_up=warm_up)
    return ConstantSchedule(warm_up=warm_up) if warm_up else None
