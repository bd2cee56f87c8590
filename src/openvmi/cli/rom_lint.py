# SPDX-License-Identifier: MIT
"""openvmi rom lint."""

from __future__ import annotations

import typer

from openvmi.cli.options import Html, Json, RomFile, exits
from openvmi.status import Status

_EPILOG = exits({
    0: "clean", Status.BAD_FILE: "there are findings, or the file is no ROM in order",
    Status.REFUSED: "a ROM of the classic interface",
})


def register(app: typer.Typer) -> None:
    """Adds the verb to `openvmi rom`."""
    app.command(epilog=_EPILOG, short_help="Check every instruction that a ROM can execute.")(lint)


def lint(file: RomFile, json: Json = False, html: Html = None) -> int:
    """Check every instruction that an entry or recipe of a ROM leads to."""
    from openvmi.errors import RefusedError
    from openvmi.report.publish import publish
    from openvmi.rom.image import RomImage, read_image
    from openvmi.rom.lint import describe, report
    from openvmi.rom.load import is_classic

    data = read_image(file)
    if is_classic(data):
        raise RefusedError(f"{file}: a ROM of the classic interface, and this linter knows the conventions of VMI 4; "
                           "openvmi rom inspect checks what that one answers")
    found = report.lint(RomImage.parse(data, str(file)))
    publish(describe.describe(found), list(describe.lines(found)), json, html, f"Lint of {file.name}",
            lambda: describe.sections(found))
    return 0 if found.clean else Status.BAD_FILE
