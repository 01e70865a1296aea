"""Small weights: what they are, the same bits on all processors, and what the report says."""

import librnn
import numpy as np
import pytest

from streams import answers
from support import assert_same_bits, normal

CELLS = {"RNN": librnn.RNN, "GRU": librnn.GRU, "LSTM": librnn.LSTM}
FORMATS = ("int8", "bfloat16")


def network(cell="LSTM", inputs=3, hidden=21, outputs=5, **options):
    recurrent = CELLS[cell](inputs, hidden, num_layers=2)
    return librnn.Model(recurrent, librnn.Linear(hidden, outputs), **options)


def noise(steps, rows, inputs=3):
    return normal(1, steps, rows, inputs).astype(np.float32)


KEPT = {"bfloat16": 1, "int8": 3}
"""Inputs of a recurrent layer up to which W_ih and the inputs stay float32."""


def rounded(weight, weights):
    """What the rows of a matrix become, by the definition."""
    if weights == "bfloat16":
        bits = weight.view(np.uint32)
        return ((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).view(np.float32)
    scale = (np.abs(weight).max(1, keepdims=True) / np.float32(127)).view(np.uint32)
    scale = ((scale + 127) & ~np.uint32(127)).view(np.float32)
    return np.rint(weight / scale) * scale + np.float32(0)  # no -0


@pytest.mark.parametrize("weights", FORMATS)
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("inputs", [1, 2, 3, 4])
def test_matrices_are_rounded_and_biases_are_not(inputs, cell, weights):
    model = network(cell, inputs=inputs)
    small = librnn.quantize(model, weights=weights).model.state_dict()
    for name, tensor in model.state_dict().items():
        kept = "weight_ih" in name and tensor.shape[1] <= KEPT[weights]
        matrix = tensor.ndim == 2 and not kept
        assert_same_bits(small[name], rounded(tensor, weights) if matrix else tensor, name)


def small_lstm(model, x, weights):
    """The streams of a model of one LSTM in numpy: of int8 the sums are exact."""
    w_ih, w_hh, b_ih, b_hh = (t.astype(np.float64) for t in model.state_dict().values())
    h = c = np.zeros(w_hh.shape[1])
    outputs = []
    for row in x[:, 0]:
        x_t = row if len(row) <= KEPT[weights] else small(row, weights)
        sums = w_ih @ x_t + w_hh @ small(h, weights) + b_ih + b_hh
        i, f, g, o = np.split(sums, 4)
        i, f, o = (1 / (1 + np.exp(-gate)) for gate in (i, f, o))
        c = f * c + i * np.tanh(g)
        h = o * np.tanh(c)
        outputs.append(h)
    return np.array(outputs)


def small(vector, weights):
    if weights == "bfloat16":
        return rounded(vector.astype(np.float32), weights).astype(np.float64)
    scale = np.abs(vector).max() / 127
    return np.rint(vector / scale) * scale if scale else vector


@pytest.mark.parametrize("weights", FORMATS)
@pytest.mark.parametrize("inputs, hidden", [(1, 8), (2, 9), (3, 21), (4, 16), (40, 33), (5, 128)])
def test_a_stream_computes_with_small_weights_and_activations(weights, inputs, hidden):
    model = librnn.quantize(librnn.Model(librnn.LSTM(inputs, hidden)), weights=weights).model
    x = noise(20, 1, inputs)
    # An activation next to a tie may go the other way: then it is off by one step of its scale.
    y = model.stream().process(x)[:, 0]
    np.testing.assert_allclose(y, small_lstm(model, x, weights), atol=4e-3)
    assert np.median(np.abs(y - small_lstm(model, x, weights))) < 5e-4


SCRIPT = """
import hashlib, sys, librnn, numpy as np
digest = hashlib.sha256()
for cell in (librnn.RNN, librnn.GRU, librnn.LSTM):
    for inputs, hidden in ((1, 1), (3, 8), (2, 17), (33, 64), (7, 100)):
        model = librnn.Model(cell(inputs, hidden, num_layers=2), librnn.Linear(hidden, 70), seed=3)
        model = librnn.quantize(model, weights=sys.argv[1]).model
        rng = np.random.default_rng(hidden)
        for scale in (1, 1e-3, 30):
            x = (scale * rng.standard_normal((40, 3, inputs))).astype(np.float32)
            digest.update(model.stream(3).process(x).tobytes())
print(digest.hexdigest())
"""


@pytest.mark.parametrize("weights", FORMATS)
def test_all_instruction_sets_give_the_same_bits(weights):
    assert len(answers(SCRIPT, weights)) == 1


@pytest.mark.parametrize("weights", FORMATS)
@pytest.mark.parametrize("cell", CELLS)
def test_steps_blocks_and_lanes_give_the_same_bits(cell, weights):
    model, x = librnn.quantize(network(cell), weights=weights).model, noise(9, 4)
    whole = model.stream(4).process(x)
    stream = model.stream(4)
    assert_same_bits(np.stack([stream.step(step) for step in x]), whole, "steps")
    alone = model.stream(1).process(np.ascontiguousarray(x[:, 2:3]))
    assert_same_bits(np.ascontiguousarray(alone[:, 0]), np.ascontiguousarray(whole[:, 2]), "lane")
    first, second = model.stream(4), model.stream(4)
    first.process(x[:5])
    for lane in range(4):
        second.join(lane, first.export(lane))
    assert_same_bits(second.process(x[5:]), whole[5:], "state")


@pytest.mark.parametrize("weights", FORMATS)
def test_the_report_says_what_happened(weights):
    model, x = network(hidden=64), noise(30, 2)
    small, report = librnn.quantize(model, x, weights=weights)
    own, other = model.stream(2).process(x), small.stream(2).process(x)
    difference = np.abs(own.astype(np.float64) - other)
    assert report.weights == weights
    assert report.largest_difference == difference.max() > 0
    assert report.mean_difference == pytest.approx(difference.mean())
    assert report.largest_output == np.abs(own).max()
    assert report.largest_difference < 0.05 * report.largest_output
    ratio = {"int8": 0.3, "bfloat16": 0.55}[weights]
    assert 0 < report.bytes_after < ratio * report.bytes_before
    assert weights in str(report) and str(report.bytes_after) in str(report)
    assert librnn.quantize(model, weights=weights).report.largest_difference is None


def test_a_batch_first_model_stays_one():
    model = network(batch_first=True)
    x = noise(4, 6)
    small, report = librnn.quantize(model, x)
    assert small.batch_first and small.stream(4).process(x).shape == (4, 6, 5)
    assert report.largest_difference > 0


@pytest.mark.parametrize("weights", FORMATS)
def test_a_file_keeps_the_format(tmp_path, weights):
    small, x = librnn.quantize(network(), weights=weights).model, noise(5, 1)
    small.save(tmp_path / "small.safetensors")
    again = librnn.load(tmp_path / "small.safetensors")
    assert again.stream().weight_bytes == small.stream().weight_bytes
    assert_same_bits(again.stream().process(x), small.stream().process(x))


def test_what_cannot_be_done_is_refused():
    model = network()
    small = librnn.quantize(model).model
    with pytest.raises(librnn.DTypeError, match=r"^model: expected float32, got float64"):
        librnn.quantize(network(dtype="float64"))
    with pytest.raises(librnn.ModelError, match=r"^model: .*quantized.*int8"):
        librnn.quantize(small)
    with pytest.raises(librnn.ModelError, match=r"^model: .*trained.*int8"):
        librnn.Trainer(small, librnn.MSELoss())
    with pytest.raises(librnn.ModelError, match=r"^model: .*set.*int8"):
        small.load_state_dict(model.state_dict())
    with pytest.raises(librnn.ModelError, match=r"own.*int8"):
        model.stream().swap(small)
    with pytest.raises(librnn.ModelError, match=r"int8.*own"):
        small.stream().swap(model)
    with pytest.raises(librnn.ArgumentError, match="weights"):
        librnn.quantize(model, weights="int4")
    with pytest.raises(librnn.DTypeError, match=r"^model"):
        librnn.quantize("model")


def test_newer_small_weights_can_be_handed_over():
    first, second = (librnn.quantize(network(seed=seed)).model for seed in (1, 2))
    x = noise(4, 1)
    stream = first.stream()
    before = stream.process(x[:2])
    state = stream.export()
    stream.swap(second)
    reference = second.stream()
    reference.join(0, state)
    assert_same_bits(stream.process(x[2:]), reference.process(x[2:]))
    assert_same_bits(before, first.stream().process(x[:2]))


@pytest.mark.parametrize("weights", FORMATS)
def test_a_lane_does_not_see_infinite_sums_of_another(weights):
    """Odd sizes leave room behind the activations, where numbers of the other lane once stood."""
    model = librnn.Model(librnn.LSTM(1, 40), librnn.LSTM(40, 5), librnn.Linear(5, 3))
    model = librnn.quantize(model, weights=weights).model
    x = noise(6, 2, 1)
    alone = model.stream().process(np.ascontiguousarray(x[:, :1]))
    x[2:, 1] = np.inf
    together = model.stream(2).process(x)
    assert_same_bits(np.ascontiguousarray(together[:, :1]), alone)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_weights_that_are_no_numbers_are_not_made_small(bad):
    model = network()
    state = model.state_dict()
    state["0.weight_hh_l1"][3, 4] = bad
    model.load_state_dict(state)
    with pytest.raises(librnn.NonFiniteError, match=r"^model: .*finite.*0\.weight_hh_l1"):
        librnn.quantize(model)
