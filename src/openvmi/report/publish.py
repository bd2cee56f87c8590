# SPDX-License-Identifier: MIT
"""What a verb found, in the form that the user asked for: lines or JSON on stdout, and a page in a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from openvmi.report.page import Section


_BEGINNING = b"<!DOCTYPE html>"


def check_target(path: Path) -> None:
    """Refuses, by :class:`UsageError`, to put a page where a file is that is no page: say the ROM that it is about."""
    from openvmi.errors import UsageError

    if path.is_file():
        with open(path, "rb") as file:
            found = file.read(len(_BEGINNING))
        if found not in (b"", _BEGINNING):
            raise UsageError(f"--html {path}: a file that is no page is there; name another, or remove it")


def save_page(html: Path | None, title: str, sections: Callable[[], Sequence[Section]]) -> None:
    """Writes the page to `html` when that is a file."""
    if html:
        from openvmi.files import write_atomically
        from openvmi.report.page import page

        write_atomically(html, page(title, sections()).encode())


def publish(about: Any, lines: Sequence[str], json: bool, html: Path | None, title: str,
            sections: Callable[[], Sequence[Section]]) -> None:
    """Prints `about` as JSON, or `lines`; writes the page to `html` when that is a file."""
    from openvmi.report.page import clean

    save_page(html, title, sections)
    if json:
        from openvmi.report import record

        print(record.text(about))
    else:
        print("\n".join(map(clean, lines)))
