"""`librnn diagnose`: what it finds, reads and refuses."""

import io
import os
import re
import subprocess
import sys
import zipfile
from functools import partial

import librnn
import numpy as np
import pytest
from librnn import dynamics
from librnn._verdicts import VERDICTS
from librnn.diagnose import diagnose, write_report

from reports import (
    QUICKLY,
    Document,
    check_self_contained,
    diagnose_files,
    trained_model,
    value_of,
    write,
)
from support import (
    assert_same_bits,
    assert_same_dicts,
    assert_told,
    integers,
    normal,
    still,
    uniform,
)


def test_a_diagnosis_is_that_of_an_observed_step_and_changes_nothing():
    model = trained_model()
    before = model.state_dict()
    x, y = (normal(seed, 20, 4, size, dtype="float32") for seed, size in [(1, 3), (2, 2)])
    found = diagnose(model, x, y, librnn.MSELoss(), exponents=3, sequences=2, time_steps=15)
    assert_same_dicts(model.state_dict(), before)
    expected = still(model, librnn.MSELoss()).step(x, y, observe=True)
    assert found.result.loss == expected.loss and str(found.flow) == str(expected.flow)
    part = np.ascontiguousarray(x[:15, :2])
    lyapunov = dynamics.lyapunov(model, part, 3, warm_up=3)
    assert_same_bits(found.lyapunov.exponents, lyapunov.exponents)
    assert (found.warm_up, found.lyapunov_steps) == (3, 12)
    assert [one.tensor for one in found.spectra] == [one.tensor for one in dynamics.spectra(model)]


def test_the_layout_of_the_batch_does_not_matter():
    model = trained_model()
    x, y = (normal(seed, 20, 4, size, dtype="float32") for seed, size in [(1, 3), (2, 2)])
    other = librnn.Model(*model.layers, seed=1, batch_first=True)
    options = {"lengths": [20, 10, 7, 9], "weights": uniform(3, 20, 4, dtype="float32")}
    one = diagnose(model, x, y, librnn.MSELoss(), **options)
    options["weights"] = options["weights"].T
    two = diagnose(other, x.swapaxes(0, 1), y.swapaxes(0, 1), librnn.MSELoss(), **options)
    assert (two.time_steps, two.sequences) == (one.time_steps, one.sequences) == (20, 4)
    assert one.result.loss == two.result.loss and one.warm_up == two.warm_up == 1
    assert_same_bits(one.lyapunov.exponents, two.lyapunov.exponents)


def test_what_is_not_wanted_is_not_computed():
    model = trained_model()
    x, y = (normal(seed, 20, 4, size, dtype="float32") for seed, size in [(1, 3), (2, 2)])
    messages = []
    found = diagnose(
        model, x, y, librnn.MSELoss(), spectra=False, exponents=0, progress=messages.append
    )
    assert found.spectra == [] and found.lyapunov is None and len(messages) == 1


def broken(verdict):
    """A model that has a verdict, and the number of steps that show it."""
    activation = {"dead": "relu", "exploding": "identity"}.get(verdict, "tanh")
    layer = librnn.RNN(3, 8, nonlinearity=activation)
    model = librnn.Model(layer, librnn.Linear(8, 2), dtype="float64", seed=1)
    state = model.state_dict()
    hidden = state["0.weight_hh_l0"]
    if verdict == "dead":
        state["0.bias_hh_l0"][:] = -50
    elif verdict == "saturated":
        state["0.bias_hh_l0"][:] = 9
    elif verdict == "diverged":
        hidden[0, 0] = np.nan
    else:
        hidden[:] = {"exploding": 2, "vanishing": 0.1, "healthy": 1}[verdict] * np.eye(8)
        state["0.weight_ih_l0"] *= 0.01
    model.load_state_dict(state)
    return model, 2 if verdict == "healthy" else 30


@pytest.mark.parametrize("verdict", VERDICTS)
def test_every_verdict_has_its_report(verdict, tmp_path):
    model, steps = broken(verdict)
    found = diagnose(model, normal(1, steps, 4, 3), normal(2, steps, 4, 2), librnn.MSELoss())
    assert found.verdict == verdict and found.headline == VERDICTS[verdict].headline
    assert len(found.notes) == (2 if verdict == "diverged" else 0)
    write_report(found, tmp_path / "report.html")
    document = Document((tmp_path / "report.html").read_text("utf-8"))
    check_self_contained(document)
    assert document.text.startswith(f"Diagnosis of a model {found.headline} Layer 0.l0: ")
    for sentence in (found.flow.layers[0].reason, *VERDICTS[verdict].advice, *found.notes):
        assert sentence in document.text


@pytest.mark.parametrize("steps, weight", [(1, 1), (9, 0)])
def test_without_a_gradient_that_goes_back_nothing_is_said_of_it(steps, weight, tmp_path):
    model = trained_model()
    x, y = (normal(seed, steps, 4, size, dtype="float32") for seed, size in [(1, 3), (2, 2)])
    weights = np.full((steps, 4), weight, np.float32)
    found = diagnose(model, x, y, librnn.MSELoss(), weights=weights)
    assert found.headline == "No step back through time to judge by"
    write_report(found, tmp_path / "report.html")
    text = Document((tmp_path / "report.html").read_text("utf-8")).text
    assert found.headline in text and VERDICTS["healthy"].meaning not in text


def test_misuse_is_told():
    model, x = trained_model(), normal(1, 5, 2, 3, dtype="float32")
    y = normal(2, 5, 2, 2, dtype="float32")
    assert_told(TypeError, "model | a Model | str", lambda: diagnose("model", x, y))
    for name in ["sequences", "time_steps"]:
        call = partial(diagnose, model, x, y, librnn.MSELoss(), **{name: 0})
        assert_told(ValueError, f"{name} | an int in 1 | 0", call)


def test_of_several_layers_the_worst_is_the_headline():
    layers = [librnn.RNN(3, 8), librnn.RNN(8, 8, nonlinearity="relu"), librnn.Linear(8, 2)]
    model = librnn.Model(*layers, seed=1)
    state = model.state_dict()
    state["1.bias_hh_l0"][:] = -50
    model.load_state_dict(state)
    x, y = (normal(seed, 9, 4, size, dtype="float32") for seed, size in [(1, 3), (2, 2)])
    found = diagnose(model, x, y, librnn.MSELoss())
    assert found.headline == "Most units stay at zero, in 1 of 2 recurrent layers"
    assert str(found).splitlines()[2].startswith("1.l0: dead: 100")


# ---- Files, options and errors


def fails(capsys, path, message, *options, **names):
    code, document = diagnose_files(path, *options, **names)
    error = capsys.readouterr().err.splitlines()[-1]
    assert code == 2 and document is None and error.startswith("librnn diagnose: ")
    assert re.search(message, error), error


def test_files_that_are_not_there(files, capsys):
    fails(capsys, files, "--data: expected a file, got .*none.npz", data="none.npz")
    fails(capsys, files, "none.safetensors", model="none.safetensors")
    out = str(files / "no" / "report.html")
    fails(capsys, files, "--out: expected a file in a directory that exists", "--out", out)
    fails(capsys, files, "--out: expected a file of its own", "--out", str(files / "data.npz"))


def test_files_that_are_something_else(files, capsys):
    (files / "text.txt").write_text("not a model")
    fails(capsys, files, "safetensors|header|file", model="text.txt")
    fails(capsys, files, "data: expected an .npz file with x and y", data="text.txt")
    (files / "bad.npz").write_bytes(b"PK\x03\x04 and no more")
    fails(capsys, files, "bad.npz: expected an .npz file", data="bad.npz")
    np.savez(files / "objects.npz", x=np.array([{}]), y=np.array([{}]))
    fails(capsys, files, "objects.npz: expected an .npz file of numbers", data="objects.npz")
    np.save(files / "one.npy", np.zeros((2, 2)))
    (files / "one.npy").rename(files / "one.npz")
    fails(capsys, files, "one.npz: expected an .npz file of numbers, got no zip", data="one.npz")
    with zipfile.ZipFile(files / "raw.npz", "w") as archive:
        archive.writestr("x", "no array")
        archive.writestr("y", "neither")
    fails(capsys, files, "raw.npz: x: expected an array, got bytes", data="raw.npz")


@pytest.mark.parametrize("place", [60, 200, 1000, 5000])
def test_damaged_files(place, files, capsys):
    np.savez_compressed(files / "bad.npz", x=normal(1, 40, 6, 3), y=normal(2, 40, 6, 2))
    data = bytearray((files / "bad.npz").read_bytes())
    data[place : place + 8] = b"\xff" * 8
    (files / "bad.npz").write_bytes(data)
    fails(capsys, files, "bad.npz: expected an .npz file of numbers", data="bad.npz")


def test_a_file_that_promises_more_than_there_is_memory_for(files, capsys):
    header = io.BytesIO()
    shape = {"descr": "<f8", "fortran_order": False, "shape": (10**14, 4, 3)}
    np.lib.format.write_array_header_1_0(header, shape)
    with zipfile.ZipFile(files / "huge.npz", "w") as archive:
        archive.writestr("x.npy", header.getvalue())
        archive.writestr("y.npy", header.getvalue())
    fails(capsys, files, "huge.npz: expected an .npz file of numbers", data="huge.npz")


def test_other_arrays_of_the_file_are_not_looked_at(files):
    x, y = normal(1, 5, 2, 3), normal(1, 5, 2, 2)
    np.savez(files / "more.npz", x=x, y=y, notes=np.array({"of": "what"}, dtype=object))
    assert diagnose_files(files, *QUICKLY, data="more.npz")[0] == 0


def test_a_report_does_not_replace_what_it_is_about(files, capsys):
    os.link(files / "data.npz", files / "again.npz")
    fails(capsys, files, "--out: expected a file of its own", "--out", str(files / "again.npz"))
    fails(capsys, files, "--out: expected a file, got .*, a directory", "--out", str(files))


def test_a_place_that_may_not_be_written(files, capsys, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    fails(capsys, files, "--out: expected a file that may be written")


def test_names_that_are_not_utf_8(files, capsys):
    names = [os.fsdecode(name) for name in (b"m\xff.safetensors", b"d\xfe.npz")]
    (files / "model.safetensors").rename(files / names[0])
    (files / "data.npz").rename(files / names[1])
    out = files / os.fsdecode(b"r\xfd.html")
    options = ["--exponents", "0", "--no-spectra", "--out", str(out)]
    assert diagnose_files(files, *options, model=names[0], data=names[1])[0] == 0
    assert "r\\udcfd.html" in capsys.readouterr().out
    assert "Diagnosis of m?.safetensors" in Document(out.read_text("utf-8")).text


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": 1, "b": 2}, "data.npz: expected arrays x and y, got a, b"),
        ({"x": normal(1, 5), "y": normal(1, 5)}, r"x and y: expected \[T, B, ...\], got \[5\]"),
        ({"x": normal(1, 5, 2, 4), "y": normal(1, 5, 2, 2)}, r"x: expected shape \[T, B, 3\]"),
        ({"x": normal(1, 5, 2, 3), "y": normal(1, 5, 2, 4)}, r"y: expected shape \[5, 2, 2\]"),
        ({"x": normal(1, 5, 2, 3), "y": normal(1, 6, 2, 2)}, r"y: .* \[5, 2\], as x has them, got"),
        ({"x": normal(1, 5, 40, 3), "y": normal(1, 5, 35, 2)}, r"y: .* \[5, 40\], as x has them"),
        (
            {"x": normal(1, 5, 2, 3), "y": normal(1, 5, 2, 2), "weights": 1.0},
            r"weights: .* \[5, 2\], as x has them, got \[\]",
        ),
        ({"x": 1e300 * normal(1, 5, 2, 3), "y": normal(1, 5, 2, 2)}, "x: .* float32 can hold, got"),
        (
            {"x": normal(1, 5, 2, 3), "y": normal(1, 5, 2, 2), "lengths": [5, 6]},
            r"lengths\[1\]: expected 0 to 5, got 6",
        ),
        (
            {"x": normal(1, 5, 40, 3), "y": normal(1, 5, 40, 2), "lengths": [5] * 35},
            r"lengths: expected ints \[40\], got int64 \[35\]",
        ),
        ({"x": normal(1, 5, 2, 3), "y": np.zeros((5, 2, 2), complex)}, "y: expected dtype float32"),
        (
            {"x": normal(1, 5, 2, 3), "y": normal(1, 5, 2, 2), "lengths": [5.0, 5.0]},
            "lengths: expected ints",
        ),
        (
            {"x": normal(1, 5, 2, 3), "y": normal(1, 5, 2, 2), "lengths": [0, 5]},
            r"lengths\[0\]: expected",
        ),
    ],
)
def test_arrays_that_do_not_fit(arrays, message, tmp_path, capsys):
    write(tmp_path, trained_model(), **arrays)
    fails(capsys, tmp_path, message)


@pytest.mark.parametrize("loss", ["mse", "bce"])
def test_whole_numbers_are_taken_for_numbers_where_these_are_asked_for(loss, tmp_path):
    x = integers(1, 256, 5, 2, 3, dtype="uint8")
    write(tmp_path, trained_model(), x=x, y=integers(2, 2, 5, 2, 2))
    code, document = diagnose_files(tmp_path, "--loss", loss, *QUICKLY)
    assert code == 0 and "float32" in value_of(document, "Element type")


def test_weights_of_a_last_step(tmp_path, capsys):
    model = librnn.Model(librnn.GRU(3, 5), librnn.Linear(5, 2, last=True))
    write(tmp_path, model, x=normal(1, 9, 4, 3), y=integers(2, 2, 4), weights=np.float32(1))
    fails(capsys, tmp_path, r"weights: expected the first sizes \[4\], as x has them, got \[\]")


def test_models_that_do_not_fit(tmp_path, capsys):
    write(tmp_path, librnn.Model(librnn.Linear(3, 2)), x=normal(1, 5, 2, 3), y=normal(1, 5, 2, 2))
    fails(capsys, tmp_path, "model: expected at least one recurrent layer, got Linear")
    (tmp_path / "text.txt").write_text("a text")
    write(tmp_path, librnn.Model(librnn.Embedding(65, 4), librnn.GRU(4, 65)))
    fails(capsys, tmp_path, "expected 256 tokens and outputs .*, got 65 and 65", data="text.txt")
    write(tmp_path, librnn.Model(librnn.Embedding(256, 4), librnn.GRU(4, 256)))
    fails(capsys, tmp_path, "expected more than 256 bytes, got 6", data="text.txt")
    fails(capsys, tmp_path, "loss: expected cross_entropy", "--loss", "mse", data="text.txt")


def test_time_is_not_cut_before_the_answer(tmp_path, capsys):
    model = librnn.Model(librnn.GRU(3, 5, 1), librnn.Linear(5, 2, last=True))
    write(tmp_path, model, x=normal(1, 9, 4, 3), y=integers(2, 2, 4))
    fails(capsys, tmp_path, "time steps: expected all 9, because", "--time-steps", "8")
    assert diagnose_files(tmp_path, "--time-steps", "9", *QUICKLY)[0] == 0


@pytest.mark.parametrize(
    "option", ["--batch-size=0", "--exponents=-1", f"--exponents={'9' * 5000}", "--loss=l1"]
)
def test_options_out_of_their_range(option, files, capsys):
    with pytest.raises(SystemExit) as exit:
        diagnose_files(files, option)
    assert exit.value.code == 2 and option.partition("=")[0] in capsys.readouterr().err


def run(*arguments):
    path = os.pathsep.join(entry for entry in sys.path if entry)
    environment = {**os.environ, "PYTHONPATH": path}
    call = [sys.executable, "-m", "librnn", *arguments]
    return subprocess.run(call, capture_output=True, text=True, env=environment)


def test_as_a_program(files):
    assert run("--version").stdout == f"librnn {librnn.__version__}\n"
    assert run().returncode == 2
    names = [str(files / name) for name in ["model.safetensors", "data.npz", "page.html"]]
    done = run("diagnose", names[0], "--data", names[1], "--out", names[2])
    assert done.returncode == 0 and " s  observing" in done.stderr
    assert done.stdout.endswith(f"report: {names[2]}\n")
    done = run("diagnose", "none", "--data", names[1])
    assert done.returncode == 2 and done.stderr.startswith("librnn diagnose: ")
    assert "Traceback" not in done.stderr
