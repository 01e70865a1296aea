"""Losses by their outputs: PyTorch's numbers, central differences and edges."""

import sys
from pathlib import Path

import librnn
import numpy as np
import pytest
from safetensors.numpy import load_file

from logits import loss_and_gradient, slopes
from support import assert_close, assert_told, integers, normal, still, uniform

FIXTURES = Path(__file__).parent / "fixtures"
sys.path.insert(0, str(FIXTURES))

from draw_losses import class_cases, ctc_cases, huber_cases  # noqa: E402

RECORDED = load_file(FIXTURES / "losses.safetensors")
BOUND = 1e-12


def of_classes(case):
    return librnn.CrossEntropyLoss(
        reduction=case["reduction"], label_smoothing=case["label_smoothing"], weight=case["weight"]
    )


def of_huber(case):
    return librnn.HuberLoss(case["delta"], case["reduction"])


def of_ctc(case):
    return librnn.CTCLoss(case["blank"], case["reduction"], zero_infinity=True)


KINDS = {
    "ctc": (list(ctc_cases()), of_ctc),
    "class": (list(class_cases()), of_classes),
    "huber": (list(huber_cases()), of_huber),
}
CASES = [(kind, index) for kind, (cases, _) in KINDS.items() for index in range(len(cases))]


def case_of(kind, index):
    """Return a drawn case, its loss, and its batch beyond outputs and targets."""
    cases, make = KINDS[kind]
    case = cases[index]
    batch = {name: case[name] for name in ("lengths", "target_lengths") if name in case}
    return case, make(case), batch


def recorded(kind, index):
    """Return PyTorch's loss and gradient."""
    sizes = [case["x"].size for case in KINDS[kind][0]]
    start = sum(sizes[:index])
    gradient = RECORDED[f"{kind}.gradient"][start : start + sizes[index]]
    return RECORDED[f"{kind}.loss"][index], gradient.reshape(KINDS[kind][0][index]["x"].shape)


@pytest.mark.parametrize("kind, index", CASES)
def test_losses_and_gradients_are_pytorchs(kind, index):
    case, loss, batch = case_of(kind, index)
    value, gradient = loss_and_gradient(case["x"], loss, case["y"], **batch)
    expected, slope = recorded(kind, index)
    assert abs(value - expected) <= BOUND * max(1, abs(expected))
    assert np.abs(gradient - slope).max() <= BOUND


@pytest.mark.parametrize("kind, index", CASES[::7])
def test_single_precision_follows(kind, index):
    case, loss, batch = case_of(kind, index)
    x, y = case["x"].astype("float32"), case["y"]
    y = y.astype("float32") if kind == "huber" else y
    value, gradient = loss_and_gradient(x, loss, y, **batch)
    expected, slope = recorded(kind, index)
    assert abs(value - expected) <= 3e-6 * max(1, abs(expected))
    assert np.abs(gradient - slope).max() <= 3e-6


@pytest.mark.parametrize("kind, index", CASES[::19])
def test_gradients_are_slopes(kind, index):
    case, loss, batch = case_of(kind, index)
    _, gradient = loss_and_gradient(case["x"], loss, case["y"], **batch)
    assert_close(gradient, slopes(case["x"], loss, case["y"], **batch), bound=1e-7)


# ---- Weights of classes, smoothing


def test_weights_of_steps_and_classes_go_together():
    x, y, steps = normal(1, 4, 3, 5), integers(2, 5, 4, 3), uniform(3, 4, 3)
    classes = uniform(4, 5) + 0.1
    loss = librnn.CrossEntropyLoss(label_smoothing=0.2, weight=classes)
    value, gradient = loss_and_gradient(x, loss, y, weights=steps)
    each = np.array(
        [
            loss_and_gradient(x[t, b][None, None], sum_of(loss), y[t, b].reshape(1, 1))[0]
            for t, b in np.ndindex(y.shape)
        ]
    ).reshape(y.shape)
    assert value == pytest.approx((steps * each).sum() / (steps * classes[y]).sum(), rel=1e-13)
    assert_close(gradient, slopes(x, loss, y, weights=steps), bound=1e-7)


def sum_of(loss):
    return librnn.CrossEntropyLoss(
        reduction="sum", label_smoothing=loss.label_smoothing, weight=loss.weight
    )


def test_a_mean_over_classes_without_weight_is_nothing():
    loss = librnn.CrossEntropyLoss(weight=[0, 1])
    value, gradient = loss_and_gradient(normal(1, 2, 1, 2), loss, np.zeros((2, 1), int))
    assert np.isnan(value) and not gradient.any()


def test_an_ignored_label_has_no_weight():
    loss = librnn.CrossEntropyLoss(1, label_smoothing=0.3, weight=[1, 2, 3])
    x, y = normal(1, 3, 1, 3), np.array([[0], [1], [2]])
    value, gradient = loss_and_gradient(x, loss, y)
    assert value == pytest.approx(loss_and_gradient(x[::2].copy(), loss, y[::2].copy())[0])
    assert not gradient[1].any()


def test_options_of_losses_are_refused_with_the_reason():
    model = librnn.Model(librnn.Embedding(2, 3))
    for weight, got in [([1, 2], "16 bytes"), ([1, 2, 3, 4], "32 bytes")]:
        loss = librnn.CrossEntropyLoss(weight=weight)
        assert_told(
            librnn.ShapeError,
            f"class_weights | 24 bytes | {got}",
            lambda loss=loss: librnn.Trainer(model, loss),
        )
    for kind, sentence, make in [
        (librnn.ArgumentError, "weight | >= 0 | -1", lambda: librnn.CrossEntropyLoss(weight=[-1])),
        (
            librnn.ArgumentError,
            "label_smoothing | [0, 1) | 1.0",
            lambda: librnn.CrossEntropyLoss(label_smoothing=1),
        ),
        (librnn.ArgumentError, "delta | > 0 | 0.0", lambda: librnn.HuberLoss(0)),
        (
            librnn.ArgumentError,
            "blank | 0 to 2 | 3",
            lambda: librnn.Trainer(model, librnn.CTCLoss(3)),
        ),
    ]:
        assert_told(kind, sentence, make)


SAVED = [
    librnn.CrossEntropyLoss(label_smoothing=0.1, weight=[0.1, 0.2, 0.7]),
    librnn.CrossEntropyLoss(label_smoothing=0.3),
    librnn.HuberLoss(0.3, "sum"),
    librnn.CTCLoss(2, "sum", zero_infinity=True),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("loss", SAVED, ids=repr)
def test_a_loss_is_read_back_and_resumed(loss, dtype, tmp_path):
    trainer = librnn.Trainer(librnn.Model(librnn.Embedding(2, 3), dtype=dtype), loss)
    trainer.save(tmp_path / "run.safetensors")
    resumed = librnn.Trainer.resume(tmp_path / "run.safetensors")
    assert trainer.loss == resumed.loss == loss


def test_a_resumed_run_goes_on_bit_for_bit(tmp_path):
    x, y = integers(1, 2, 4, 3), integers(2, 3, 4, 3)
    trainer = librnn.Trainer(librnn.Model(librnn.Embedding(2, 3)), SAVED[0])
    trainer.step(x, y)
    trainer.save(tmp_path / "run.safetensors")
    resumed = librnn.Trainer.resume(tmp_path / "run.safetensors")
    assert resumed.step(x, y).loss == trainer.step(x, y).loss


# ---- Huber


def test_a_great_delta_is_half_the_squared_error():
    x, y = normal(1, 3, 2, 4), normal(2, 3, 2, 4)
    value, gradient = loss_and_gradient(x, librnn.HuberLoss(1e6), y)
    square, slope = loss_and_gradient(x, librnn.MSELoss(), y)
    assert value == pytest.approx(square / 2, rel=1e-14)
    assert_close(gradient, slope / 2)


def test_huber_counts_weights_and_lengths():
    x, y, weights = normal(1, 3, 2, 4), normal(2, 3, 2, 4), uniform(3, 3, 2)
    loss = librnn.HuberLoss(0.5)
    value, gradient = loss_and_gradient(x, loss, y, weights=weights, lengths=[3, 1])
    valid = np.array([[1, 1], [1, 0], [1, 0]])
    d = np.abs(x - y)
    each = np.where(d <= 0.5, d**2 / 2, 0.5 * (d - 0.25)).sum(-1)
    assert value == pytest.approx((weights * valid * each).sum() / (weights * valid).sum() / 4)
    assert not gradient[1:, 1].any()


def test_not_a_number_is_passed_on():
    layers = librnn.Embedding(1, 1), librnn.Linear(1, 2), librnn.Linear(2, 1)
    model = librnn.Model(*layers, dtype="float64")
    great = {"0.weight": np.array([[10.0]]), "1.weight": np.array([[1e308], [1e308]])}
    model.load_state_dict(model.state_dict() | great | {"2.weight": np.array([[1.0, -1.0]])})
    result = still(model, librnn.HuberLoss()).step(np.zeros((1, 1), int), np.zeros((1, 1, 1)))
    assert np.isnan(result.loss) and result.skipped
