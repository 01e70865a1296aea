"""The report of one training step."""

from __future__ import annotations

from dataclasses import dataclass, field

from . import _c_types as _c
from ._state import State


@dataclass(frozen=True, slots=True, eq=False)
class StepResult:
    """What one step of a trainer did.

    Attributes
    ----------
    loss : float
        Reduced over the whole batch.
    grad_norm : float
        Over all parameters, before clipping; 0 after `Trainer.evaluate`.
    clipped : bool
        Whether clipping changed the gradient.
    skipped : bool
        Whether the weights were left as they were, because the gradient was not finite.
    state : tuple of ndarray
        The final state, as `Model` returns it: hand it to the next step to train on a long stream.
    learning_rate : float
        The one used in this step.
    step, clipped_steps, skipped_steps : int
        Steps taken so far, and how many of them were clipped or skipped.
    """

    loss: float
    grad_norm: float
    clipped: bool
    skipped: bool
    state: State = field(repr=False)
    learning_rate: float
    step: int
    clipped_steps: int
    skipped_steps: int

    @classmethod
    def from_c(cls, report: _c.StepReport, state: State) -> StepResult:
        """Read the report of a call."""
        return cls(
            loss=report.loss,
            grad_norm=report.grad_norm,
            clipped=bool(report.clipped),
            skipped=bool(report.skipped),
            state=state,
            learning_rate=report.learning_rate,
            step=report.step,
            clipped_steps=report.clipped_steps,
            skipped_steps=report.skipped_steps,
        )
