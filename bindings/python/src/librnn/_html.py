"""HTML out of small functions. All text is escaped that was not made by `element` or `page`."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

_VOID = {"img", "meta"}


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def element(name: str, /, *content: object, **attributes: str) -> Html:
    """Return an element around its content; an attribute's leading underscore is dropped."""
    given = "".join(
        f' {key.lstrip("_")}="{html.escape(value)}"' for key, value in attributes.items()
    )
    if name in _VOID:
        return Html(f"<{name}{given}>")
    return Html(f"<{name}{given}>{join(content)}</{name}>")


def join(content: Iterable[object]) -> Html:
    """Return the parts one after the other."""
    return Html("".join(_escape(part) for part in content))


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> Html:
    """Return a table that scrolls by itself if it is too wide for the page.

    A column whose title ends with "#" is of numbers.
    """
    kinds = ["number" if head.endswith("#") else "text" for head in heads]
    titles = zip(heads, kinds, strict=True)
    head = [element("th", title.rstrip("#"), _class=kind) for title, kind in titles]
    body = [
        element(
            "tr", *(element("td", cell, _class=kind) for cell, kind in zip(row, kinds, strict=True))
        )
        for row in rows
    ]
    whole = element("table", element("thead", element("tr", *head)), element("tbody", *body))
    return element("div", whole, _class="wide")


def page(title: str, style: str, body: Html) -> str:
    """Return a whole document; `style` is CSS of our own."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", title),
        element("style", Html(style)),
    )
    return f"<!DOCTYPE html>\n{element('html', head, element('body', body), lang='en')}\n"


def _escape(part: object) -> str:
    return part if isinstance(part, Html) else html.escape(str(part))
