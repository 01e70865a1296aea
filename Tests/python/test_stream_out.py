"""`step(out=)`: arrays that own their memory go a shorter way than views."""

import librnn
import numpy as np
import pytest

from streams import MARK, noise, sensor


@pytest.mark.parametrize("place", [0, 12, 15, 16, 17, 40])
def test_nan_is_seen_wherever_it_stands(place):
    for width in sorted({place + 1, 41}):
        x = np.zeros((1, width), np.float32)
        x[0, place] = np.nan
        with pytest.raises(librnn.NaNError, match=rf"position {place} "):
            librnn.Model(librnn.Linear(width, 2)).stream().step(x)


def test_out_of_its_own_keeps_what_it_has_for_idle_lanes():
    model, x = sensor(), noise(sensor(), 3).copy()
    left = model.stream(3)
    left.leave(2)
    for stream in (left, model.stream(3, idle_lanes=1)):
        out = np.full((3, 2), MARK, model.dtype)
        stream.step(x, out)
        assert np.all(out[2] == MARK)
        assert not np.any(out[:2] == MARK)


def test_an_out_of_its_own_that_is_read_only_changes_nothing():
    stream, x, out = sensor().stream(2), noise(sensor(), 2).copy(), np.full((2, 2), 7.0)
    before = stream.export()
    out.flags.writeable = False
    with pytest.raises(librnn.ArgumentError, match="^out: expected a writeable array"):
        stream.step(x, out)
    assert stream.export() == before
    assert np.all(out == 7)


def test_an_out_of_its_own_with_other_strides_is_refused():
    stream, x = sensor().stream(2), noise(sensor(), 2).copy()
    with pytest.raises(librnn.ArgumentError, match="^out: expected a C-contiguous array"):
        stream.step(x, np.full((2, 2), 7.0, order="F"))


def test_an_input_that_is_part_of_out_is_refused():
    stream = librnn.Model(librnn.Linear(3, 3), dtype="float64").stream(4)
    out = np.full((4, 3), 7.0)
    with pytest.raises(librnn.ArgumentError, match="^out: expected memory of its own"):
        stream.step(out[:], out)
    assert np.all(out == 7)
