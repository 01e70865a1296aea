"""The report of one training step."""

from __future__ import annotations

from typing import NamedTuple

from . import _c_types as _c
from ._arrays import Array
from ._flow import Seen
from ._state import State
from .flow import GradientFlow

_ACTIONS = {
    _c.RNN_UPDATED: "updated",
    _c.RNN_SKIPPED: "skipped",
    _c.RNN_ROLLED_BACK: "rolled_back",
    _c.RNN_ACCUMULATED: "accumulated",
}
_CLIPPING = {
    "value": _c.RNN_CLIPPED_VALUE,
    "adaptive": _c.RNN_CLIPPED_ADAPTIVE,
    "tensor_norm": _c.RNN_CLIPPED_TENSOR_NORM,
    "norm": _c.RNN_CLIPPED_NORM,
    "step": _c.RNN_CLIPPED_STEP,
}
_ORIGINS = {
    _c.RNN_ORIGIN_ACTIVATION: "activation",
    _c.RNN_ORIGIN_LOSS: "loss",
    _c.RNN_ORIGIN_STATE_GRADIENT: "state_gradient",
    _c.RNN_ORIGIN_TENSOR_GRADIENT: "tensor_gradient",
}


class Origin(NamedTuple):
    """Where a number that is not finite first appeared, in the order of the computation.

    Attributes
    ----------
    kind
        "activation", "loss", "state_gradient" or "tensor_gradient".
    layer, level, step
        Place in the stack, in the layer and in the sequence; None where there is none.
    tensor
        A tensor whose gradient it spoiled.
    """

    kind: str
    layer: int | None
    level: int | None
    step: int | None
    tensor: str


class StepResult:
    """What one step of a trainer did. It never changes."""

    # The report of C is kept as it came: reading a field is cheaper than copying all at each step.
    __slots__ = ("_report", "_flow", "_state", "exponents")

    exponents: Array | None
    """Of `Trainer.floss`: Lyapunov exponents [B, m] before the update; otherwise None.

    NaN where they were not reached, for a state was not finite.
    """

    def __init__(
        self,
        loss: float,
        grad_norm: float,
        clipped: bool,
        skipped: bool,
        state: State,
        learning_rate: float,
        step: int,
        clipped_steps: int,
        skipped_steps: int,
    ) -> None:
        self._state = state
        self._flow: Seen | GradientFlow | None = None
        self.exponents = None
        self._report = _c.StepReport(
            loss=loss,
            grad_norm=grad_norm,
            clipped=clipped,
            skipped=skipped,
            learning_rate=learning_rate,
            step=step,
            clipped_steps=clipped_steps,
            skipped_steps=skipped_steps,
        )

    @classmethod
    def from_c(cls, report: _c.StepReport, state: State, seen: Seen | None = None) -> StepResult:
        """Wrap the report of a call, which nothing may write to from now on."""
        result = cls.__new__(cls)
        result._report = report
        result._state = state
        result._flow = seen
        result.exponents = None
        return result

    @property
    def loss(self) -> float:
        """Reduced over the whole batch."""
        return float(self._report.loss)

    @property
    def grad_norm(self) -> float:
        """Over all parameters, before clipping; 0 after `Trainer.evaluate`.

        Of a trainer that accumulates: of this step, and with an update of the mean.
        """
        return float(self._report.grad_norm)

    @property
    def clipped(self) -> bool:
        """Whether clipping changed the gradient."""
        return bool(self._report.clipped)

    @property
    def skipped(self) -> bool:
        """Whether there was no update: the step was skipped or rolled back."""
        return bool(self._report.skipped)

    @property
    def state(self) -> State:
        """The final state, as `Model` returns it.

        Hand it to the next step to train on a long stream.
        """
        return self._state

    @property
    def flow(self) -> GradientFlow | None:
        """What an observed step saw; None if it was not observed."""
        if isinstance(self._flow, Seen):
            self._flow = self._flow.flow()
        return self._flow

    @property
    def learning_rate(self) -> float:
        """The one used in this step; after `Trainer.evaluate` that of the next."""
        return float(self._report.learning_rate)

    @property
    def step(self) -> int:
        """How many steps were taken so far."""
        return int(self._report.step)

    @property
    def clipped_steps(self) -> int:
        """How many of them were clipped."""
        return int(self._report.clipped_steps)

    @property
    def skipped_steps(self) -> int:
        """How many of them were skipped."""
        return int(self._report.skipped_steps)

    @property
    def action(self) -> str:
        """What became of the step: "updated", "skipped", "rolled_back" or "accumulated"."""
        return _ACTIONS[self._report.action]

    @property
    def rolled_back_steps(self) -> int:
        """How many steps were rolled back; they are not among the skipped ones."""
        return int(self._report.rolled_back_steps)

    @property
    def clipping(self) -> tuple[str, ...]:
        """Which kinds of clipping changed the gradient."""
        flags = self._report.clipping
        return tuple(name for name, flag in _CLIPPING.items() if flags & flag)

    @property
    def clip_threshold(self) -> float | None:
        """The bound on the norm over all parameters that was in force; None if there was none."""
        return float(self._report.clip_threshold) or None

    @property
    def clipped_places(self) -> int:
        """At how many sequences, steps and layers ∂L/∂h_t was clipped."""
        return int(self._report.clipped_places)

    @property
    def penalty(self) -> float:
        """What the penalties added to the loss that is minimised; not in `loss`."""
        return float(self._report.penalty)

    @property
    def omega(self) -> float:
        """The value of Ω by itself; 0 unless its weight is above 0."""
        return float(self._report.omega)

    @property
    def origin(self) -> Origin | None:
        """Where a gradient that is not finite began; None if it is finite, or of flossing."""
        report = self._report
        if report.origin == _c.RNN_ORIGIN_NONE:
            return None
        places = (report.origin_layer, report.origin_level, report.origin_step)
        layer, level, step = (place if place >= 0 else None for place in places)
        tensor = report.origin_tensor.decode()
        return Origin(_ORIGINS[report.origin], layer, level, step, tensor)

    def __repr__(self) -> str:
        """Return everything but the state."""
        names = "loss grad_norm clipped skipped learning_rate step clipped_steps skipped_steps"
        shown = (f"{name}={getattr(self, name)!r}" for name in names.split())
        return f"{type(self).__name__}({', '.join(shown)})"
