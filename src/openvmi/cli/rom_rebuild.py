# SPDX-License-Identifier: MIT
"""openvmi rom rebuild: does a ROM come from its source?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from openvmi.rebuild.run import Outcome

#: As cmp and diff have it.
DIFFERENT = 1


def rebuild(
    file: Annotated[Path, typer.Argument(help="A ROM image of either generation; its boot shim is beside it.")],
    source: Annotated[Path | None, typer.Option(
        metavar="TAR", help="The tar of its source, where the ROM only says where that is, or says nothing.")] = None,
    anyway: Annotated[bool, typer.Option(
        "--anyway", help="Compare even if another version of the compiler is installed than the one it was built with."
    )] = False,
    unconfined: Annotated[bool, typer.Option(
        "--unconfined", help="Build even where the compiler cannot be kept from your other files.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page, too.")] = None,
) -> None:
    """Build a ROM again from its own source, in an empty folder, and compare byte for byte.

    Exit status 0: identical, which is remembered for this ROM, signed or not, unless with --unconfined. 1: built, and
    different; how is shown. 65: the source is not in order, or asks for what no source may. 69: the compiler that it
    was built with is not installed, or cannot be confined here. 125: nothing can be built from it.
    """
    from openvmi.files import write_atomically
    from openvmi.rebuild import account
    from openvmi.rebuild import run as builder
    from openvmi.rom.image import RomImage
    from openvmi.rom.load import load
    from openvmi.rom.source import tar_of
    from openvmi.trust import rebuilt

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
        rebuilt.remember(rom)
    if not outcome.identical:
        raise typer.Exit(DIFFERENT)


def _show(outcome: Outcome) -> None:
    from openvmi.rebuild import account
    from openvmi.report.screen import Screen

    screen = Screen()
    for part in account.text(outcome):
        screen.print(part)
