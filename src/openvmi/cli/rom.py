# SPDX-License-Identifier: MIT
"""openvmi rom: ROM images. Verbs that are not here are in modules of their own."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from openvmi.cli import rom_lint, rom_rebuild, rom_sign, rom_source
from openvmi.cli.options import Html, Json, RomFile, exits
from openvmi.errors import UsageError
from openvmi.status import Status

if TYPE_CHECKING:
    from openvmi.classic.image import ClassicRom
    from openvmi.rom.form import Form
    from openvmi.rom.image import RomImage

app = typer.Typer(help="Build, inspect, check, rebuild and sign ROM images.", no_args_is_help=True)


@app.command(short_help="Build a ROM from its sources.")
def build(
    name: Annotated[str, typer.Argument(metavar="NAME_OR_FOLDER", help="A folder of roms/, or any with a rom.toml.")],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="File to write.")] = None,
    variant: Annotated[str | None, typer.Option(help="Only this variant of a ROM that has several.")] = None,
    no_source: Annotated[bool, typer.Option("--no-source", help="Leave the source out: guests are tainted S.")] = False,
    source_url: Annotated[str | None, typer.Option(
        metavar="URL", help="Leave the source out, say where it will be: its tar is written beside the ROM.")] = None,
    source_tar: Annotated[Path | None, typer.Option(
        metavar="FILE", help="With --source-url: where to write the tar instead.")] = None,
    json: Json = False, html: Html = None,
) -> None:
    """Build a ROM from its sources, and the boot shim that starts guests where the hypervisor needs one.

    The image carries what it was built from, as `openvmi rom source` shows and `openvmi rom rebuild` uses.
    """
    from openvmi.abi.load import CLASSIC
    from openvmi.rom import toml

    folder, form = toml.find(name), _form(no_source, source_url, source_tar)
    if toml.interface(folder) == CLASSIC:
        _build_classic(folder, output, variant, json, html, form)
        return
    if variant is not None:
        raise UsageError(f"{name} has no variants; leave out --variant")
    from openvmi import resources
    from openvmi.rom.build import build as build_rom
    from openvmi.rom.build import shim_beside
    from openvmi.rom.definition import read

    target = output or resources.built("roms") / f"{folder.resolve().name}.rom"
    image = build_rom(folder, target, resources.built("cache"), form=form)
    about = _page(image, target, html)
    if json:
        _print_json(about)
    else:
        typer.echo(f"{target}: {len(image.data)} bytes, {image.descriptor.text_size} of them text")
        if read(folder).shim:
            typer.echo(f"{shim_beside(target)}: its boot shim")
        _tell_tar(form, target)


def _form(no_source: bool, url: str | None, tar: Path | None) -> Form:
    from openvmi.abi.names import CapsuleKind
    from openvmi.rom.capsule import bad_url
    from openvmi.rom.form import Form

    if no_source and url is not None:
        raise UsageError("--no-source and --source-url: expected one of the two")
    if tar is not None and url is None:
        raise UsageError("--source-tar without --source-url: the source is in the image; extract it with: openvmi rom "
                         "source FILE -o FOLDER")
    if url is not None and (reason := bad_url(url)):
        raise UsageError(f"--source-url {url!r:.200}: {reason}")
    return Form(None if no_source else CapsuleKind.EMBEDDED if url is None else CapsuleKind.URL, url or "", tar)


def _tell_tar(form: Form, rom: Path) -> None:
    for path in form.beside(rom, b""):
        typer.echo(f"{path}: the tar of its source, to be put at {form.url}")


def _build_classic(folder: Path, output: Path | None, name: str | None, json: bool, html: Path | None,
                   form: Form) -> None:
    from openvmi import resources
    from openvmi.classic.build import build as build_rom
    from openvmi.classic.definition import read

    definition = read(folder)
    variants = [variant for variant in definition.variants if name in (None, variant.name)]
    known = ", ".join(variant.name for variant in definition.variants)
    if not variants:
        raise UsageError(f"{definition.name}: no variant {name!r}; expected one of {known}")
    if len(variants) > 1 and (output or json or html or form.url):
        raise UsageError(f"{definition.name}: {len(variants)} variants, and a file, JSON, a page or URL is for one; "
                         f"name it with --variant, one of {known}")
    for variant in variants:
        target = output or resources.built("roms") / f"{variant.name}.rom"
        rom = build_rom(definition, variant, target, resources.built("cache"), form=form)
        about = _page(rom, target, html)
        if json:
            _print_json(about)
        else:
            typer.echo(f"{target}: {len(rom.data)} bytes, {len(rom.tail)} of source behind them")
            _tell_tar(form, target)


@app.command(epilog=exits({0: "a ROM in order", Status.BAD_FILE: "not a ROM, or one that breaks the format"}))
def inspect(file: RomFile, json: Json = False, html: Html = None) -> None:
    """Show what a ROM is and what it does at every call.

    A ROM for the classic interface is shown whatever is wrong with it; the exit status tells that something is.
    """
    from openvmi.report.screen import Screen
    from openvmi.rom.load import load

    rom = load(file, checked=False)
    about = _page(rom, file, html)
    if json:
        _print_json(about)
    else:
        _about(rom)[1].show(about, Screen())
    if about.get("findings"):
        raise typer.Exit(Status.BAD_FILE)


def _page(rom: RomImage | ClassicRom, file: Path, html: Path | None) -> dict[str, Any]:
    """What is known about a ROM, which a page shows if there is to be one."""
    from openvmi.report.publish import save_page

    about, render = _about(rom)
    save_page(html, f"ROM {file.name}", lambda: render.sections(about))
    return about


def _about(rom: RomImage | ClassicRom) -> tuple[dict[str, Any], ModuleType]:
    """What is known about a ROM, and who shows that."""
    from openvmi.rom.image import RomImage

    if isinstance(rom, RomImage):
        from openvmi.rom import describe, render

        return describe.describe(rom), render
    from openvmi.classic import describe as classic
    from openvmi.classic import render as classic_render

    return classic.describe(rom), classic_render


def _print_json(about: dict[str, Any]) -> None:
    import json

    typer.echo(json.dumps(about, indent=2))


for _module in (rom_source, rom_rebuild, rom_lint, rom_sign):
    _module.register(app)
