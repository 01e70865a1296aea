"""`librnn diagnose`: what it reads, finds and refuses, and the page that it writes."""

import base64
import os
import re
import subprocess
import sys
from html.parser import HTMLParser

import librnn
import matplotlib.image
import numpy as np
import pytest
from librnn import dynamics
from librnn.__main__ import main
from librnn._verdicts import VERDICTS
from librnn.diagnose import diagnose, write_report

import browser
from support import (
    assert_same_bits,
    assert_same_dicts,
    input_for,
    integers,
    normal,
    still,
    target_for,
    uniform,
)

# ---- The page as a document


VOID = {"img", "meta"}


class Document(HTMLParser):
    """Checks that every element is closed in its turn, and keeps what a test asks for."""

    def __init__(self, text):
        super().__init__()
        self.open, self.texts, self.links, self.images, self.styles = [], [], [], [], []
        self.cells = []
        self.feed(text)
        self.close()
        assert not self.open, f"not closed: {self.open}"

    def handle_starttag(self, tag, attributes):
        self.links += [value for name, value in attributes if name in ("src", "href", "action")]
        if tag == "img":
            self.images.append(dict(attributes))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "td":
            self.cells.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "style":
            self.styles.append(data)
        elif "body" in self.open:
            self.texts.append(data)
        if "td" in self.open:
            self.cells[-1] += data

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())


def check_self_contained(document):
    for link in document.links:
        assert link.startswith("data:image/svg+xml;base64,")
        picture = base64.b64decode(link.partition(",")[2]).decode()
        inside = re.findall(r'(?:href|src)="([^"]*)"|url\(([^)]*)', picture)
        assert all(one.startswith(("#", "data:image/png;base64,")) for one in map("".join, inside))
    for style in document.styles:
        assert "url(" not in style and "@import" not in style


# ---- Models and files


def trained_model():
    layers = [librnn.RNN(3, 8), librnn.LSTM(8, 6, num_layers=2), librnn.Linear(6, 2)]
    return librnn.Model(*layers, seed=1)


def write(path, model, **arrays):
    model.save(path / "model.safetensors")
    if arrays:
        np.savez(path / "data.npz", **arrays)
    return path / "model.safetensors", path / "data.npz"


def diagnose_files(path, *options, model="model.safetensors", data="data.npz"):
    out = path / "report.html"
    files = [str(path / model), "--data", str(path / data), "--out", str(out)]
    code = main(["diagnose", *files, *options])
    return code, Document(out.read_text("utf-8")) if out.exists() else None


def value_of(document, name):
    """The text that follows a name in the list of how it was measured."""
    texts = [text for text in document.texts if text.strip()]
    return texts[len(texts) - 1 - texts[::-1].index(name) + 1]


@pytest.fixture
def files(tmp_path):
    x, y = normal(1, 40, 6, 3), normal(2, 40, 6, 2)
    write(tmp_path, trained_model(), x=x, y=y)
    return tmp_path


QUICKLY = ["--quiet", "--no-spectra", "--exponents", "0"]


# ---- What it finds


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


# ---- The page of files


def test_the_report_says_what_was_found(files, capsys):
    code, document = diagnose_files(files)
    assert code == 0
    check_self_contained(document)
    model = librnn.load(files / "model.safetensors")
    with np.load(files / "data.npz") as data:
        x, y = data["x"].astype(np.float32), data["y"].astype(np.float32)
    found = diagnose(model, x, y, librnn.MSELoss())
    for layer in found.flow.layers:
        row = document.cells.index(layer.name)
        assert document.cells[row + 2 : row + 5] == ["8" if layer.layer == 0 else "6"] + [
            layer.verdict,
            f"{layer.rate:.3g}",
        ]
        assert document.cells[row + 6] == layer.reason
    for name, tensor in found.flow.tensors.items():
        assert f"{tensor.grad_norm:.4g}" in document.cells[document.cells.index(name) :]
    for one in found.spectra:
        assert f"{one.spectral_radius:.4g}" in document.cells
    alts = " ".join(image["alt"] for image in document.images)
    for word in ["Heat map", "Gain", "saturated", "0.weight_hh_l0", "1.weight_hh_l1", "Lyapunov"]:
        assert word in alts
    assert "data.npz: x [40, 6, 3], y [40, 6, 2]" in document.text
    assert "T = 40, B = 6" in document.text and f"librnn {librnn.__version__}" in document.text
    output = capsys.readouterr()
    assert output.out == f"{found}\nreport: {files / 'report.html'}\n"
    assert "observing" in output.err and "drawing" in output.err


def test_quiet_and_without_dynamics(files, capsys):
    code, document = diagnose_files(files, *QUICKLY)
    assert code == 0 and capsys.readouterr() == ("", "")
    assert "Lyapunov" not in document.text and "Recurrent matrices" not in document.text


def test_the_same_report_twice(files):
    texts = []
    for _ in range(2):
        assert diagnose_files(files, "--quiet")[0] == 0
        text = (files / "report.html").read_text("utf-8")
        texts.append(re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "", text))
    assert texts[0] == texts[1]


def test_less_of_the_batch_can_be_asked_for(files):
    _, document = diagnose_files(files, "--batch-size", "2", "--time-steps", "11", *QUICKLY)
    assert value_of(document, "Batch") == "T = 11, B = 2"


def test_a_checkpoint_is_read_as_a_model(files):
    trainer = librnn.Trainer(trained_model(), librnn.MSELoss())
    trainer.save(files / "checkpoint.safetensors")
    code, document = diagnose_files(files, *QUICKLY, model="checkpoint.safetensors")
    assert code == 0 and document.text.startswith("Diagnosis of checkpoint.safetensors ")


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("loss", ["cross_entropy", "mse", "bce"])
def test_losses_are_guessed_from_labels(loss, last, batch_first, tmp_path):
    model = librnn.Model(librnn.GRU(3, 5), librnn.Linear(5, 2, last=last), seed=1)
    x = input_for(model, 1, 9, 4)
    kinds = {
        "cross_entropy": (librnn.CrossEntropyLoss(), np.uint8),
        "mse": (librnn.MSELoss(), np.float64),
        "bce": (librnn.BCEWithLogitsLoss(), bool),
    }
    kind, dtype = kinds[loss]
    y = target_for(model, kind, 2, 9, 4)
    y = (y > 0.5 if dtype is bool else y).astype(dtype)
    taken = y if dtype is np.uint8 else y.astype(np.float32)
    expected = still(model, kind).step(x, taken.astype(np.int64) if dtype is np.uint8 else taken)
    if batch_first:
        x, y = x.swapaxes(0, 1), y if last else y.swapaxes(0, 1)
    write(tmp_path, model, x=x, y=y, lengths=np.full(4, 9))
    options = ["--batch-first"] if batch_first else []
    code, document = diagnose_files(tmp_path, *QUICKLY, *options)
    assert code == 0 and value_of(document, "Loss") == repr(kind)
    assert f"{expected.loss:.4g}" in document.texts


@pytest.mark.parametrize("last", [False, True])
def test_a_text_is_read_byte_by_byte(last, tmp_path):
    layers = [librnn.Embedding(256, 4), librnn.GRU(4, 5), librnn.Linear(5, 256, last=last)]
    write(tmp_path, librnn.Model(*layers, seed=1))
    text = "Größe & <Zahl> " * 40
    (tmp_path / "text.txt").write_text(text, "utf-8")
    code, document = diagnose_files(tmp_path, "--time-steps", "50", *QUICKLY, data="text.txt")
    size = len(text.encode())
    assert code == 0 and f"text.txt: a text of {size:,} bytes" in document.text
    assert value_of(document, "Batch") == f"T = 50, B = {(size - 1) // 50}"


def test_names_are_escaped(files):
    name = "<script>alert(1)&.safetensors"
    (files / "model.safetensors").rename(files / name)
    code, document = diagnose_files(files, *QUICKLY, model=name)
    assert code == 0 and f"Diagnosis of {name}" in document.text


# ---- Errors


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


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": 1, "b": 2}, "data.npz: expected arrays x and y, got a, b"),
        ({"x": normal(1, 5), "y": normal(1, 5)}, r"x and y: expected \[T, B, ...\], got \[5\]"),
        ({"x": normal(1, 5, 2, 4), "y": normal(1, 5, 2, 2)}, r"x: expected shape \[T, B, 3\]"),
        ({"x": normal(1, 5, 2, 3), "y": normal(1, 6, 2, 2)}, r"y: expected shape \[5, 2, 2\]"),
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


@pytest.mark.parametrize("option", ["--batch-size=0", "--exponents=-1", "--loss=l1"])
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
    assert done.returncode == 0 and "0.0 s  observing" in done.stderr
    assert done.stdout.endswith(f"report: {names[2]}\n")
    done = run("diagnose", "none", "--data", names[1])
    assert done.returncode == 2 and done.stderr.startswith("librnn diagnose: ")
    assert "Traceback" not in done.stderr


# ---- The page in a browser

MEASURE = """<script>
addEventListener("load", () => {
  const images = [...document.images], found = document.body.dataset;
  found.loaded = images.every(image => image.complete && image.naturalWidth > 0);
  found.count = images.length;
  found.width = window.innerWidth;
  found.overflow = document.documentElement.scrollWidth - window.innerWidth;
});
</script></body>"""


def test_the_page_as_it_is_seen(files):
    diagnose_files(files, "--quiet")
    picture = files / "page.png"
    browser.screenshot(files / "report.html", picture, 1000, 4000)
    seen = matplotlib.image.imread(picture)[..., :3]
    assert seen.shape == (4000, 1000, 3)
    colours = np.unique((seen * 15).round() @ [256, 16, 1])
    assert len(colours) > 200  # the heat maps alone have as many
    ink = (seen.min(axis=2) < 0.6).mean(axis=1)
    assert (ink > 0).mean() > 0.3  # part of the lines that hold something dark
    verdict = np.array(matplotlib.colors.to_rgb(VERDICTS["vanishing"].colour))
    assert np.isclose(seen[:400, :40], verdict, atol=0.01).all(axis=2).sum() > 100


@pytest.mark.parametrize("width", [500, 1400])
def test_every_picture_loads_and_nothing_sticks_out(files, width):
    _, document = diagnose_files(files, "--quiet")
    text = (files / "report.html").read_text("utf-8").replace("</body>", MEASURE)
    (files / "measured.html").write_text(text, "utf-8")
    dumped = browser.dump(files / "measured.html", width)
    expected = {"loaded": "true", "count": len(document.images), "width": width, "overflow": 0}
    for name, value in expected.items():
        assert f'data-{name}="{value}"' in dumped


def test_without_a_browser_the_tests_fail(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AssertionError, match="setup-system.sh"):
        browser.screenshot(tmp_path, tmp_path, 1, 1)
