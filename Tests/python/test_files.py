"""Files: safetensors that anyone can open, exact resuming, and no harm from damage."""

import os
import resource
import struct
import zlib
from pathlib import Path

import librnn
import numpy as np
import pytest
from librnn import _c_types
from safetensors import safe_open
from safetensors.numpy import load_file

from support import assert_differ, assert_same_bits, assert_same_dicts, integers, normal, perturbed


def charlm(dtype="float32", seed=0):
    recurrent = librnn.LSTM(4, 5, num_layers=2, dropout=0.5, forget_bias=1.0)
    stack = [librnn.Embedding(9, 4), recurrent, librnn.Linear(5, 9)]
    return perturbed(librnn.Model(*stack, dtype=dtype, seed=seed), 5)


def text(seed):
    """Tokens and the tokens that follow them, [6, 3]."""
    tokens = integers(seed, 9, 7, 3)
    return tokens[:-1].copy(), tokens[1:].copy()


OPTIMIZERS = [
    librnn.SGD(lr=0.1, momentum=0.9, nesterov=True),
    librnn.RMSprop(momentum=0.5),
    librnn.Adam(lr=0.01, betas=(0, 0.99)),
    librnn.AdamW(lr=0.01, weight_decay=0),
]


def trained(optimizer=OPTIMIZERS[2], dtype="float32", steps=3, **options):
    trainer = librnn.Trainer(charlm(dtype), optimizer=optimizer, seed=11, **options)
    for seed in range(steps):
        trainer.step(*text(seed))
    return trainer


# ---- Others can read them


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_safetensors_opens_a_model(tmp_path, dtype):
    model = charlm(dtype)
    model.save(tmp_path / "m.safetensors")
    tensors = load_file(tmp_path / "m.safetensors")
    expected = model.state_dict()
    assert sorted(tensors) == sorted(expected)
    for name, value in expected.items():
        assert_same_bits(tensors[name], value, name)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_safetensors_opens_a_checkpoint(tmp_path, dtype):
    trainer = trained(dtype=dtype)
    trainer.save(tmp_path / "run.safetensors")
    tensors = load_file(tmp_path / "run.safetensors")
    for name, value in trainer.model.state_dict().items():
        assert_same_bits(tensors[name], value, name)


def test_metadata_is_text(tmp_path):
    charlm().save(tmp_path / "m.safetensors")
    with safe_open(tmp_path / "m.safetensors", "numpy") as file:
        metadata = file.metadata()
    assert metadata and all(isinstance(value, str) for value in metadata.values())


def test_tensors_are_aligned_for_reading_in_place(tmp_path):
    charlm("float64").save(tmp_path / "m.safetensors")
    (header,) = struct.unpack("<Q", (tmp_path / "m.safetensors").read_bytes()[:8])
    assert header % 8 == 0


# ---- We can read them


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_model_comes_back_to_the_bit(tmp_path, dtype):
    model, x = charlm(dtype), text(1)[0]
    model.save(tmp_path / "m.safetensors")
    loaded = librnn.load(tmp_path / "m.safetensors")
    assert loaded.layers == model.layers and loaded.dtype == model.dtype
    assert not loaded.batch_first
    assert_same_dicts(loaded.state_dict(), model.state_dict())
    assert_same_bits(loaded(x)[0], model(x)[0])


EVERY_LAYER = [
    librnn.Embedding(7, 3, weight_init="xavier"),
    librnn.RNN(3, 4, 2, 0.25, nonlinearity="relu", recurrent_init="identity"),
    librnn.GRU(4, 5, weight_init="orthogonal"),
    librnn.LSTM(5, 6, num_layers=3, dropout=1 / 3, forget_bias=0.1),
    librnn.Linear(6, 2, last=True),
]


def test_every_layer_comes_back_as_it_was_given(tmp_path):
    librnn.Model(*EVERY_LAYER).save(tmp_path / "m.safetensors")
    assert librnn.load(tmp_path / "m.safetensors").layers == tuple(EVERY_LAYER)


def test_extreme_weights_come_back(tmp_path):
    model = librnn.Model(librnn.Linear(3, 2), dtype="float64")
    weight = np.array([[np.inf, -np.inf, np.nan], [5e-324, -0.0, 1.7976931348623157e308]])
    model.load_state_dict({"0.weight": weight, "0.bias": np.array([1 / 3, -1e-300])})
    model.save(tmp_path / "m.safetensors")
    assert_same_dicts(librnn.load(tmp_path / "m.safetensors").state_dict(), model.state_dict())


def test_a_model_can_be_loaded_batch_first(tmp_path):
    model, x = charlm(), text(1)[0]
    model.save(tmp_path / "m.safetensors")
    loaded = librnn.load(tmp_path / "m.safetensors", batch_first=True)
    assert_same_bits(loaded(x.T)[0], model(x)[0].swapaxes(0, 1))


def test_the_model_of_a_checkpoint_can_be_loaded(tmp_path):
    trainer = trained()
    trainer.save(tmp_path / "run.safetensors")
    loaded = librnn.load(tmp_path / "run.safetensors")
    assert_same_dicts(loaded.state_dict(), trainer.model.state_dict())


@pytest.mark.parametrize("kind", [str, os.fsencode, Path])
def test_paths_come_in_many_forms(tmp_path, kind):
    path = kind(os.fspath(tmp_path / "Ünïcode name.safetensors"))
    charlm().save(path)
    assert_same_dicts(librnn.load(path).state_dict(), charlm().state_dict())


# ---- Resuming


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_a_resumed_run_goes_on_bit_for_bit(tmp_path, optimizer, dtype):
    trainer = trained(optimizer, dtype, clip_norm=0.05, bptt=4)
    trainer.learning_rate = 0.003
    trainer.save(tmp_path / "run.safetensors")
    resumed = librnn.Trainer.resume(tmp_path / "run.safetensors")
    for seed in range(10, 14):
        one, other = trainer.step(*text(seed)), resumed.step(*text(seed))
        assert one.clipped and one.step == other.step == seed - 6
        for field in ["loss", "grad_norm", "learning_rate", "clipped", "clipped_steps"]:
            assert getattr(one, field) == getattr(other, field), field
        assert_same_dicts(resumed.model.state_dict(), trainer.model.state_dict())
        assert_same_dicts(resumed.gradients(), trainer.gradients())


def test_the_dropout_of_a_resumed_run_is_the_next_one(tmp_path):
    """Not that of the first steps once more."""
    trainer = trained(librnn.SGD(lr=0), steps=2)
    trainer.save(tmp_path / "run.safetensors")
    resumed = librnn.Trainer.resume(tmp_path / "run.safetensors")
    again = trained(librnn.SGD(lr=0), steps=0)
    losses = {run: run.step(*text(5)).loss for run in (trainer, resumed, again)}
    assert losses[trainer] == losses[resumed] != losses[again]


def test_options_and_counters_are_resumed(tmp_path):
    options = {"clip_norm": 0.5, "clip_value": 0.1, "bptt": 3, "clip_scope": "per_tensor"}
    options["recompute"] = True
    trainer = trained(OPTIMIZERS[0], nonfinite="fail", **options)
    trainer.learning_rate = 0.25
    trainer.save(tmp_path / "run.safetensors")
    resumed = librnn.Trainer.resume(tmp_path / "run.safetensors")
    in_force = resumed._describe()
    assert in_force.clip_norm == 0.5 and in_force.clip_value == 0.1
    assert in_force.recompute
    assert in_force.bptt == 3 and in_force.clip_scope == _c_types.RNN_CLIP_PER_TENSOR
    assert in_force.nonfinite == _c_types.RNN_NONFINITE_FAIL and in_force.seed == 11
    assert resumed.loss == trainer.loss and resumed.learning_rate == 0.25
    assert resumed.optimizer == librnn.SGD(lr=0.25, momentum=0.9, nesterov=True)
    assert resumed.model.layers == trainer.model.layers
    assert resumed.evaluate(*text(1)).step == 3


@pytest.mark.parametrize(
    "loss",
    [
        librnn.CrossEntropyLoss(ignore_index=3, reduction="sum"),
        librnn.MSELoss(),
        librnn.BCEWithLogitsLoss("sum"),
    ],
    ids=repr,
)
def test_the_loss_is_resumed(tmp_path, loss):
    librnn.Trainer(charlm(), loss).save(tmp_path / "run.safetensors")
    assert librnn.Trainer.resume(tmp_path / "run.safetensors").loss == loss


def test_a_rate_of_zero_is_resumed(tmp_path):
    trained(librnn.AdamW(lr=0, betas=(0, 0), weight_decay=0)).save(tmp_path / "run.safetensors")
    resumed = librnn.Trainer.resume(tmp_path / "run.safetensors")
    assert resumed.optimizer == librnn.AdamW(lr=0, betas=(0, 0), weight_decay=0)
    assert resumed.learning_rate == 0


def test_a_trainer_can_be_resumed_batch_first(tmp_path):
    trainer = trained()
    trainer.save(tmp_path / "run.safetensors")
    resumed = librnn.Trainer.resume(tmp_path / "run.safetensors", batch_first=True)
    x, y = text(7)
    assert resumed.step(x.T, y.T).loss == trainer.step(x, y).loss


# ---- Damage


def small_model(folder):
    path = folder / "m.safetensors"
    librnn.Model(librnn.GRU(2, 3), librnn.Linear(3, 1)).save(path)
    return path


def small_checkpoint(folder):
    path = folder / "run.safetensors"
    model = librnn.Model(librnn.GRU(2, 3), librnn.Linear(3, 1))
    trainer = librnn.Trainer(model, librnn.MSELoss())
    trainer.step(normal(1, 2, 2, 2, dtype="float32"), normal(2, 2, 2, 1, dtype="float32"))
    trainer.save(path)
    return path


FILES = [(small_model, librnn.load), (small_checkpoint, librnn.Trainer.resume)]


@pytest.mark.parametrize("make, read", FILES)
def test_a_truncated_file_is_refused_at_every_cut(tmp_path, make, read):
    path = make(tmp_path)
    whole = path.read_bytes()
    read(path).close()
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        with pytest.raises(librnn.FormatError):
            read(path)


@pytest.mark.parametrize("make, read", FILES)
@pytest.mark.parametrize("bit", [0, 5])
def test_a_flipped_bit_is_found_wherever_it_is(tmp_path, make, read, bit):
    path = make(tmp_path)
    whole = path.read_bytes()
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << bit
        path.write_bytes(damaged)
        with pytest.raises(librnn.FormatError):
            read(path)


@pytest.mark.parametrize("make, read", FILES)
def test_a_longer_file_is_refused(tmp_path, make, read):
    path = make(tmp_path)
    for tail in [b"\0", b" " * 8, path.read_bytes()]:
        path.write_bytes(path.read_bytes() + tail)
        with pytest.raises(librnn.FormatError):
            read(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a model",
        b"\0" * 64,
        b"\xff" * 64,
        struct.pack("<Q", 2) + b"{}",
        struct.pack("<Q", 2**63) + b"{}" * 8,
        struct.pack("<Q", 16) + b'{"__metadata__":',
        struct.pack("<Q", 40) + b"[" * 40,
        struct.pack("<Q", 100_000) + b"[" * 100_000,
        zlib.compress(b"librnn" * 100),
    ],
    ids=lambda content: repr(content[:12]),
)
def test_a_file_that_is_not_ours_is_refused(tmp_path, content):
    path = tmp_path / "m.safetensors"
    path.write_bytes(content)
    for read in (librnn.load, librnn.Trainer.resume):
        with pytest.raises(librnn.FormatError) as caught:
            read(path)
        assert str(caught.value)


def test_a_foreign_safetensors_file_is_refused(tmp_path):
    from safetensors.numpy import save_file

    save_file(charlm().state_dict(), tmp_path / "m.safetensors")
    with pytest.raises(librnn.FormatError):
        librnn.load(tmp_path / "m.safetensors")


def test_a_model_is_no_checkpoint(tmp_path):
    with pytest.raises(librnn.FormatError):
        librnn.Trainer.resume(small_model(tmp_path))


@pytest.mark.parametrize("read", [librnn.load, librnn.Trainer.resume])
@pytest.mark.parametrize("name", ["missing.safetensors", "missing/m.safetensors", "."])
def test_a_file_that_cannot_be_read_is_an_os_error(tmp_path, read, name):
    with pytest.raises(OSError) as caught:
        read(tmp_path / name)
    assert isinstance(caught.value, librnn.FileError) and str(tmp_path) in str(caught.value)


# ---- Saving is atomic


def folder(path):
    return {entry.name: entry.read_bytes() for entry in path.iterdir() if entry.is_file()}


@pytest.mark.parametrize("name", ["missing/m.safetensors", "taken", "/proc/m.safetensors"])
@pytest.mark.parametrize("make", [charlm, trained])
def test_a_save_that_cannot_begin_or_end_leaves_nothing(tmp_path, make, name):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "inside").touch()
    with pytest.raises(OSError) as caught:
        make().save(tmp_path / name)
    assert isinstance(caught.value, librnn.FileError) and name in str(caught.value)
    assert os.listdir(tmp_path) == ["taken"] and os.listdir(tmp_path / "taken") == ["inside"]


@pytest.mark.parametrize("make", [charlm, trained])
@pytest.mark.parametrize("limit", [0, 1, 100, 2000])
def test_a_full_disk_leaves_the_old_file(tmp_path, make, limit):
    """A limit on the size of files makes writing fail half way, as a full disk does."""
    path = small_model(tmp_path)
    before = folder(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    saver = make()
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        with pytest.raises(librnn.FileError):
            saver.save(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert folder(tmp_path) == before
    saver.save(path)
    assert folder(tmp_path) != before and list(folder(tmp_path)) == ["m.safetensors"]


def test_saving_replaces_the_file_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "m.safetensors"
    for seed in range(3):
        model = charlm(seed=seed)
        model.save(path)
        assert_same_dicts(librnn.load(path).state_dict(), model.state_dict())
    assert_differ(charlm(seed=0).state_dict(), charlm(seed=2).state_dict())
    assert os.listdir(tmp_path) == ["m.safetensors"]


def test_an_open_reader_keeps_the_old_file(tmp_path):
    path = small_model(tmp_path)
    before = path.read_bytes()
    with path.open("rb") as reader:
        charlm().save(path)
        assert reader.read() == before != path.read_bytes()
