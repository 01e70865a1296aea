"""Files of every cell: models and runs come back to the bit, and what is not known is refused."""

import json
import struct
import zlib

import librnn
import numpy as np
import pytest
from hypothesis import given

from cells import ALL, CELLS, VARIANTS, batch_for, cell_models, model_of
from support import assert_same_bits, assert_same_dicts, integers, uniform

MSE = librnn.MSELoss()
HEADS = {
    "tanh": [librnn.Linear(3, 4, activation="tanh")],
    "hard sigmoid": [librnn.Linear(3, 4, activation=("hard_sigmoid", 0.3, 0.1))],
    "skip": [librnn.Linear(3, 3), librnn.Linear(3, 2, skip=True)],
    "tied": [librnn.Embedding(5, 3), librnn.GRU(3, 3), librnn.Linear(3, 5, tied=True)],
}
# All that draws masks.
MASKS = {"zoneout": 0.3, "input_dropout": 0.3, "recurrent_dropout": 0.3, "weight_drop": 0.3}
MASKS |= {"num_layers": 2, "dropout": 0.2}


def header_of(path):
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def description_of(path):
    return json.loads(header_of(path)[0]["__metadata__"]["librnn"])


def write(path, header, tensors):
    """A file with a checksum that is right."""
    header["__metadata__"]["crc32"] = "00000000"
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    whole = struct.pack("<Q", len(text)) + text + tensors
    digits = f"{zlib.crc32(whole):08x}".encode()
    path.write_bytes(whole.replace(b'"crc32":"00000000"', b'"crc32":"' + digits + b'"'))


def rewrite(path, change):
    """The same file with another description of its first layer."""
    header, tensors = header_of(path)
    description = json.loads(header["__metadata__"]["librnn"])
    change(description["layers"][0])
    header["__metadata__"]["librnn"] = json.dumps(description)
    write(path, header, tensors)


# ---- Models


def assert_comes_back(model, path):
    model.save(path)
    loaded = librnn.load(path)
    assert loaded.layers == model.layers and loaded.dtype == model.dtype
    assert repr(loaded) == repr(model)
    assert_same_dicts(loaded.state_dict(), model.state_dict())
    return loaded


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", ALL)
def test_every_cell_comes_back(tmp_path, name, dtype):
    model = model_of(ALL[name], dtype=dtype)
    loaded = assert_comes_back(model, tmp_path / "m.safetensors")
    x, _ = batch_for(model, 1, 4, 3)
    assert_same_bits(loaded(x)[0], model(x)[0])


@pytest.mark.parametrize("name", HEADS)
def test_every_head_comes_back(tmp_path, name):
    model = librnn.Model(*HEADS[name])
    loaded = assert_comes_back(model, tmp_path / "m.safetensors")
    x = integers(1, 5, 4, 3) if name == "tied" else uniform(1, 4, 3, 3, dtype="float32")
    assert_same_bits(loaded(x)[0], model(x)[0])


@given(model=cell_models(dtypes=("float64", "float32")))
def test_random_models_come_back(tmp_path_factory, model):
    assert_comes_back(model, tmp_path_factory.mktemp("cells") / "m.safetensors")


def test_how_weights_began_comes_back(tmp_path):
    for own in (
        librnn.GRU(3, 4, reset_after=False, chrono=9.0, recurrent_init="orthogonal"),
        librnn.LSTM(3, 4, coupled=True, chrono=9.0, weight_init="keras"),
        librnn.LSTM(3, 4, peepholes=True, forget_bias=1.0),
        librnn.RNN(3, 4, layer_norm=True, recurrent_init="sparse", spectral_radius=0.9),
    ):
        assert_comes_back(librnn.Model(own), tmp_path / "m.safetensors")


def test_small_weights_come_back(tmp_path):
    layer = librnn.GRU(4, 4, 2, residual=True, learn_state=True)
    model = librnn.quantize(librnn.Model(layer), weights="int8").model
    loaded = assert_comes_back(model, tmp_path / "m.safetensors")
    x = uniform(1, 5, 2, 4, dtype="float32")
    assert_same_bits(loaded.stream(2).process(x), model.stream(2).process(x))


# ---- Which readers are asked


PLAIN = [
    [librnn.RNN(3, 4, nonlinearity="relu")],
    [librnn.Embedding(5, 3), librnn.LSTM(3, 4, 2, 0.5, forget_bias=1.0), librnn.Linear(4, 5)],
    [librnn.GRU(3, 4, chrono=9.0), librnn.Linear(4, 1, last=True)],
]


@pytest.mark.parametrize("stack", PLAIN, ids=repr)
def test_what_an_older_reader_knows_is_of_format_1(tmp_path, stack):
    librnn.Model(*stack).save(tmp_path / "m.safetensors")
    assert description_of(tmp_path / "m.safetensors")["format"] == 1


FIRST = ("RNN", "GRU", "LSTM", "cell elman", "cell gru", "cell lstm")


@pytest.mark.parametrize("name", [n for n in ALL if n not in FIRST])
def test_what_an_older_reader_would_take_for_something_else_is_of_format_2(tmp_path, name):
    model = model_of(ALL[name])
    model.save(tmp_path / "m.safetensors")
    assert description_of(tmp_path / "m.safetensors")["format"] == 2
    librnn.Trainer(model, MSE).save(tmp_path / "run.safetensors")
    assert description_of(tmp_path / "run.safetensors")["format"] == 2


@pytest.mark.parametrize("name", HEADS)
def test_so_are_heads(tmp_path, name):
    librnn.Model(*HEADS[name]).save(tmp_path / "m.safetensors")
    assert description_of(tmp_path / "m.safetensors")["format"] == 2


# ---- Damage


@pytest.mark.parametrize(
    "change",
    [
        {"cell": "lstm_couple"},
        {"cell": ""},
        {"cell": 3},
        {"cell": "min_gru"},
        {"kind": "Cell "},
        {"peepholes": 1},
        {"peepholes": "true"},
        {"proj_size": -1},
        {"proj_size": 99},
        {"proj_size": 1.5},
        {"zoneout": 1},
        {"zoneout": -0.1},
        {"zoneout": "0.1"},
        {"weight_drop": 1e999},
        {"direction": "backward"},
        {"direction": 1},
        {"layer_norm": 0},
        {"residual": True},
        {"learn_state": True},
        {"activations": [["tanh", 0, 0]]},
        {"activations": [["sine", 0, 0]] * 3},
        {"activations": [["tanh", 0]] * 3},
        {"activations": [["hard_sigmoid", -1, 0]] * 3},
        {"activations": 3},
        {"tied": True},
        {"skip": True},
    ],
    ids=json.dumps,
)
def test_a_description_that_means_nothing_is_refused(tmp_path, change):
    path = tmp_path / "m.safetensors"
    model_of((librnn.LSTM, {"coupled": True, "peepholes": True})).save(path)
    rewrite(path, lambda layer: None)
    librnn.load(path)
    rewrite(path, lambda layer: layer.update(change))
    with pytest.raises(librnn.FormatError):
        librnn.load(path)


def test_a_cell_without_a_name_is_refused(tmp_path):
    model_of(CELLS["MinGRU"]).save(tmp_path / "m.safetensors")
    rewrite(tmp_path / "m.safetensors", lambda layer: layer.pop("cell"))
    with pytest.raises(librnn.FormatError):
        librnn.load(tmp_path / "m.safetensors")


@pytest.mark.parametrize("version", [0, 3, "2"])
def test_a_format_that_is_not_known_is_refused(tmp_path, version):
    path = tmp_path / "m.safetensors"
    model_of(CELLS["MinGRU"]).save(path)
    header, tensors = header_of(path)
    description = json.loads(header["__metadata__"]["librnn"]) | {"format": version}
    header["__metadata__"]["librnn"] = json.dumps(description)
    write(path, header, tensors)
    with pytest.raises(librnn.FormatError, match="format"):
        librnn.load(path)


# ---- Runs


def assert_goes_on(trainer, path, problems):
    trainer.save(path)
    resumed = librnn.Trainer.resume(path)
    for problem in problems:
        one, other = trainer.step(*problem), resumed.step(*problem)
        assert (one.loss, one.grad_norm, one.step) == (other.loss, other.grad_norm, other.step)
        assert_same_dicts(resumed.model.state_dict(), trainer.model.state_dict())
        assert_same_dicts(resumed.gradients(), trainer.gradients())
    assert resumed.model.layers == trainer.model.layers


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", VARIANTS)
def test_a_run_goes_on_bit_for_bit(tmp_path, name, dtype):
    model = model_of(VARIANTS[name], dtype=dtype)
    trainer = librnn.Trainer(model, MSE, librnn.Adam(lr=0.01), seed=11)
    lengths = np.array([5, 0, 3])
    problems = [(*batch_for(model, seed, 5, 3), lengths) for seed in range(6)]
    for problem in problems[:3]:
        trainer.step(*problem)
    assert_goes_on(trainer, tmp_path / "run.safetensors", problems[3:])


@pytest.mark.parametrize("options", [{}, {"bptt": 2}, {"recompute": True}], ids=repr)
@pytest.mark.parametrize("kind", [librnn.RNN, librnn.GRU, librnn.LSTM])
def test_masks_of_a_run_that_goes_on_are_the_next_ones(tmp_path, kind, options):
    more = {"zoneout_cell": 0.3} if kind is librnn.LSTM else {}
    model = model_of((kind, MASKS | more))
    trainer = librnn.Trainer(model, MSE, librnn.SGD(lr=0), seed=11, **options)
    problem = batch_for(model, 1, 5, 3)
    seen = [trainer.step(*problem).loss for _ in range(3)]
    assert len(set(seen)) == 3  # other masks at every step
    assert_goes_on(trainer, tmp_path / "run.safetensors", [problem] * 3)


def test_a_tied_head_and_its_run_come_back(tmp_path):
    model = librnn.Model(*HEADS["tied"], dtype="float64")
    trainer = librnn.Trainer(model, optimizer=librnn.AdamW(lr=0.01))
    problems = [(integers(seed, 5, 4, 3), integers(seed + 1, 5, 4, 3)) for seed in range(4)]
    trainer.step(*problems[0])
    trainer.save(tmp_path / "run.safetensors")
    assert "2.weight" not in header_of(tmp_path / "run.safetensors")[0]
    assert_goes_on(trainer, tmp_path / "run.safetensors", problems[1:])


def test_no_damage_goes_unnoticed(tmp_path):
    path = tmp_path / "m.safetensors"
    model_of((librnn.LSTM, {"proj_size": 1, "learn_state": True}), 1, 2).save(path)
    whole = path.read_bytes()
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        with pytest.raises(librnn.FormatError):
            librnn.load(path)


def test_options_against_the_layers_are_a_damaged_file(tmp_path):
    path = tmp_path / "run.safetensors"
    librnn.Trainer(librnn.Model(librnn.GRU(2, 2, bidirectional=True)), MSE).save(path)
    header, tensors = header_of(path)
    text = header["__metadata__"]["trainer"]
    for old, new in (('"bptt":0', '"bptt":2'), ('"omega":0.0', '"omega":1.0')):
        header["__metadata__"]["trainer"] = text.replace(old, new)
        write(path, header, tensors)
        with pytest.raises(librnn.FormatError):
            librnn.Trainer.resume(path)


def test_constants_of_functions_that_have_none_are_passed_over(tmp_path):
    path = tmp_path / "model.safetensors"
    librnn.Model(librnn.GRU(2, 2, activations=["sigmoid", "tanh"])).save(path)
    header, tensors = header_of(path)
    text = header["__metadata__"]["librnn"].replace('["sigmoid",0.0,', '["sigmoid",0.3,')
    header["__metadata__"]["librnn"] = text
    write(path, header, tensors)
    assert librnn.load(path).layers[0].activations == ("sigmoid", "tanh")


def test_weights_that_somebody_wrote_are_not_taken_back_after_resuming(tmp_path):
    model = librnn.Model(librnn.GRU(2, 2))
    trainer = librnn.Trainer(model, MSE, nonfinite="roll_back")
    x = np.ones((2, 1, 2), np.float32)
    trainer.step(x, x)
    model.load_state_dict({name: 2 * value for name, value in model.state_dict().items()})
    trainer.save(tmp_path / "run.safetensors")
    again = librnn.Trainer.resume(tmp_path / "run.safetensors")
    for each in (trainer, again):
        assert each.step(np.inf * x, x).action == "skipped"
    assert_same_dicts(again.model.state_dict(), model.state_dict())
