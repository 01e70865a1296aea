"""The page that `librnn diagnose` writes: as a document, and in a browser."""

import re

import librnn
import matplotlib.colors
import matplotlib.image
import numpy as np
import pytest
from librnn._verdicts import VERDICTS
from librnn.diagnose import diagnose

import browser
from reports import (
    QUICKLY,
    check_self_contained,
    diagnose_files,
    trained_model,
    value_of,
    write,
)
from support import input_for, normal, still, target_for, uniform

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


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("last", [False, True])
def test_a_text_is_read_byte_by_byte(last, batch_first, tmp_path):
    layers = [librnn.Embedding(256, 4), librnn.GRU(4, 5), librnn.Linear(5, 256, last=last)]
    write(tmp_path, librnn.Model(*layers, seed=1))
    text = "Größe & <Zahl> " * 40
    (tmp_path / "text.txt").write_text(text, "utf-8")
    options = ["--time-steps", "50", *QUICKLY, *(["--batch-first"] if batch_first else [])]
    code, document = diagnose_files(tmp_path, *options, data="text.txt")
    size = len(text.encode())
    assert code == 0 and f"text.txt: a text of {size:,} bytes" in document.text
    assert value_of(document, "Batch") == f"T = 50, B = {(size - 1) // 50}"


def test_of_a_last_step_head_fewer_sequences_can_be_asked_for(tmp_path):
    model = librnn.Model(librnn.GRU(3, 5), librnn.Linear(5, 2, last=True), seed=1)
    x, y = normal(1, 9, 4, 3), normal(2, 4, 2)
    write(tmp_path, model, x=x, y=y, weights=uniform(3, 4), lengths=[9, 8, 7, 6])
    code, document = diagnose_files(tmp_path, "--batch-size", "3", *QUICKLY)
    assert code == 0 and value_of(document, "Batch") == "T = 9, B = 3"


@pytest.mark.parametrize(
    ("scale", "words"), [(0.5, "come together: stable"), (3, "part: unstable or chaotic")]
)
def test_the_leading_exponent_in_words(scale, words, tmp_path):
    model = librnn.Model(librnn.RNN(3, 30), librnn.Linear(30, 2), dtype="float64", seed=1)
    state = model.state_dict()
    state["0.weight_hh_l0"] = scale * normal(4, 30, 30) / np.sqrt(30)
    state["0.weight_ih_l0"] *= 0.1
    model.load_state_dict(state)
    write(tmp_path, model, x=normal(1, 100, 4, 3), y=normal(2, 100, 4, 2))
    _, document = diagnose_files(tmp_path, "--quiet", "--no-spectra", "--exponents", "2")
    assert f"neighbouring states {words}" in document.text


def test_names_are_escaped(files):
    name = "<script>alert(1)&.safetensors"
    (files / "model.safetensors").rename(files / name)
    code, document = diagnose_files(files, *QUICKLY, model=name)
    assert code == 0 and f"Diagnosis of {name}" in document.text


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
