"""How the library is found, and what is said when it is not. Each in its own interpreter."""

import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from librnn import _c_api

from conftest import ROOT

SOURCES = ROOT / "bindings" / "python" / "src"
LIBRARY = Path(_c_api.lib._name).resolve()


def python(code, path=SOURCES, **environment):
    variables = {k: v for k, v in os.environ.items() if k not in ("LIBRNN_LIBRARY", "PYTHONPATH")}
    variables |= {"PYTHONPATH": str(path), "PYTHONDONTWRITEBYTECODE": "1"} | environment
    return subprocess.run(
        [sys.executable, "-c", code], env=variables, capture_output=True, text=True
    )


def import_error(run):
    """The last line of a run that must have ended in an ImportError."""
    assert run.returncode == 1
    last = run.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: ")
    return last


def package_copy(folder):
    shutil.copytree(SOURCES / "librnn", folder / "librnn", ignore=shutil.ignore_patterns("*.so*"))
    return folder


SHOW = "import librnn._c_api as c; print(c.lib._name)"


def test_the_environment_variable_names_the_library(tmp_path):
    copy = tmp_path / "another.so"
    shutil.copy(LIBRARY, copy)
    assert python(SHOW, LIBRNN_LIBRARY=str(copy)).stdout.strip() == str(copy)


def test_nothing_else_is_tried_when_the_environment_variable_is_set():
    message = import_error(python("import librnn", LIBRNN_LIBRARY="/nonexistent/librnn.so"))
    assert "/nonexistent/librnn.so cannot be loaded" in message and "make" in message


def test_a_library_beside_the_package_comes_first(tmp_path):
    package_copy(tmp_path)
    shutil.copy(LIBRARY, tmp_path / "librnn" / "librnn.so")
    shown = python(SHOW, tmp_path).stdout.strip()
    assert Path(shown) == (tmp_path / "librnn" / "librnn.so").resolve()


def test_a_source_checkout_uses_its_own_build(tmp_path):
    package_copy(tmp_path / "bindings" / "python" / "src")
    (tmp_path / "include").mkdir()
    (tmp_path / "include" / "rnn.h").touch()
    (tmp_path / "build").mkdir()
    shutil.copy(LIBRARY, tmp_path / "build" / "librnn.so")
    shown = python(SHOW, tmp_path / "bindings" / "python" / "src").stdout.strip()
    assert Path(shown) == (tmp_path / "build" / "librnn.so").resolve()


def test_a_failure_lists_every_place_and_the_remedy(tmp_path):
    package_copy(tmp_path)
    (tmp_path / "include").mkdir()
    (tmp_path / "include" / "rnn.h").touch()
    hide_the_system = (
        "import ctypes\n"
        "def refuse(name): raise OSError('hidden by the test')\n"
        "ctypes.CDLL = refuse\n"
        "import librnn"
    )
    message = import_error(python(hide_the_system, tmp_path))
    folder = tmp_path.resolve()
    for place in [folder / "librnn" / "librnn.so", folder / "build" / "librnn.so", "librnn.so.0"]:
        assert str(place) in message
    assert "LIBRNN_LIBRARY" in message and "make" in message


def test_a_file_that_is_no_library_is_refused(tmp_path):
    text = tmp_path / "librnn.so"
    text.write_text("not a library")
    assert str(text) in import_error(python("import librnn", LIBRNN_LIBRARY=str(text)))


def test_another_library_is_refused():
    run = python("import librnn", LIBRNN_LIBRARY="libm.so.6")
    assert import_error(run) == f"ImportError: libm.so.6: is not librnn. {_c_api._HOW_TO_MEND}"


class Stand:
    """A library of some version."""

    def __init__(self, number):
        self._name = "librnn.so"
        self.rnn_version = ctypes.CFUNCTYPE(ctypes.c_uint32)(lambda: number)


@pytest.mark.parametrize("number", [10000, 0, 99, 20100])
def test_another_version_is_refused(number):
    with pytest.raises(ImportError, match=r"expected librnn 0\.1 or a later 0\.x, got \d+\.\d+"):
        _c_api._check_version(Stand(number))


@pytest.mark.parametrize("number", [100, 101, 200, 9999])
def test_a_newer_version_of_the_same_major_is_welcome(number):
    assert _c_api._check_version(Stand(number)) is None


def test_exit_with_open_objects_is_silent():
    code = (
        "import librnn, numpy\n"
        "model = librnn.Model(librnn.LSTM(2, 3), librnn.Linear(3, 2))\n"
        "trainer = librnn.Trainer(model)\n"
        "stream = model.stream()\n"
        "stream.step(numpy.zeros((1, 2), numpy.float32))\n"
        "model.itself = [model, trainer, stream]\n"
        "print('done')"
    )
    run = python(code, LIBRNN_LIBRARY=str(LIBRARY))
    assert (run.returncode, run.stdout, run.stderr) == (0, "done\n", "")


def test_import_brings_numpy_and_nothing_heavy():
    code = (
        "import sys, librnn\n"
        "heavy = {'torch', 'pandas', 'scipy', 'matplotlib', 'safetensors'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    assert python(code, LIBRNN_LIBRARY=str(LIBRARY)).stdout == "[]\n"
