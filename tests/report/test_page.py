# SPDX-License-Identifier: MIT
"""A page shows what it is given, and nothing that it is given can do more than be shown."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from openvmi.files import write_atomically
from openvmi.report.page import Code, Facts, Grid, Section, Text, page

_HOSTILE = "</pre><script>alert(1)</script>\"'<img src=//x onerror=y>&amp;\x1b[2J\x00\u202eexe.\udcff"
_SHOWN = "</pre><script>alert(1)</script>\"'<img src=//x onerror=y>&amp;\\x1b[2J\\x00\\u202eexe.\\udcff"
_EMPTY = {"meta"}


class _Reader(HTMLParser):
    """Elements must nest; collects what they are and what they say."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.cells: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in _EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)
        if self.open and self.open[-1] in ("td", "th", "p", "pre", "h2", "title"):
            self.cells.append(data)


def _read(html: str) -> _Reader:
    reader = _Reader()
    reader.feed(html)
    reader.close()
    assert not reader.open
    return reader


def test_shows_what_it_is_given() -> None:
    html = page("A ROM", [
        Section("First", (Facts((("name", "tiny"), ("size", "12"))), Text("one\ntwo"))),
        Section("Second", (
            Grid(("a", "b"), (("1", "2"), ("3", "4"), ("5", "6")), ("good", "", "open")), Code("  x\n\ty"))),
    ])
    reader = _read(html)
    assert reader.cells == ["A ROM", "First", "name", "tiny", "size", "12", "one\ntwo", "Second", "a", "b", "1", "2",
                            "3", "4", "5", "6", "  x\n\ty"]
    assert [attributes.get("class") for tag, attributes in reader.seen if tag == "tr"] == [
        None, None, None, "good", None, "open"]
    assert html.startswith("<!DOCTYPE html>\n")


def test_nothing_given_becomes_markup() -> None:
    hostile = page(_HOSTILE, [Section(_HOSTILE, (
        Facts(((_HOSTILE, _HOSTILE),)), Grid((_HOSTILE,), ((_HOSTILE,),)), Text(_HOSTILE), Code(_HOSTILE)))])
    harmless = page("t", [Section("t", (Facts((("t", "t"),)), Grid(("t",), (("t",),)), Text("t"), Code("t")))])
    assert _read(hostile).seen == _read(harmless).seen
    assert _read(hostile).cells == [_SHOWN] * 8
    assert not set(hostile) & {"\x1b", "\x00", "\u202e", "\udcff"}


def test_nothing_comes_from_outside() -> None:
    html = page("t", [])
    reader = _read(html)
    assert not {tag for tag, _ in reader.seen} & {"script", "link", "img", "iframe", "object", "form", "base"}
    assert "http:" not in html and "https:" not in html and "url(" not in html and "@import" not in html
    [policy] = [a["content"] for _, a in reader.seen if a.get("http-equiv") == "Content-Security-Policy"]
    style = re.search("<style>(.*?)</style>", html, re.DOTALL)
    assert policy and style
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert policy.startswith("default-src 'none'; ") and f"'sha256-{digest}'" in policy
    assert "prefers-color-scheme: dark" in style[1] and "@media print" in style[1]


def test_any_text_can_be_written(tmp_path: Path) -> None:
    write_atomically(tmp_path / "page.html", page(_HOSTILE, [Section("Größe ☃", (Text("日本"),))]).encode())
    assert "Größe ☃" in (tmp_path / "page.html").read_text("utf-8")


@pytest.mark.parametrize(("rows", "marks"), [((("1",),), ()), ((("1", "2"),), ("fine",)), ((("1", "2"),), ("", ""))])
def test_grids_that_do_not_fit(rows: tuple[tuple[str, ...], ...], marks: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"row of 1 cells|marks"):
        Grid(("a", "b"), rows, marks)
