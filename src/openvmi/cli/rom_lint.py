# SPDX-License-Identifier: MIT
"""openvmi rom lint."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from openvmi.status import Status


def lint(
    file: Annotated[Path, typer.Argument(help="A ROM image of the current interface.")],
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    html: Annotated[Path | None, typer.Option(help="Also write a page for a browser.", metavar="FILE")] = None,
) -> None:
    """Check every instruction that an entry or recipe of a ROM leads to.

    Exit status: 0 clean, 65 with findings or for a file that is no ROM, 121 for a ROM of the classic interface.
    """
    from openvmi.errors import RefusedError
    from openvmi.rom.image import RomImage, read_image
    from openvmi.rom.lint import describe, report
    from openvmi.rom.load import is_classic

    data = read_image(file)
    if is_classic(data):
        raise RefusedError(f"{file}: a ROM of the classic interface, and this linter knows the conventions of VMI 4; "
                           "openvmi rom inspect checks what that one answers")
    found = report.lint(RomImage.parse(data, str(file)))
    if html is not None:
        from openvmi.files import write_atomically

        write_atomically(html, describe.page(found).encode())
    if json:
        import json as form

        typer.echo(form.dumps(describe.describe(found), indent=2))
    else:
        typer.echo("\n".join(describe.lines(found)))
    if not found.clean:
        raise typer.Exit(Status.BAD_FILE)
