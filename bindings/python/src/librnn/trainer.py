"""Training: the loss, its gradient through time, clipping and the optimiser."""

from __future__ import annotations

from ctypes import POINTER, byref, c_double
from typing import Any

import numpy as np

from . import _c_types as _c
from . import _options, losses, optimizers, schedules
from ._arrays import Array
from ._batch import Batch, Lengths
from ._c_api import check, create, lib
from ._checks import file_path, number
from ._flow import Seen
from ._handle import Owner
from ._lyapunov import leading, measurement
from ._options import PENALTIES, ClipScope, NonFinite
from ._signature import Signature
from ._state import StateLike
from ._tensors import read_tensors
from .errors import ArgumentError, DTypeError, NonFiniteError, mismatch
from .losses import CrossEntropyLoss, CTCLoss, Loss
from .model import Model, Path, check_model
from .optimizers import Adam, Optimizer, from_literal
from .result import StepResult
from .schedules import Schedule


class Trainer(Owner):
    """An optimiser and the memory of backpropagation for one model. One thread at a time.

    Parameters
    ----------
    model
        The model to train; it is kept alive.
    loss
        CrossEntropyLoss, MSELoss, BCEWithLogitsLoss, HuberLoss or CTCLoss.
    optimizer
        SGD, RMSprop, Adam or AdamW.
    clip_norm
        If the norm of the gradient is above it, the gradient is scaled down to this norm.
    clip_value
        Each element of the gradient is first cut into [-clip_value, clip_value].
    bptt
        k: the gradient is cut every k steps, the state carried on. None: through all of time.
    clip_scope
        Whether `clip_norm` is over all parameters, "global", or of each tensor, "per_tensor".
    clip_tensor_norm
        As `clip_norm`, of each tensor by itself, beside it.
    clip_adaptive
        Of each row of a matrix and each vector the gradient's norm is at most so many times that of
        the weights, or of 1e-3 (Brock et al. 2021).
    clip_quantile
        In (0, 1]: `clip_norm` is this quantile of the last `clip_window` norms, once there are 10.
    clip_window
        10 to 1048576.
    clip_step_norm, clip_step_value
        ∂L/∂h_t of every recurrent layer, before it goes on backward through time: bounds on its
        norm in each sequence, and on its elements.
    omega
        The weight of the penalty of Pascanu, Mikolov and Bengio 2013, which asks the gradient to
        keep its norm on its way back; theirs were 4 and 2.
    orthogonality
        The weight of the sum of ‖WᵀW - 1‖² over the recurrent matrices, gate by gate.
    activation_penalty, temporal_activation_penalty
        The weights of the mean of h_t², and of (h_t - h_{t-1})², of the last recurrent layer
        (Merity, McCann and Socher 2017).
    nonfinite
        What a gradient that is not finite does: "skip" changes nothing and counts, "fail" raises
        NonFiniteError as well, "roll_back" takes the last update back and multiplies the learning
        rate by `rollback_factor`. It never reaches the weights.
    rollback_factor
        In (0, 1].
    seed
        Of dropout.
    recompute
        Keep activations for about √T steps at a time only, and compute them again on the way back:
        less memory for more time, and a gradient of the same bits. (Not quite with a last-step head
        and `lengths`, or with `weight_drop`: there its sums are in another order.)
    schedule
        StepSchedule, CosineSchedule, OneCycleSchedule or PlateauSchedule, or ConstantSchedule for a
        warm-up alone: how the learning rate goes from update to update. None: it stays.
    accumulate
        k: an update goes by the mean of the gradients of k steps, which is clipped. A step whose
        gradient is not finite is left out and another awaited; one that is rolled back drops the
        whole group. Until the update `StepResult.action` is "accumulated".
    ema_decay
        d in (0, 1): after each update the average of the weights becomes d times itself plus
        (1 - d) times them: `average`. None: they are not averaged.
    """

    _model: Model
    _signature: Signature
    _loss: Loss
    _optimizer: Optimizer
    _schedule: Schedule | None

    def __init__(
        self,
        model: Model,
        loss: Loss = CrossEntropyLoss(),
        optimizer: Optimizer = Adam(),
        clip_norm: float | None = None,
        clip_value: float | None = None,
        bptt: int | None = None,
        *,
        clip_scope: ClipScope = "global",
        clip_tensor_norm: float | None = None,
        clip_adaptive: float | None = None,
        clip_quantile: float | None = None,
        clip_window: int = 1000,
        clip_step_norm: float | None = None,
        clip_step_value: float | None = None,
        omega: float = 0.0,
        orthogonality: float = 0.0,
        activation_penalty: float = 0.0,
        temporal_activation_penalty: float = 0.0,
        nonfinite: NonFinite = "skip",
        rollback_factor: float = 0.5,
        seed: int = 0,
        recompute: bool = False,
        schedule: Schedule | None = None,
        accumulate: int = 1,
        ema_decay: float | None = None,
    ) -> None:
        check_model(model)
        options = _options.to_c(
            loss,
            optimizer,
            bptt=bptt,
            clip_scope=clip_scope,
            clip_quantile=clip_quantile,
            clip_window=clip_window,
            thresholds={
                "clip_norm": clip_norm,
                "clip_value": clip_value,
                "clip_tensor_norm": clip_tensor_norm,
                "clip_adaptive": clip_adaptive,
                "clip_step_norm": clip_step_norm,
                "clip_step_value": clip_step_value,
            },
            penalties={
                "omega": omega,
                "orthogonality": orthogonality,
                "activation_penalty": activation_penalty,
                "temporal_activation_penalty": temporal_activation_penalty,
            },
            nonfinite=nonfinite,
            rollback_factor=rollback_factor,
            seed=seed,
            recompute=recompute,
            schedule=schedule,
            accumulate=accumulate,
            ema_decay=ema_decay,
        )
        handle = create(lib.rnn_trainer_create, model._handle, options)
        self._own(handle, lib.rnn_trainer_free)
        self._settle(model)

    @classmethod
    def resume(cls, path: Path, batch_first: bool = False) -> Trainer:
        """Read a checkpoint: the model, the optimiser, the options and the counters.

        Training goes on from it bit for bit.

        Parameters
        ----------
        path
            A file written by `Trainer.save`.
        batch_first
            Whether sequences come as [B, T, ...]; the file does not say.
        """
        trainer = cls.__new__(cls)
        handle = create(lib.rnn_trainer_resume, file_path("path", path))
        trainer._own(handle, lib.rnn_trainer_free)
        model = Model._from_handle(create(lib.rnn_trainer_model, handle), batch_first)
        trainer._settle(model)
        return trainer

    def _settle(self, model: Model) -> None:
        """Keep what the methods need, also once the model's own handle is closed."""
        self._model = model
        self._signature = model._signature
        options = self._describe()
        self._loss = losses.from_c(options, self._class_weights(options))
        self._optimizer = optimizers.from_c(options)
        self._schedule = schedules.from_c(options)

    def _describe(self) -> _c.TrainerOptions:
        options = _c.TrainerOptions()
        check(lib.rnn_trainer_describe(self._handle, byref(options)))
        return options

    def _class_weights(self, options: _c.TrainerOptions) -> Array:
        weights = np.empty(options.class_weights.bytes // 8)
        place = weights.ctypes.data_as(POINTER(c_double))
        check(lib.rnn_trainer_class_weights(self._handle, place, weights.nbytes))
        return weights

    @property
    def model(self) -> Model:
        """The model that is trained."""
        return self._model

    @property
    def loss(self) -> Loss:
        """The loss."""
        return self._loss

    @property
    def optimizer(self) -> Optimizer:
        """The optimiser, with the learning rate that it was made or resumed with."""
        return self._optimizer

    @property
    def schedule(self) -> Schedule | None:
        """The schedule of the learning rate; None if it stays."""
        return self._schedule

    @property
    def learning_rate(self) -> float:
        """The learning rate, >= 0; can be set at any time.

        A schedule goes from it; `StepResult.learning_rate` has what comes of that.
        """
        return from_literal(self._describe().learning_rate)

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        rate = number("learning_rate", value, low=0)
        check(lib.rnn_trainer_set_learning_rate(self._handle, rate))

    def report_metric(self, metric: float) -> None:
        """Tell a PlateauSchedule how well training goes.

        Parameters
        ----------
        metric
            A finite number, less is better: the loss on data that is not trained on, say.
        """
        check(lib.rnn_trainer_report_metric(self._handle, number("metric", metric)))

    def set_group(
        self,
        pattern: str,
        *,
        lr_factor: float = 1.0,
        weight_decay: float | None = None,
        frozen: bool = False,
    ) -> None:
        """Say what some tensors have of their own, from the next step on; saved in checkpoints.

        It takes the place of what an earlier call has said about them.

        Parameters
        ----------
        pattern
            The name of a tensor, in which each ``*`` stands for any text: "0.*", "*bias*".
        lr_factor
            Of the learning rate, scheduled or not, >= 0.
        weight_decay
            >= 0; None for the optimiser's.
        frozen
            Their bits stay, and their gradients are zeros.
        """
        if not isinstance(pattern, str):
            raise DTypeError(mismatch("pattern", "a str", type(pattern).__name__))
        if "\0" in pattern:
            raise ArgumentError(mismatch("pattern", "text without zero bytes", repr(pattern)))
        group = _options.group(lr_factor, weight_decay, frozen)
        name = pattern.encode("utf-8", "replace")
        check(lib.rnn_trainer_set_group(self._handle, name, byref(group)))

    def average(self) -> Model:
        """Return a new model with the average of the weights, which goes its own way.

        The average begins as the weights at the creation of the trainer, and goes back with an
        update that is rolled back. It needs `ema_decay`.
        """
        handle = create(lib.rnn_trainer_average, self._handle)
        return Model._from_handle(handle, self._model.batch_first)

    def set_penalties(self, **weights: float) -> None:
        """Set weights of penalties from the next step on; those not named stay.

        Parameters
        ----------
        **weights
            `omega`, `orthogonality`, `activation_penalty`, `temporal_activation_penalty`.
        """
        for name in weights:
            if name not in PENALTIES:
                raise ArgumentError(mismatch("weights", " or ".join(PENALTIES), name))
        options = self._describe()
        values = [
            number(name, weights[name], low=0) if name in weights else getattr(options, name)
            for name in PENALTIES
        ]
        check(lib.rnn_trainer_set_penalties(self._handle, *values))

    def step(
        self,
        x: Array,
        y: Array,
        lengths: Lengths | None = None,
        state: StateLike | None = None,
        weights: Array | None = None,
        *,
        target_lengths: Lengths | None = None,
        observe: bool = False,
    ) -> StepResult:
        """Take one step: forward, loss, backpropagation through time, clipping, update.

        Parameters
        ----------
        x
            Features [T, B, I] of the model's dtype, or token ids [T, B] of int32 or int64.
        y
            Labels [T, B] of int32 or int64 for CrossEntropyLoss, otherwise values [T, B, O] of the
            model's dtype. With a last-step head [B] and [B, O]. For CTCLoss labels [B, U], also if
            the model is batch first.
        lengths
            Ints [B]: sequence b has ``lengths[b]`` valid steps; the rest reaches nothing.
        state
            The state to begin with; None for zeros. The gradient does not go into it.
        weights
            The weight of each step's loss, [T, B] of the model's dtype; [B] with a last-step head.
        target_lengths
            For CTCLoss ints [B]: how many of its row's labels a sequence has; None: all U.
        observe
            Whether to look at the gradient on its way back, for a few per cent of the time:
            `StepResult.flow`. The step computes the same bits.

        Returns
        -------
        StepResult
            The loss, the gradient's norm and what became of the step.

        Notes
        -----
        If the model is batch first, x, y and weights are [B, T, ...]. After any exception the
        weights are unchanged.
        """
        handle = self._handle
        batch = self._batch(x, y, lengths, state, weights, target_lengths)
        batch.c.observe = bool(observe)
        return self._run(lib.rnn_trainer_step, handle, batch)

    def floss(
        self,
        x: Array,
        count: int | None = None,
        *,
        warm_up: int = 0,
        interval: int = 1,
        lengths: Lengths | None = None,
        state: StateLike | None = None,
    ) -> StepResult:
        """Take one step of gradient flossing: leading Lyapunov exponents move towards 0.

        Where they are 0 the gradient keeps its norm through time, in as many directions. What is
        minimised is the mean of their squares; the trainer's loss and penalties play no part. A
        trainer of its own for the same model keeps the optimiser of this apart. A few hundred steps
        before training, and some now and then during it, are what Engelken 2023 used. Where
        exponents are large over many steps, so is the gradient: prefer short sequences and
        `clip_norm`. A state that does not stay finite, or a direction that is lost, makes the
        gradient not finite.

        Parameters
        ----------
        x, lengths, state
            A batch, as for calling the model: the exponents are those along its sequences.
        count
            How many of the leading exponents, m; None: all n.
        warm_up
            First steps that are left out, in which the directions settle.
        interval
            Steps between orthonormalisations, as in `librnn.dynamics.lyapunov`.

        Returns
        -------
        StepResult
            `loss` is the mean of the squares, `exponents` has what they were before the update, and
            `state` is that of the beginning.
        """
        handle, batch = self._handle, Batch(self._signature, x, lengths, state)
        found = leading(count, self._signature.state.size)
        exponents = np.empty((batch.rows, found))
        call = measurement({"exponents": exponents}, found, warm_up, interval)
        try:
            result = self._run(lib.rnn_trainer_floss, handle, batch, call)
        except NonFiniteError as error:
            error.result.exponents = exponents
            raise
        result.exponents = exponents
        return result

    def evaluate(
        self,
        x: Array,
        y: Array,
        lengths: Lengths | None = None,
        state: StateLike | None = None,
        weights: Array | None = None,
        *,
        target_lengths: Lengths | None = None,
    ) -> StepResult:
        """Return the loss of a batch and nothing else: no dropout, no gradient, no update.

        The arguments are those of `step`.
        """
        handle = self._handle
        batch = self._batch(x, y, lengths, state, weights, target_lengths)
        return self._run(lib.rnn_trainer_evaluate, handle, batch)

    def gradients(self) -> dict[str, Array]:
        """Return the gradient of the last step by name, before clipping; zeros before any step.

        Returns
        -------
        dict of str to ndarray
            Names and shapes of `Model.state_dict`.
        """
        return read_tensors(lib.rnn_trainer_gradient, self._handle, self._signature.tensors)

    def save(self, path: Path) -> None:
        """Write a checkpoint to a safetensors file; a crash leaves the old file or the new one."""
        check(lib.rnn_trainer_save(self._handle, file_path("path", path)))

    def _run(self, function: Any, handle: int, batch: Batch, *arguments: Any) -> StepResult:
        report = _c.StepReport()
        status = function(handle, batch.c, *arguments, byref(report))
        try:
            check(status)
        except NonFiniteError as error:
            error.result = self._result(report, handle, batch)
            raise
        return self._result(report, handle, batch)

    def _result(self, report: _c.StepReport, handle: int, batch: Batch) -> StepResult:
        seen = None
        if batch.c.observe:
            seen = Seen(handle, report.flow_count, self._signature.tensors, self._model.layers)
        return StepResult.from_c(report, batch.state(), seen)

    def _batch(
        self,
        x: Array,
        y: Array,
        lengths: Lengths | None,
        state: StateLike | None,
        weights: Array | None,
        target_lengths: Lengths | None = None,
    ) -> Batch:
        batch = Batch(self._signature, x, lengths, state)
        if isinstance(self._loss, CTCLoss):
            batch.add_sequences(y, target_lengths)
        elif target_lengths is not None:
            raise ArgumentError(mismatch("target_lengths", "None but with CTCLoss", "some"))
        elif isinstance(self._loss, CrossEntropyLoss):
            batch.add_labels(y)
        else:
            batch.add_values(y)
        if weights is not None:
            batch.add_weights(weights)
        return batch
