# SPDX-License-Identifier: MIT
"""One self-contained HTML5 page: nothing in it runs, nothing comes from outside, and it prints.

What a page tells comes from files that nobody vouches for. Text is escaped; a policy in the page forbids everything but
its own style sheet; characters that have no shape of their own, or turn text around, are shown as their numbers.
"""

from __future__ import annotations

import base64
import hashlib
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from attrs import Attribute, field, frozen

import openvmi

if TYPE_CHECKING:
    import jinja2

#: What a row of a grid may be marked as: nothing, as it should be, not as it should be, not known.
MARKS = ("", "good", "bad", "open")


@frozen
class Facts:
    """Names with their values, a line each."""

    rows: tuple[tuple[str, str], ...]


@frozen
class Grid:
    """A table. `marks` has one of :data:`MARKS` for each row, or is empty."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...] = field()
    marks: tuple[str, ...] = field(default=())

    @rows.validator
    def _as_wide(self, _: Attribute[tuple[tuple[str, ...], ...]], rows: tuple[tuple[str, ...], ...]) -> None:
        for row in rows:
            if len(row) != len(self.columns):
                raise ValueError(f"a row of {len(row)} cells under {len(self.columns)} columns")

    @marks.validator
    def _known(self, _: Attribute[tuple[str, ...]], marks: tuple[str, ...]) -> None:
        if marks and (len(marks) != len(self.rows) or not set(marks) <= set(MARKS)):
            raise ValueError(f"marks {marks!r:.200} for {len(self.rows)} rows; expected one of {MARKS} for each")


@frozen
class Text:
    """A paragraph; line ends stay."""

    text: str


@frozen
class Code:
    """Text with every space and line end as it is."""

    text: str


@frozen
class Section:
    """Parts under a heading."""

    title: str
    parts: tuple[Facts | Grid | Text | Code, ...]


def page(title: str, sections: Sequence[Section]) -> str:
    """The page, ready to be written as UTF-8."""
    template, style, digest = _template()
    return template.render(title=title, sections=sections, style=style, digest=digest, version=openvmi.__version__)


@cache
def _template() -> tuple[jinja2.Template, str, str]:
    """Template, style sheet, and the style sheet's digest as a content security policy names it."""
    import jinja2

    loader = jinja2.PackageLoader("openvmi.report")
    environment = jinja2.Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["clean"] = clean
    environment.filters["kind"] = lambda part: type(part).__name__
    style, _, _ = loader.get_source(environment, "page.css")
    return (environment.get_template("page.html"), style,
            base64.b64encode(hashlib.sha256(style.encode()).digest()).decode())


def clean(text: str) -> str:
    """The text with control characters, format characters (such as those that reverse text) and halves of surrogates
    as their numbers. Tabs and line ends stay."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    if character in "\t\n" or not unicodedata.category(character).startswith("C"):
        return character
    number = ord(character)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
