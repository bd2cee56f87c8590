# SPDX-License-Identifier: MIT
"""openvmi guest: guest kernels as files."""

from __future__ import annotations

from pathlib import Path

import typer

from openvmi.report import guest as report
from openvmi.report import record

app = typer.Typer(help="Build and inspect guests.")

_JSON = typer.Option(False, "--json", help="Print JSON.")


@app.command()
def build(
    name: str = typer.Argument(help="Folder with a guest.toml, or the name of a kernel in the source tree."),
    output: Path | None = typer.Option(None, "--output", "-o", help="File to write.  [build/guests/NAME.elf]"),
    backend: Path | None = typer.Option(None, "--with", help="Folder with a backend.toml, code for a hypervisor, to "
                                                             "compile in; the guest's name ends in its name."),
    json: bool = _JSON,
) -> None:
    """Compile and link a guest, and check the result."""
    from openvmi.guest import build as builder

    image = builder.build_named(name, output, backend)
    print(record.text(report.describe(image)) if json else "\n".join(report.lines(image)[:2]))


@app.command()
def inspect(file: Path = typer.Argument(help="Guest image."), json: bool = _JSON) -> None:
    """Show what a guest's file says, once every check has passed."""
    from openvmi.guest import image

    found = image.load(file)
    print(record.text(report.describe(found)) if json else "\n".join(report.lines(found)))
