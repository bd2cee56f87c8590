# SPDX-License-Identifier: MIT
"""openvmi audit: what is in this blob."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from openvmi.cli.options import Html, Json, exits
from openvmi.status import Status

if TYPE_CHECKING:
    from openvmi.audit.blob import Blob

app = typer.Typer()

_EPILOG = exits({
    0: "every file that was named is recognised and in order",
    Status.BAD_FILE: "one that was named is not recognised, or any file is damaged or lies about its licence",
    Status.UNAVAILABLE: "a library for a compressed file that was named is missing",
}) + (
    "\n\n--json prints JSON Lines: an object for each file, in order of their names; where a folder or more than one "
    "file is named, an object with the key summary at the end."
)


@app.command(epilog=_EPILOG)
def audit(
    files: list[Path] = typer.Argument(
        metavar="FILE_OR_FOLDER...", help="ROMs, option ROMs, kernel modules, other ELF files."),
    json: Json = False, html: Html = None,
    jobs: int | None = typer.Option(
        None, "-j", "--jobs", min=1, max=256, help="Processes for folders.  [default: one for each processor]"),
) -> int:
    """Show what a blob is: nine questions, the answers of 2006 for four kinds of blob, and its own with their evidence.

    In folders, links and devices are not followed, and files that are not recognised are only counted.
    """
    from openvmi.audit import read, summary
    from openvmi.files import write_atomically
    from openvmi.report import audit as report

    blobs: list[Blob] = []
    passed_over, status = 0, 0
    for path in files:
        if path.is_dir():
            found, over = _folder(path, jobs)
            blobs += found
            passed_over += over
        else:
            blobs.append(read.audit(path))
            status = Status.BAD_FILE if blobs[-1].problem else status
    many = len(files) > 1 or files[0].is_dir()
    blobs = summary.related(blobs)
    total = summary.summarize(blobs, passed_over) if many else None
    if html:
        write_atomically(html, report.html(blobs, total).encode())
    if json:
        for blob in blobs:
            print(report.line(report.describe(blob)))
        if total:
            print(report.line(report.summary(total)))
    elif total:
        report.print_summary(total, blobs)
    else:
        report.print_blob(blobs[0])
    return Status.BAD_FILE if any(blob.damaged or blob.lies for blob in blobs) else status


def _folder(path: Path, jobs: int | None) -> tuple[list[Blob], int]:
    """The blobs in it, and how many files are not recognised."""
    from openvmi.audit import folder

    found: list[Blob] = []
    over = 0
    progress = _progress if sys.stderr.isatty() else lambda done, count: None
    for blob in folder.audit_all(folder.files(path), jobs or folder.processes(), progress):
        if blob is None:
            over += 1
        else:
            found.append(blob)
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
    return found, over


def _progress(done: int, count: int) -> None:
    if done % 50 == 0:
        print(f"\r\x1b[K{done:,} of {count:,} files", end="", file=sys.stderr, flush=True)
