"""Misuse of the dynamics is refused in a sentence: argument, expected, got."""

import librnn
import numpy as np
import pytest
from librnn import Linear, Model, dynamics

from dynamical import ROWS, make, recurrent
from support import assert_same_dicts, assert_told, normal, still


def x(steps=4):
    return normal(1, steps, ROWS, 2)


def jacobian(start=0, end=1, model="GRU", x=x(), **options):  # noqa: B008
    dynamics.jacobian(make(model), x, start, end, **options)


def lyapunov(*count, model="GRU", x=x(), **options):  # noqa: B008
    dynamics.lyapunov(make(model), x, *count, **options)


def floss(*count, model="GRU", x=x(), **options):  # noqa: B008
    trainer(make(model)).floss(x, *count, **options)


def trainer(model):
    return still(model, librnn.MSELoss())


def closed(handle):
    handle.close()
    return handle


def spectra_of_nan():
    model = recurrent(np.full((2, 2), np.nan))
    dynamics.spectra(model)


TYPE, VALUE = TypeError, ValueError
STATELESS = Model(Linear(2, 2), dtype="float64")
TOO_LONG = np.array([1, 2, 2**63], np.uint64)

# Type, "argument | expected | got" of the sentence, and what is done.
MISUSE = [
    (VALUE, "start | int in -1 | -2", lambda: jacobian(-2)),
    (VALUE, "start | int in | 9223372036854775808", lambda: jacobian(2**63)),
    (TYPE, "start | an int | float", lambda: jacobian(0.0)),
    (TYPE, "end | an int | NoneType", lambda: jacobian(0, None)),
    (VALUE, "start, end | -1 <= start <= end < 4 | 0, 4", lambda: jacobian(0, 4)),
    (VALUE, "start, end | start <= end | 2, 1", lambda: jacobian(2, 1)),
    (VALUE, "start, end | < 4 | 4, 4", lambda: jacobian(4, 4)),
    (VALUE, "end | less than lengths[1] = 2 | 2", lambda: jacobian(0, 2, lengths=[4, 2, 3])),
    (TYPE, "model | a Model | NoneType", lambda: dynamics.jacobian(None, x(), 0, 1)),
    (VALUE, "lengths[0] | at least 1 | 0", lambda: jacobian(-1, -1, lengths=[0, 2, 3])),
    (VALUE, "lengths[2] | 4 | 5", lambda: jacobian(lengths=[1, 2, 5])),
    (VALUE, "lengths[2] | 4 | 9223372036854775807", lambda: jacobian(lengths=TOO_LONG)),
    (VALUE, "x | [T, B, 2] | [4, 2]", lambda: jacobian(x=x()[:, 0])),
    (TYPE, "x | float64 | float32", lambda: jacobian(x=x().astype("float32"))),
    (VALUE, "x | number | NaN", lambda: jacobian(x=np.full((4, ROWS, 2), np.nan))),
    (VALUE, "state | [1, 3, 3] | [1, 2, 3]", lambda: jacobian(state=[np.zeros((1, 2, 3))])),
    (VALUE, "model | recurrent | none", lambda: dynamics.jacobian(STATELESS, x(), 0, 1)),
    (VALUE, "model | open | closed", lambda: dynamics.jacobian(closed(make("GRU")), x(), 0, 1)),
    (VALUE, "count | 1 .. | 0", lambda: lyapunov(0)),
    (VALUE, "count | 1 .. 3 | 4", lambda: lyapunov(4)),
    (VALUE, "count | 1 .. 3 | 4611686018427387904", lambda: lyapunov(2**62)),
    (VALUE, "model | recurrent | none", lambda: dynamics.lyapunov(STATELESS, x(), 1)),
    (TYPE, "model | a Model | Trainer", lambda: dynamics.lyapunov(trainer(make("GRU")), x())),
    (TYPE, "model | a Model | str", lambda: dynamics.spectra("GRU")),
    (VALUE, "count | 1 .. 3 | 4611686018427387904", lambda: floss(2**62)),
    (TYPE, "count | an int | float", lambda: lyapunov(1.0)),
    (VALUE, "warm_up | 0 .. | -1", lambda: lyapunov(warm_up=-1)),
    (VALUE, "warm_up | 0 to 3 | 4", lambda: lyapunov(warm_up=4)),
    (VALUE, "warm_up | 0 to 1 | 2", lambda: lyapunov(warm_up=2, lengths=[4, 2, 3])),
    (TYPE, "warm_up | an int | str", lambda: lyapunov(warm_up="1")),
    (VALUE, "interval | 1 .. | 0", lambda: lyapunov(interval=0)),
    (VALUE, "lengths[0] | at least 1 | 0", lambda: lyapunov(lengths=[0, 2, 3])),
    (VALUE, "x | number | NaN", lambda: lyapunov(x=np.full((4, ROWS, 2), np.nan))),
    (VALUE, "model | recurrent | none", lambda: dynamics.lyapunov(STATELESS, x())),
    (VALUE, "model | open | closed", lambda: dynamics.lyapunov(closed(make("GRU")), x())),
    (VALUE, "model | open | closed", lambda: dynamics.spectra(closed(make("GRU")))),
    (VALUE, "count | 1 .. | 0", lambda: floss(0)),
    (VALUE, "count | 1 .. 3 | 4", lambda: floss(4)),
    (TYPE, "count | an int | float", lambda: floss(1.0)),
    (VALUE, "warm_up | 0 .. | -1", lambda: floss(warm_up=-1)),
    (VALUE, "warm_up | 0 to 3 | 4", lambda: floss(warm_up=4)),
    (VALUE, "warm_up | 0 to 1 | 2", lambda: floss(warm_up=2, lengths=[4, 2, 3])),
    (VALUE, "interval | 1 .. | 0", lambda: floss(interval=0)),
    (VALUE, "interval | 1 .. | -1", lambda: floss(interval=-1)),
    (TYPE, "interval | an int | float", lambda: floss(interval=1.0)),
    (VALUE, "lengths[0] | at least 1 | 0", lambda: floss(lengths=[0, 2, 3])),
    (VALUE, "x | [T, B, 2] | [4, 2]", lambda: floss(x=x()[:, 0])),
    (TYPE, "x | float64 | float32", lambda: floss(x=x().astype("float32"))),
    (VALUE, "x | number | NaN", lambda: floss(x=np.full((4, ROWS, 2), np.nan))),
    (VALUE, "state | [1, 3, 3] | [1, 2, 3]", lambda: floss(state=[np.zeros((1, 2, 3))])),
    (VALUE, "model | recurrent | none", lambda: trainer(STATELESS).floss(x())),
    (VALUE, "trainer | open | closed", lambda: closed(trainer(make("GRU"))).floss(x())),
    (ArithmeticError, "0.weight_hh_l0 | finite | others", spectra_of_nan),
]


@pytest.mark.parametrize("kind, sentence, act", MISUSE, ids=[case[1] for case in MISUSE])
def test_misuse_is_told_with_argument_expected_and_got(kind, sentence, act):
    assert_told(kind, sentence, act)


def test_flossing_that_is_refused_changes_nothing():
    run = trainer(make("GRU"))
    before = run.model.state_dict()
    for wrong in ({"warm_up": 4}, {"interval": 0}, {"lengths": [4, 2, 0]}):
        with pytest.raises(ValueError):
            run.floss(x(), **wrong)
    assert_same_dicts(run.model.state_dict(), before)
    assert not any(np.any(g) for g in run.gradients().values())
    assert run.floss(x()).step == 1
