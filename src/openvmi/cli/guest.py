# SPDX-License-Identifier: MIT
"""openvmi guest: guest kernels as files."""

from __future__ import annotations

from pathlib import Path

import typer

from openvmi.guest.linux import LinuxImage
from openvmi.guest.load import Guest
from openvmi.report import guest, linux, record

app = typer.Typer(help="Build and inspect guests.")

_JSON = typer.Option(False, "--json", help="Print JSON.")


@app.command()
def build(
    name: str = typer.Argument(help="Folder with a guest.toml, or the name of a kernel in the source tree."),
    output: Path | None = typer.Option(None, "--output", "-o",
                                       help="File to write.  [build/guests/NAME.elf or .bzimage]"),
    backend: Path | None = typer.Option(None, "--with", help="Folder with a backend.toml, code for a hypervisor, to "
                                                             "compile in; the guest's name ends in its name."),
    json: bool = _JSON,
) -> None:
    """Compile and link a guest, or a bzImage for i386, and check the result."""
    from openvmi.guest import build as builder

    image = builder.build_named(name, output, backend)
    _show(image, json, 2)


@app.command()
def inspect(file: Path = typer.Argument(help="Guest image."), json: bool = _JSON) -> None:
    """Show what a guest's file says, once every check has passed."""
    from openvmi.guest.load import load

    _show(load(file), json)


def _show(image: Guest, json: bool, most: int | None = None) -> None:
    if isinstance(image, LinuxImage):
        print(record.text(linux.describe(image)) if json else "\n".join(linux.lines(image)[:most]))
    else:
        print(record.text(guest.describe(image)) if json else "\n".join(guest.lines(image)[:most]))
