# SPDX-License-Identifier: MIT
"""openvmi rom: build and inspect ROM images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from openvmi.rom.image import RomImage

app = typer.Typer(help="Build and inspect ROM images.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]


@app.command()
def build(
    name: Annotated[str, typer.Argument(metavar="NAME_OR_FOLDER", help="A folder of roms/, or any with a rom.toml.")],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="File to write.")] = None,
    json: Json = False,
) -> None:
    """Build a ROM from its sources, and the boot shim that starts guests where the hypervisor needs one."""
    from openvmi import resources
    from openvmi.rom.build import build as build_rom
    from openvmi.rom.build import shim_beside
    from openvmi.rom.definition import find, read

    folder = find(name)
    target = output or resources.built("roms") / f"{folder.resolve().name}.rom"
    image = build_rom(folder, target, resources.built("cache"))
    if json:
        _print_json(image)
    else:
        typer.echo(f"{target}: {len(image.data)} bytes, {image.descriptor.text_size} of them text")
        if read(folder).shim:
            typer.echo(f"{shim_beside(target)}: its boot shim")


@app.command()
def inspect(
    file: Annotated[Path, typer.Argument(help="A ROM image.")],
    json: Json = False,
) -> None:
    """Show what a ROM is and what it does at every call."""
    from openvmi.rom.image import RomImage

    image = RomImage.load(file)
    if json:
        _print_json(image)
        return
    from openvmi.report.screen import Screen
    from openvmi.rom.describe import describe
    from openvmi.rom.render import show

    show(describe(image), Screen())


def _print_json(image: RomImage) -> None:
    import json

    from openvmi.rom.describe import describe

    typer.echo(json.dumps(describe(image), indent=2))
