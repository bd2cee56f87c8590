# SPDX-License-Identifier: MIT
"""openvmi rom source: what a ROM was built from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from openvmi.cli.options import Html, Json, RomFile, exits
from openvmi.status import Status

if TYPE_CHECKING:
    from openvmi.report.page import Section

_EPILOG = exits({
    0: "listed, or extracted",
    Status.USAGE: "there is nothing to extract here, or no folder that is new or empty to extract it to",
    Status.BAD_FILE: "the ROM or its source is not in order",
})


def register(app: typer.Typer) -> None:
    """Adds the verb to `openvmi rom`."""
    app.command(epilog=_EPILOG)(source)


def source(
    file: RomFile,
    output: Annotated[Path | None, typer.Option(
        "-o", "--output", metavar="FOLDER", help="Extract into this folder, which is new or empty.")] = None,
    tar: Annotated[Path | None, typer.Option(
        "--source", metavar="TAR", help="The tar, where the ROM only says where it is. Its digest is checked.")] = None,
    json: Json = False, html: Html = None,
) -> None:
    """List what a ROM was built from, or extract it.

    Nothing is fetched: where the ROM names an address, get the file and give it with --source.
    """
    from openvmi.report.publish import publish
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
    publish(about, _lines(about), json, html, f"Source of {file.name}", lambda: _sections(about))


def _lines(about: dict[str, Any]) -> list[str]:
    from openvmi.rom.capsule import said

    files = about["files"]
    wide = max((len(entry["name"]) for entry in files), default=0)
    extracted = [f"{about['extracted']}: {len(files)} files extracted"] if "extracted" in about else []
    return [f"{about['path']}: source: {said(about['capsule'])}",
            *(f"  {entry['name']:<{wide}}  {entry['size']:>9,}  {entry['sha256'][:16]}" for entry in files), *extracted]


def _sections(about: dict[str, Any]) -> list[Section]:
    from openvmi.report.page import Facts, Grid, Section
    from openvmi.rom.capsule import said

    rows = tuple((entry["name"], f"{entry['size']:,}", entry["sha256"]) for entry in about["files"])
    facts = Facts((("file", about["path"]), ("SHA-256", about["sha256"]), ("source", said(about["capsule"]))))
    return [Section("ROM", (facts,)), Section("Files", (Grid(("file", "bytes", "SHA-256"), rows),))]
