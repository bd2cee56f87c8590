# SPDX-License-Identifier: MIT
"""openvmi rom source: what a ROM was built from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def source(
    file: Annotated[Path, typer.Argument(help="A ROM image of either generation.")],
    output: Annotated[Path | None, typer.Option(
        "-o", "--output", metavar="FOLDER", help="Extract into this folder, which is new or empty.")] = None,
    tar: Annotated[Path | None, typer.Option(
        "--source", metavar="TAR", help="The tar, where the ROM only says where it is. Its digest is checked.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page, too.")] = None,
) -> None:
    """List what a ROM was built from, or extract it.

    Nothing is fetched: where the ROM names an address, get the file and give it with --source.
    """
    from openvmi.files import write_atomically
    from openvmi.rom import source as of
    from openvmi.rom.capsule import describe
    from openvmi.rom.load import load

    rom = load(file)
    about: dict[str, Any] = {"path": rom.path, "sha256": rom.sha256, "capsule": describe(rom.capsule), "files": []}
    if tar is not None or output is not None or (rom.capsule is not None and rom.capsule.url is None):
        files = of.files_of(of.tar_of(rom, tar), str(tar or file))
        about["files"] = of.listing(files)
        if output is not None:
            of.extract(files, output)
            about["extracted"] = str(output)
    if html is not None:
        write_atomically(html, _page(about).encode())
    if json:
        import json as encoder

        typer.echo(encoder.dumps(about, indent=2))
        return
    _show(about)


def _show(about: dict[str, Any]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from openvmi.report.screen import Screen
    from openvmi.rom.capsule import said

    screen = Screen()
    screen.print(Text(f"{about['path']}: source: {said(about['capsule'])}"))
    if about["files"]:
        table = Table(box=box.SIMPLE_HEAD)
        table.add_column("file")
        table.add_column("bytes", justify="right")
        table.add_column("SHA-256")
        for entry in about["files"]:
            table.add_row(Text(entry["name"]), f"{entry['size']:,}", entry["sha256"][:16])
        screen.print(table)
    if "extracted" in about:
        screen.print(Text(f"{about['extracted']}: {len(about['files'])} files extracted"))


def _page(about: dict[str, Any]) -> str:
    from openvmi.report.page import Facts, Grid, Section, page
    from openvmi.rom.capsule import said

    rows = tuple((entry["name"], f"{entry['size']:,}", entry["sha256"]) for entry in about["files"])
    facts = Facts((("file", about["path"]), ("SHA-256", about["sha256"]), ("source", said(about["capsule"]))))
    return page(f"Source of {about['path']}", [
        Section("ROM", (facts,)), Section("Files", (Grid(("file", "bytes", "SHA-256"), rows),))])
