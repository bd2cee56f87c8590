# SPDX-License-Identifier: MIT
"""What a verb found, in the form that the user asked for: lines or JSON on stdout, and a page in a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from openvmi.report.page import Section


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
