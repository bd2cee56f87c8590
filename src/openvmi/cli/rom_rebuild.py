# SPDX-License-Identifier: MIT
"""openvmi rom rebuild: does a ROM come from its source?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from openvmi.cli.options import Html, Json, RomFile, exits
from openvmi.status import Status

if TYPE_CHECKING:
    from openvmi.rebuild.run import Outcome
    from openvmi.rom.image import RomImage

#: As cmp and diff have it.
DIFFERENT = 1
_EPILOG = exits({
    0: "identical, which is remembered for this ROM, signed or not, unless with --unconfined",
    DIFFERENT: "different; how is shown",
    Status.BAD_FILE: "the ROM or its source is not in order, or the source asks for what no source may",
    Status.UNAVAILABLE: "the compiler that it was built with is not installed, or cannot be confined here",
    Status.TOOL: "nothing can be built from it",
})


def register(app: typer.Typer) -> None:
    """Adds the verb to `openvmi rom`."""
    app.command(epilog=_EPILOG, short_help="Build a ROM again from its source, and compare.")(rebuild)


def rebuild(
    file: RomFile,
    source: Annotated[Path | None, typer.Option(
        metavar="TAR", help="The tar of its source, where the ROM only says where that is, or says nothing.")] = None,
    anyway: Annotated[bool, typer.Option(
        "--anyway", help="Compare even if another version of the compiler is installed than the one it was built with."
    )] = False,
    unconfined: Annotated[bool, typer.Option(
        "--unconfined", help="Build even where the compiler cannot be kept from your other files.")] = False,
    json: Json = False, html: Html = None,
) -> None:
    """Build a ROM again from its own source, in an empty folder, and compare byte for byte.

    A boot shim beside the file is compared as well.
    """
    from openvmi.files import write_atomically
    from openvmi.rebuild import account
    from openvmi.rebuild import run as builder
    from openvmi.rom.image import RomImage
    from openvmi.rom.load import load
    from openvmi.rom.source import tar_of

    rom = load(file)
    outcome = builder.rebuild(rom, tar_of(rom, source), anyway=anyway, unconfined=unconfined)
    if html is not None:
        write_atomically(html, account.page(outcome).encode())
    if json:
        import json as encoder

        typer.echo(encoder.dumps(account.describe(outcome), indent=2))
    else:
        _show(outcome)
    if outcome.identical and outcome.confined and isinstance(rom, RomImage):
        _remember(rom)
    if not outcome.identical:
        raise typer.Exit(DIFFERENT)


def _remember(rom: RomImage) -> None:
    from openvmi.cli import terminal
    from openvmi.errors import OpenVmiError
    from openvmi.trust import rebuilt

    try:
        rebuilt.remember(rom)
    except (OSError, OpenVmiError) as error:
        terminal.tell(f"not remembered, so guests are still tainted R: {error}")


def _show(outcome: Outcome) -> None:
    from openvmi.rebuild import account
    from openvmi.report.screen import Screen

    screen = Screen()
    for part in account.text(outcome):
        screen.print(part)
