# SPDX-License-Identifier: MIT
"""openvmi image: a guest as something that a PC boots."""

from __future__ import annotations

from pathlib import Path

import typer

app = typer.Typer()


@app.command()
def image(
    guest: str = typer.Argument(help="File, or the name of a built guest."),
    output: Path = typer.Option(..., "--output", "-o", help="File to write, such as hello.iso."),
    append: str = typer.Option("", help="Options for the guest."),
    json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Make a CD image that boots a guest on a PC with a BIOS, from a CD or a USB stick. Needs GRUB and xorriso."""
    from openvmi import iso, running
    from openvmi.report import image as report
    from openvmi.report import record

    found = running.open_guest(guest)
    made = iso.write(found, output, append)
    print(record.text(report.describe(made, found)) if json else report.line(made))
