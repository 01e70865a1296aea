"""The report of one training step."""

from __future__ import annotations

from . import _c_types as _c
from ._state import State


class StepResult:
    """What one step of a trainer did. It never changes."""

    # The report of C is kept as it came: reading a field is cheaper than copying nine at each step.
    __slots__ = ("_report", "_state")

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
    def from_c(cls, report: _c.StepReport, state: State) -> StepResult:
        """Wrap the report of a call, which nothing may write to from now on."""
        result = cls.__new__(cls)
        result._report = report
        result._state = state
        return result

    @property
    def loss(self) -> float:
        """Reduced over the whole batch."""
        return float(self._report.loss)

    @property
    def grad_norm(self) -> float:
        """Over all parameters, before clipping; 0 after `Trainer.evaluate`."""
        return float(self._report.grad_norm)

    @property
    def clipped(self) -> bool:
        """Whether clipping changed the gradient."""
        return bool(self._report.clipped)

    @property
    def skipped(self) -> bool:
        """Whether the weights were left as they were, because the gradient was not finite."""
        return bool(self._report.skipped)

    @property
    def state(self) -> State:
        """The final state, as `Model` returns it.

        Hand it to the next step to train on a long stream.
        """
        return self._state

    @property
    def learning_rate(self) -> float:
        """The one used in this step."""
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

    def __repr__(self) -> str:
        """Return everything but the state."""
        names = "loss grad_norm clipped skipped learning_rate step clipped_steps skipped_steps"
        shown = (f"{name}={getattr(self, name)!r}" for name in names.split())
        return f"{type(self).__name__}({', '.join(shown)})"
