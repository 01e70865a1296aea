"""docs/adding-a-cell.md, followed to the letter in a copy of the sources."""

import os
import re
import subprocess
import sys

import pytest

from conftest import ROOT

PAGE = (ROOT / "docs" / "adding-a-cell.md").read_text()
CELLS = "Sources/RNNKernels/Cells"


def blocks(language):
    """The code of the page in one language."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """The library with the page's cell in it."""
    copy = tmp_path_factory.mktemp("sources")
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    names = [
        name for name in files.stdout.split(b"\0") if name and (ROOT / os.fsdecode(name)).exists()
    ]
    archive = subprocess.run(
        ["tar", "-c", "--null", "-T", "-"],
        cwd=ROOT,
        input=b"\0".join(names),
        capture_output=True,
        check=True,
    )
    subprocess.run(["tar", "-x"], cwd=copy, input=archive.stdout, check=True)
    file, line = blocks("swift")
    name = re.search(rf"`{CELLS}/(\w+\.swift)`:", PAGE).group(1)
    (copy / CELLS / name).write_text(file)
    registry = copy / CELLS / "CellList.swift"
    text = registry.read_text()
    registry.write_text(text.replace("    [\n", "    [\n" + line, 1))
    built = subprocess.run(["make", "all"], cwd=copy, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout[-4000:] + built.stderr[-4000:]
    return copy / "build" / "librnn.so"


def test_the_cell_of_the_page_trains_and_streams(library):
    (program,) = blocks("python")
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"LIBRNN_LIBRARY": str(library)},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    lines = ran.stdout.split("\n")[:-1]
    assert len(lines) == 4 and all(line.endswith(" True") for line in lines), ran.stdout


def test_without_the_line_there_is_no_such_cell():
    (program,) = blocks("python")
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ran.returncode != 0 and 'got "forget_only"' in ran.stderr
