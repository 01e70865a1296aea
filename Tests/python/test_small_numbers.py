"""Small numbers one by one: ties, odd sizes, and the ends of their range."""

import librnn
import numpy as np
import pytest

from streams import answers
from support import assert_same_bits

FORMATS = ("int8", "bfloat16")


def product(weight, weights):
    """A stream of y = W x with a small W."""
    model = librnn.Model(librnn.Linear(weight.shape[1], weight.shape[0]))
    bias = np.zeros(len(weight), np.float32)
    model.load_state_dict({"0.weight": weight.astype(np.float32), "0.bias": bias})
    return librnn.quantize(model, weights=weights).model.stream()


def test_bfloat16_goes_to_the_nearest_and_ties_to_even():
    """A diagonal of ones shows the activations; ones show the weights."""
    ties = [0x3F808000, 0x3F818000, 0x3F808001, 0x3F817FFF, 0xBF808000, 0xBF818000]
    nearest = [0x3F800000, 0x3F820000, 0x3F810000, 0x3F810000, 0xBF800000, 0xBF820000]
    numbers, expected = (np.array(bits, np.uint32).view(np.float32) for bits in (ties, nearest))
    for weight, x in ((np.eye(6), numbers), (np.diag(numbers), np.ones(6, np.float32))):
        assert_same_bits(product(weight, "bfloat16").step(x[None])[0], expected)


@pytest.mark.parametrize("weights", FORMATS)
@pytest.mark.parametrize("inputs", [1, 2, 3, 4, 5, 63, 65, 67, 127, 129, 255, 257])
def test_every_input_has_its_weight(inputs, weights):
    weight = (np.arange(inputs * 3) % 13 - 6).reshape(3, inputs).astype(np.float32)
    weight[:, 0] = 127  # a scale of 1
    stream = product(weight, weights)
    for place in range(inputs):
        x = np.zeros((1, inputs), np.float32)
        x[0, place] = -127
        assert_same_bits(stream.step(x)[0] + np.float32(0), -127 * weight[:, place] + np.float32(0))


EXTREMES = """
import hashlib, sys, librnn, numpy as np
digest = hashlib.sha256()
rng = np.random.default_rng(1)
for cell in (librnn.RNN, librnn.GRU, librnn.LSTM):
    for inputs, hidden in ((1, 5), (4, 9), (5, 24), (17, 40)):
        model = librnn.Model(cell(inputs, hidden), seed=2)
        model = librnn.quantize(model, weights=sys.argv[1]).model
        for extreme in (np.inf, -np.inf, 3e38, 1e-37, 1e-38, 1e-40):
            x = rng.standard_normal((4, 2, inputs)).astype(np.float32)
            x[1, 0, -1] = extreme
            y = model.stream(2).process(x)
            digest.update(np.where(np.isnan(y), np.float32(7), y).tobytes())
small, large = [1.5e-38, 1.3e-38, 1.9e-38, 1.7e-38], [2e38, 3e38]
for weight, x in (([1, 0.25, -0.25, 0.375], small), ([2, -1], large)):
    model = librnn.Model(librnn.Linear(len(x), 1))
    state = {"0.weight": np.array([weight], np.float32), "0.bias": np.zeros(1, np.float32)}
    model.load_state_dict(state)
    stream = librnn.quantize(model, weights=sys.argv[1]).model.stream()
    digest.update(stream.step(np.array([x], np.float32)).tobytes())
print(digest.hexdigest())
"""


@pytest.mark.parametrize("weights", FORMATS)
def test_all_instruction_sets_give_the_same_bits_of_extreme_numbers(weights):
    assert len(answers(EXTREMES, weights)) == 1


@pytest.mark.parametrize("weights", FORMATS)
def test_the_largest_finite_weight_stays_finite(weights):
    largest = np.finfo(np.float32).max
    for weight in (largest, -largest):
        y = product(np.array([[weight, 1, 1, 1]]), weights).step(np.eye(4, dtype=np.float32)[:1])
        np.testing.assert_allclose(y, weight, rtol=4e-3)


@pytest.mark.parametrize("layer", [librnn.Linear, librnn.RNN])
def test_more_inputs_than_sums_of_bytes_have_room_for_are_refused(layer):
    most = 133_144
    x = np.ones((1, most), np.float32)
    np.testing.assert_allclose(product(x, "int8").step(x), most, rtol=1e-4)
    model = librnn.Model(layer(most + 1, 1))
    with pytest.raises(librnn.ModelError, match=r"^layer 0 .*at most 133144 .*int8, got 133145"):
        librnn.quantize(model)
    assert (
        librnn.quantize(model, weights="bfloat16").model.stream().step(np.ones((1, most + 1), "f"))
    )
