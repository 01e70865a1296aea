"""The code of the documentation runs, and what it asserts is true."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def code_of(page):
    """The page's Python, at the lines where it stands in the page."""
    text, lines = page.read_text(), []
    for block in BLOCK.finditer(text):
        begin = text.count("\n", 0, block.start(1))
        lines += [""] * (begin - len(lines)) + block[1].splitlines()
    return "\n".join(lines)


@pytest.mark.parametrize("name", ["stability.md"])
def test_code_of_the_page(name):
    page = DOCS / name
    code = code_of(page)
    assert "assert" in code
    exec(compile(code, str(page), "exec"), {"__name__": page.stem})


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_figures_of_the_page_are_there(page):
    for figure in re.findall(r"!\[[^]]*\]\(([^)]+)\)", page.read_text()):
        assert (page.parent / figure).stat().st_size <= 60_000, figure
