"""Outputs, states, losses, gradients and ten steps of training, against numbers from PyTorch.

`fixtures/record_pytorch.py` recorded them in float64 for random configurations; neither it nor
PyTorch is needed here. Whatever goes in is exact in float32 as well, so both types start from the
same numbers. The largest error in a tensor may be 1e-12 (float64) or 1e-5 (float32) times the
largest expected number of that tensor. The losses and the norms of ten steps are one tensor each.

The bounds also hold for the parameters after ten steps, although Adam and RMSprop divide a gradient
by its own size and can make much of its rounding error: the recorder keeps no configuration in
which PyTorch's own float32 goes wrong by more than a tenth of the bound.
"""

import json
from functools import cached_property
from pathlib import Path

import librnn
import numpy as np
import pytest
from safetensors.numpy import load_file

FIXTURES = Path(__file__).parent / "fixtures"
TENSORS = load_file(FIXTURES / "parity.safetensors")
CASES = json.loads((FIXTURES / "parity.json").read_text())["cases"]
STEPS = 10
BOUNDS = {"float64": 1e-12, "float32": 1e-5}


def label(case):
    """Return a readable name: "case007-Embedding-LSTMx2-Linear-MSELoss-Adam-bptt3"."""
    parts = [case["name"]]
    for layer in case["layers"]:
        depth = layer["options"].get("num_layers", 1)
        kind = layer["options"].get("nonlinearity", layer["kind"])
        last = "Last" if layer["options"].get("last") else ""
        parts.append(kind + last + (f"x{depth}" if depth > 1 else ""))
    parts += [case["loss"]["kind"], case["optimizer"]["kind"]]
    parts += [name for name in ("clip_value", "clip_norm", "carry_state") if case[name]]
    return "-".join(parts + ([f"bptt{case['bptt']}"] if case["bptt"] else []))


class Recording:
    """One recorded configuration, handed to librnn in one dtype."""

    def __init__(self, case, dtype):
        self.case = case
        self.dtype = dtype

    @cached_property
    def tensors(self):
        """The tensors of this case, by name."""
        start = self.case["name"] + "."
        return {key[len(start) :]: TENSORS[key] for key in TENSORS if key.startswith(start)}

    def group(self, name):
        """Return the tensors of a group, the group's name removed."""
        start = name + "."
        return {
            key[len(start) :]: each for key, each in self.tensors.items() if key.startswith(start)
        }

    def given(self, name):
        """Return an input in this dtype, token ids and labels as they are; None if not recorded."""
        value = self.tensors.get(name)
        return value.astype(self.dtype) if value is not None and value.dtype.kind == "f" else value

    def state(self):
        """Return the initial state, None if the case starts from zeros."""
        return tuple(self.given(f"state.{name}") for name in sorted(self.group("state"))) or None

    def model(self):
        """Return a model with the recorded parameters."""
        layers = [
            getattr(librnn, layer["kind"])(*layer["sizes"], **layer["options"])
            for layer in self.case["layers"]
        ]
        model = librnn.Model(*layers, dtype=self.dtype)
        names = self.group("parameter")
        model.load_state_dict({name: self.given(f"parameter.{name}") for name in names})
        return model

    def trainer(self, model):
        """Return a trainer with the recorded options."""
        loss, optimizer = self.case["loss"], self.case["optimizer"]
        options = dict(optimizer["options"])
        if "betas" in options:
            options["betas"] = tuple(options["betas"])
        return librnn.Trainer(
            model,
            loss=getattr(librnn, loss["kind"])(**loss["options"]),
            optimizer=getattr(librnn, optimizer["kind"])(**options),
            clip_norm=self.case["clip_norm"],
            clip_value=self.case["clip_value"],
            bptt=self.case["bptt"],
        )

    def step(self, trainer, state):
        """Train one step from the given state; return the report."""
        lengths, weights = self.given("lengths"), self.given("weights")
        x, y = self.given("x"), self.given("y")
        return trainer.step(x, y, lengths=lengths, state=state, weights=weights)

    def check(self, name, actual):
        """Fail unless a tensor is what PyTorch computed, within the bound of this dtype."""
        expected = self.tensors[name]
        assert np.shape(actual) == expected.shape, name
        error = np.abs(np.asarray(actual, np.float64) - expected).max(initial=0)
        bound = BOUNDS[self.dtype] * np.abs(expected).max(initial=0)
        assert error <= bound, f"{name}: error {error:.2e}, allowed {bound:.2e}"

    def check_output(self, output):
        """Check the output of the first forward pass; a row of length zero has none to compare."""
        empty = self.tensors.get("lengths", np.ones(self.case["batch_size"])) == 0
        if empty.any():
            output = np.where(empty[:, None], self.tensors["output"], output)
        self.check("output", output)

    def check_all(self, group, actual):
        """Check the tensors of a group by name: none missing, none too many."""
        assert set(actual) == set(self.group(group))
        for name, value in actual.items():
            self.check(f"{group}.{name}", value)

    def check_states(self, state):
        """Check the final state of the first forward pass."""
        self.check_all("final", {str(place): part for place, part in enumerate(state)})


@pytest.fixture(params=CASES, ids=label)
def case(request):
    """Return the description of a recorded configuration."""
    return request.param


@pytest.fixture(params=BOUNDS)
def recording(request, case):
    """Return a recorded configuration in each dtype."""
    return Recording(case, request.param)


def test_forward(recording):
    """Outputs and final states of inference."""
    y, state = recording.model()(
        recording.given("x"), lengths=recording.given("lengths"), state=recording.state()
    )
    assert y.dtype == recording.dtype
    recording.check_output(y)
    recording.check_states(state)


def test_gradients(recording):
    """Final states and every gradient of the first step."""
    trainer = recording.trainer(recording.model())
    report = recording.step(trainer, recording.state())
    recording.check_states(report.state)
    recording.check_all("gradient", trainer.gradients())


def test_ten_steps(recording):
    """Losses and norms of ten steps, which of them were clipped, and all parameters after."""
    model = recording.model()
    trainer, state, reports = recording.trainer(model), recording.state(), []
    for _ in range(STEPS):
        reports.append(recording.step(trainer, state))
        state = reports[-1].state if recording.case["carry_state"] else state
    recording.check("loss", [report.loss for report in reports])
    recording.check("grad_norm", [report.grad_norm for report in reports])
    assert [report.clipped for report in reports] == list(recording.tensors["clipped"])
    assert not any(report.skipped for report in reports)
    recording.check_all("after", model.state_dict())
