# SPDX-License-Identifier: MIT
"""openvmi rom lint."""

from __future__ import annotations

import typer

from openvmi.cli.options import Html, Json, RomFile, exits
from openvmi.status import Status

_EPILOG = exits({
    0: "clean", Status.BAD_FILE: "there are findings, or the file is no ROM in order",
})


def register(app: typer.Typer) -> None:
    """Adds the verb to `openvmi rom`."""
    app.command(epilog=_EPILOG, short_help="Check every instruction that a ROM can execute.")(lint)


def lint(file: RomFile, json: Json = False, html: Html = None) -> int:
    """Check every instruction that an entry or recipe of a ROM leads to.

    A ROM of the classic interface has rules of its own.
    """
    from openvmi.report.publish import publish
    from openvmi.rom.image import RomImage, read_image
    from openvmi.rom.load import is_classic

    data, title = read_image(file), f"Lint of {file.name}"
    if is_classic(data):
        from openvmi.classic import lint as classic
        from openvmi.classic.image import ClassicRom

        said = classic.lint(ClassicRom.parse(data, str(file)))
        publish(classic.describe(said), list(classic.lines(said)), json, html, title, lambda: classic.sections(said))
        return 0 if said.clean else Status.BAD_FILE
    from openvmi.rom.lint import describe, report

    found = report.lint(RomImage.parse(data, str(file)))
    publish(describe.describe(found), list(describe.lines(found)), json, html, title, lambda: describe.sections(found))
    return 0 if found.clean else Status.BAD_FILE
