"""Layers, losses, optimisers and results as values: compared, copied, shown and never changed."""

import copy
import pickle

import librnn
import numpy as np
import pytest

from support import EVERY_LAYER, LOSSES, assert_same_bits, normal

OPTIMIZERS = [
    librnn.SGD(momentum=0.9, nesterov=True),
    librnn.RMSprop(),
    librnn.Adam(betas=[0.5, 0]),
    librnn.AdamW(),
]
MORE_LOSSES = [
    librnn.CrossEntropyLoss(label_smoothing=0.1, weight=[1, 2.5]),
    librnn.HuberLoss(0.5),
    librnn.CTCLoss(1, zero_infinity=True),
]
SCHEDULES = [
    librnn.ConstantSchedule(warm_up=3),
    librnn.StepSchedule(5, 0.5),
    librnn.CosineSchedule(9, eta_min=0.1, warm_up=2),
    librnn.OneCycleSchedule(7),
    librnn.PlateauSchedule(patience=0),
]
SETTINGS = EVERY_LAYER + LOSSES + MORE_LOSSES + OPTIMIZERS + SCHEDULES
COPIES = [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))]


@pytest.mark.parametrize("settings", SETTINGS, ids=repr)
def test_a_repr_makes_the_same_again(settings):
    again = eval(repr(settings), vars(librnn))
    assert again == settings and hash(again) == hash(settings) and again is not settings


def test_a_repr_shows_every_option_but_of_layers_only_those_given():
    assert repr(librnn.LSTM(1, 2)) == "LSTM(1, 2)"
    assert repr(librnn.MSELoss()) == "MSELoss(reduction='mean')"
    assert repr(librnn.CrossEntropyLoss()) == (
        "CrossEntropyLoss(ignore_index=-100, reduction='mean', label_smoothing=0.0, weight=None)"
    )
    assert repr(librnn.AdamW()) == (
        "AdamW(lr=0.001, betas=(0.9, 0.999), eps=1e-08, weight_decay=0.01)"
    )


@pytest.mark.parametrize("make_copy", COPIES, ids=["copy", "deepcopy", "pickle"])
@pytest.mark.parametrize("settings", SETTINGS, ids=repr)
def test_copies_are_equal(settings, make_copy):
    made = make_copy(settings)
    assert type(made) is type(settings) and made == settings and hash(made) == hash(settings)
    assert repr(made) == repr(settings)


def test_equality_is_of_class_and_values():
    assert len(set(SETTINGS + copy.deepcopy(SETTINGS))) == len(SETTINGS)
    assert librnn.MSELoss() != librnn.BCEWithLogitsLoss()
    assert librnn.Adam() != librnn.AdamW(weight_decay=0)
    assert librnn.GRU(1, 2) != librnn.GRU(1, 3) and librnn.GRU(1, 2) != (1, 2)


@pytest.mark.parametrize("settings", SETTINGS, ids=repr)
def test_settings_never_change(settings):
    before = repr(settings)
    for name in [*vars(settings), "something_new"]:
        with pytest.raises(AttributeError, match=name):
            setattr(settings, name, 1)
        with pytest.raises(AttributeError, match=name):
            delattr(settings, name)
    assert repr(settings) == before


def test_arguments_after_the_sizes_are_named():
    for make in [
        lambda: librnn.Embedding(1, 2, "default"),
        lambda: librnn.GRU(1, 2, 1, 0.0, "default"),
        lambda: librnn.Linear(1, 2, True),
    ]:
        with pytest.raises(TypeError, match="positional"):
            make()


# ---- Results


def result():
    model = librnn.Model(librnn.LSTM(2, 3), librnn.Linear(3, 1))
    x, y = normal(1, 4, 2, 2, dtype="float32"), normal(2, 4, 2, 1, dtype="float32")
    return librnn.Trainer(model, librnn.MSELoss(), clip_norm=1e-3).step(x, y)


FIELDS = ["loss", "grad_norm", "clipped", "skipped"]
FIELDS += ["learning_rate", "step", "clipped_steps", "skipped_steps"]


def test_a_result_shows_all_but_its_state():
    one = result()
    shown = ", ".join(f"{name}={getattr(one, name)!r}" for name in FIELDS)
    assert repr(one) == f"StepResult({shown})"
    assert one.clipped is True and one.skipped is False and one.step == one.clipped_steps == 1


@pytest.mark.parametrize("name", [*FIELDS, "state", "something_new"])
def test_a_result_never_changes(name):
    one = result()
    with pytest.raises(AttributeError, match=name):
        setattr(one, name, None)
    with pytest.raises(AttributeError, match=name):
        delattr(one, name)
    assert one.state is one.state


@pytest.mark.parametrize("make_copy", COPIES, ids=["copy", "deepcopy", "pickle"])
def test_copies_of_a_result_have_its_values(make_copy):
    one = result()
    made = make_copy(one)
    assert repr(made) == repr(one) and made != one
    for part, original in zip(made.state, one.state, strict=True):
        assert_same_bits(part, original)


def test_a_result_is_made_of_its_values():
    state = (np.zeros(1),)
    rest = {"learning_rate": 0.25, "step": 3, "clipped_steps": 2, "skipped_steps": 1}
    made = librnn.StepResult(0.5, 2.0, True, False, state, **rest)
    assert [getattr(made, name) for name in FIELDS] == [0.5, 2.0, True, False, 0.25, 3, 2, 1]
    assert made.state is state
