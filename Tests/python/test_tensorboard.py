"""TensorBoard: the event files, read back."""

import os
import struct
import subprocess
import sys

import librnn
import numpy as np
import pytest
from librnn.tensorboard import TensorBoard

from support import EVERY_LAYER, input_for, normal, target_for


def train(steps, observed=(), **options):
    model = librnn.Model(*EVERY_LAYER, seed=1)
    trainer = librnn.Trainer(model, librnn.MSELoss(), **options)
    x = input_for(model, 2, 9, 5)
    y = target_for(model, librnn.MSELoss(), 3, 9, 5)
    return [trainer.step(x, y, observe=step in observed) for step in range(1, steps + 1)]


def read(logdir):
    """{tag: {step: value}} of a run: records of a length, its checksum, an event, its checksum."""
    from tensorboardX.proto.event_pb2 import Event

    (file,) = logdir.iterdir()
    data, found = file.read_bytes(), {}
    while data:
        (length,) = struct.unpack_from("<Q", data)
        event = Event.FromString(data[12 : 12 + length])
        for value in event.summary.value:
            found.setdefault(value.tag, {})[event.step] = value
        data = data[16 + length :]
    return found


def scalars(found, tag):
    return {step: value.simple_value for step, value in found[tag].items()}


NAMES = {
    "train/loss": "loss",
    "train/grad_norm": "grad_norm",
    "train/learning_rate": "learning_rate",
    "train/clip_threshold": "clip_threshold",
    "train/penalty": "penalty",
    "train/omega": "omega",
    "steps/clipped": "clipped_steps",
    "steps/skipped": "skipped_steps",
    "steps/rolled_back": "rolled_back_steps",
}


def test_every_step_is_written(tmp_path):
    results = train(5, clip_norm=0.01, omega=2.0)
    with TensorBoard(tmp_path) as board:
        for result in results:
            board(result)
    found = read(tmp_path)
    assert found.keys() == NAMES.keys()
    for tag, name in NAMES.items():
        given = {result.step: np.float32(getattr(result, name)) for result in results}
        assert scalars(found, tag) == given


def test_one_step_in_so_many_and_what_is_not_in_use(tmp_path):
    with TensorBoard(tmp_path, every=4) as board:
        for result in train(10):
            board.log(result)
    found = read(tmp_path)
    assert list(scalars(found, "train/loss")) == [4, 8]
    assert not found.keys() & {"train/clip_threshold", "train/penalty", "train/omega"}


def test_observed_steps_are_written_in_full(tmp_path):
    results = train(6, observed=[3, 5])
    with TensorBoard(tmp_path, every=100) as board:
        for result in results:
            board.log(result)
    found = read(tmp_path)
    assert list(scalars(found, "train/loss")) == [3, 5]
    for result in (results[2], results[4]):
        for layer in result.flow.layers:
            check_layer(found, layer, result.step)
        for name, tensor in result.flow.tensors.items():
            gradient = scalars(found, f"gradient/{name}")[result.step]
            ratio = scalars(found, f"update_ratio/{name}")[result.step]
            assert gradient == np.float32(tensor.grad_norm)
            assert ratio == np.float32(tensor.update_ratio)


def check_layer(found, layer, step):
    place = f"layer/{layer.name}"
    for name in ["rate", "horizon", "saturated_fraction", "dead_fraction"]:
        value = getattr(layer, name)
        if np.isfinite(value):
            assert scalars(found, f"{place}/{name}")[step] == np.float32(value)
    norms = layer.grad_h_mean[layer.grad_h_mean > 0]
    if len(norms):
        histogram = found[f"{place}/log10_grad_h"][step].histo
        assert histogram.num == len(norms) and sum(histogram.bucket) == len(norms)
        assert np.isclose(histogram.sum, np.log10(norms).sum())
        assert np.isclose(histogram.min, np.log10(norms).min())


def test_a_verdict_is_written_when_it_changes(tmp_path):
    flow = train(1, observed=[1])[0].flow
    with TensorBoard(tmp_path) as board:
        for result, verdict in zip(train(4), ["dead", "dead", "healthy", "dead"], strict=True):
            layer = flow.layers[0]._replace(verdict=verdict, reason=f"it is {verdict}")
            result._flow = flow._replace(layers=(layer,))
            board.log(result)
    texts = read(tmp_path)["layer/1.l0/verdict/text_summary"]
    assert {step: text.tensor.string_val[0].decode() for step, text in texts.items()} == {
        1: "**dead**: it is dead",
        3: "**healthy**: it is healthy",
        4: "**dead**: it is dead",
    }


def test_flossing_has_tags_of_its_own(tmp_path):
    model = librnn.Model(librnn.GRU(3, 4), seed=1)
    trainer = librnn.Trainer(model, librnn.MSELoss())
    results = [trainer.floss(normal(1, 9, 2, 3, dtype="float32"), 2) for _ in range(3)]
    with TensorBoard(tmp_path) as board:
        for result in results:
            board.log(result)
    found = read(tmp_path)
    assert not [tag for tag in found if tag.startswith("train/")]
    assert scalars(found, "floss/loss") == {one.step: np.float32(one.loss) for one in results}
    first = {one.step: np.float32(one.exponents[:, 0].mean()) for one in results}
    assert scalars(found, "floss/lambda_1") == first


def test_a_skipped_step_is_written_without_numbers_that_are_not_finite(tmp_path):
    model = librnn.Model(librnn.RNN(1, 1, nonlinearity="identity"), seed=1)
    model.load_state_dict({name: value * 0 + 1e30 for name, value in model.state_dict().items()})
    x = np.ones((3, 1, 1), np.float32)
    result = librnn.Trainer(model, librnn.MSELoss()).step(x, x)
    assert result.action == "skipped"
    with TensorBoard(tmp_path, every=100) as board:
        board.log(result)
    found = read(tmp_path)
    assert scalars(found, "steps/skipped") == {1: 1} and "train/loss" not in found


def test_a_directory_may_be_given_as_bytes(tmp_path):
    with TensorBoard(os.fsencode(tmp_path / "run")) as board:
        board.log(train(1)[0])
    assert "train/loss" in read(tmp_path / "run")


def test_errors(tmp_path):
    with pytest.raises(librnn.ArgumentError, match="every: expected an int in 1"):
        TensorBoard(tmp_path / "run", every=0)
    with pytest.raises(librnn.DTypeError, match="logdir: expected a str, bytes or os.PathLike"):
        TensorBoard(None)
    assert not (tmp_path / "run").exists()
    board = TensorBoard(tmp_path)
    with pytest.raises(librnn.DTypeError, match="result: expected a StepResult, got float"):
        board.log(1.0)
    board.close()
    board.close()
    with pytest.raises(librnn.HandleError, match="expected an open one"):
        board.log(train(1)[0])


def test_without_the_writer_the_error_says_how_to_get_it():
    path = [entry for entry in sys.path if entry]
    code = f"""
import sys; sys.path[:0] = {path!r}
sys.modules["tensorboardX"] = None
import librnn.tensorboard
librnn.tensorboard.TensorBoard("never")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "ImportError: librnn.tensorboard: expected tensorboardX" in done.stderr
    assert 'pip install "librnn[tensorboard]"' in done.stderr
