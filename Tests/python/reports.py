"""What the tests of `librnn diagnose` share: files, a call, and the page as a document."""

import base64
import re
from html.parser import HTMLParser

import librnn
import numpy as np
from librnn.__main__ import main

from support import normal

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


QUICKLY = ["--quiet", "--no-spectra", "--exponents", "0"]


def write_files(path):
    """A model and a batch for it, in the files that `diagnose_files` takes."""
    write(path, trained_model(), x=normal(1, 40, 6, 3), y=normal(2, 40, 6, 2))
