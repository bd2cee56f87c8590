# SPDX-License-Identifier: MIT
"""Options that several verbs have, and how help tells of exit statuses."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def _page(path: Path | None) -> Path | None:
    if path is not None:
        from openvmi.report.publish import check_target

        check_target(path)
    return path


Html = Annotated[Path | None, typer.Option(
    "--html", metavar="FILE", callback=_page, help="Also write a page for a browser. It replaces a page, nothing else.",
)]
RomFile = Annotated[Path, typer.Argument(help="A ROM image.")]


def exits(meaning: Mapping[Any, str]) -> str:
    """The end of a verb's help: what its exit statuses mean, which are numbers or members of an IntEnum."""
    return ("\b\nExit status:\n" + "\n".join(f"  {int(status):<4}  {text}" for status, text in meaning.items())
            + "\n  Others are those of openvmi run.")
