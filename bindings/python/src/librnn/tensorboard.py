"""Training in TensorBoard: what every step reports, and what observed steps saw.

    with librnn.tensorboard.TensorBoard("runs/adding", every=10) as board:
        for step, (x, y) in enumerate(batches):
            board.log(trainer.step(x, y, observe=step % 100 == 0))

It writes by tensorboardX: ``pip install "librnn[tensorboard]"``.
"""

from __future__ import annotations

import math
import os
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np

from ._checks import file_path, integer
from .errors import DTypeError, HandleError, mismatch
from .flow import GradientFlow, LayerFlow
from .result import StepResult

if TYPE_CHECKING:
    from tensorboardX import SummaryWriter

_EVERY_STEP = {
    "loss": "train/loss",
    "grad_norm": "train/grad_norm",
    "learning_rate": "train/learning_rate",
    "clip_threshold": "train/clip_threshold",
    "penalty": "train/penalty",
    "omega": "train/omega",
    "clipped_steps": "steps/clipped",
    "skipped_steps": "steps/skipped",
    "rolled_back_steps": "steps/rolled_back",
}
_IF_IN_USE = ("penalty", "omega")
_EVERY_LAYER = ("rate", "horizon", "saturated_fraction", "dead_fraction")


class TensorBoard:
    """Writes the results of training steps to event files.

    Parameters
    ----------
    logdir
        A directory, made if there is none; a run of its own for each training.
    every
        Write one step in so many. Steps that were observed, skipped or rolled back are always
        written.

    Notes
    -----
    Tags are "train/loss", "steps/clipped" and the like; of observed steps "layer/1.l0/rate",
    "gradient/1.weight_hh_l0" and "update_ratio/1.weight_hh_l0"; "layer/1.l0/log10_grad_h" is the
    histogram over the time steps of the logarithm of ‖∂L/∂h_t‖, and "layer/1.l0/verdict" a text,
    written when it changes. Steps of flossing go to "floss/loss" and the like, and "floss/lambda_1"
    is the first exponent, mean of the sequences. What is not finite, or None, is left out.
    """

    def __init__(self, logdir: str | os.PathLike[str], every: int = 1) -> None:
        self._every = integer("every", every)
        self._verdicts: dict[str, str] = {}
        self._writer: SummaryWriter | None = _new_writer(os.fsdecode(file_path("logdir", logdir)))

    def log(self, result: StepResult) -> None:
        """Write a step.

        Parameters
        ----------
        result
            Of `Trainer.step` or `Trainer.floss`; its number is the place on the axis.
        """
        if self._writer is None:
            raise HandleError(mismatch("TensorBoard", "an open one", "a closed one"))
        if not isinstance(result, StepResult):
            raise DTypeError(mismatch("result", "a StepResult", type(result).__name__))
        due = result.step % self._every == 0 or result.skipped
        if due or result.flow is not None:
            self._log_result(result)
        if result.flow is not None:
            self._log_flow(result.flow, result.step)

    def __call__(self, result: StepResult) -> None:
        """Do as `log`."""
        self.log(result)

    def close(self) -> None:
        """Write what is left and close the file; again: nothing."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def __enter__(self) -> TensorBoard:
        """Return this object; it is closed at the end of the block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        self.close()

    def _log_result(self, result: StepResult) -> None:
        exponents = result.exponents
        for name, tag in _EVERY_STEP.items():
            value = getattr(result, name)
            if value or name not in _IF_IN_USE:
                ours = tag if exponents is None else tag.replace("train/", "floss/")
                self._scalar(ours, value, result.step)
        if exponents is not None:
            self._scalar("floss/lambda_1", float(exponents[:, 0].mean()), result.step)

    def _log_flow(self, flow: GradientFlow, step: int) -> None:
        for layer in flow.layers:
            self._log_layer(layer, step)
        for name, tensor in flow.tensors.items():
            self._scalar(f"gradient/{name}", tensor.grad_norm, step)
            self._scalar(f"update_ratio/{name}", tensor.update_ratio, step)

    def _log_layer(self, layer: LayerFlow, step: int) -> None:
        place = f"layer/{layer.name}"
        for name in _EVERY_LAYER:
            self._scalar(f"{place}/{name}", getattr(layer, name), step)
        norms = layer.grad_h_mean[np.isfinite(layer.grad_h_mean) & (layer.grad_h_mean > 0)]
        if self._writer and len(norms):
            self._writer.add_histogram(f"{place}/log10_grad_h", np.log10(norms), step)
        if self._writer and self._verdicts.get(layer.name) != layer.verdict:
            self._verdicts[layer.name] = layer.verdict
            self._writer.add_text(f"{place}/verdict", f"**{layer.verdict}**: {layer.reason}", step)

    def _scalar(self, tag: str, value: float | None, step: int) -> None:
        if self._writer and value is not None and math.isfinite(value):
            self._writer.add_scalar(tag, value, step)


def _new_writer(logdir: str) -> SummaryWriter:
    try:
        from tensorboardX import SummaryWriter
    except ImportError as error:
        advice = 'pip install "librnn[tensorboard]"'
        came = f"{error}: {advice}"
        raise ImportError(f"librnn.tensorboard: expected tensorboardX, got {came}") from error
    return SummaryWriter(logdir)
