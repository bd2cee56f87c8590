# SPDX-License-Identifier: MIT
"""The linter on a ROM image whose text, recipes and declarations may be any."""

from __future__ import annotations

import json

from openvmi.errors import BadRomError
from openvmi.rom.image import RomImage
from openvmi.rom.lint import describe, report
from tests.fuzz.targets.rom import sealed, small

ALLOWED = (BadRomError,)
LIMIT = 8192


def seeds() -> list[bytes]:
    """The ROMs that are small."""
    return small()


def run(data: bytes) -> None:
    """Lints it, with its sums made right; what is said can be printed."""
    found = report.lint(RomImage.parse(sealed(data), "it.rom"))
    assert json.loads(json.dumps(describe.describe(found)))["clean"] == found.clean
    assert all(line.isprintable() for line in describe.lines(found))
    assert len(found.findings) <= report.LIMIT
