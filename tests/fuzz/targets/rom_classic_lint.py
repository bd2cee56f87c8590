# SPDX-License-Identifier: MIT
"""The linter on a ROM of the classic interface whose bytes may be any; its sum is made right."""

from __future__ import annotations

import json

from openvmi import resources
from openvmi.abi.classic import Header
from openvmi.abi.layout import offset_of
from openvmi.classic import lint
from openvmi.classic.image import ClassicRom
from openvmi.errors import BadRomError
from openvmi.rom.lint.report import LIMIT as FINDINGS

ALLOWED = (BadRomError,)
#: All that an image can have: what takes long is long.
LIMIT = 1 << 17


def seeds() -> list[bytes]:
    """Both that there are, as clients see them."""
    return [ClassicRom.load(resources.built("roms") / f"classic-{name}.rom").data for name in ("minimal", "full")]


def run(data: bytes) -> None:
    """Lints it; what is said can be printed."""
    image = bytearray(data)
    if len(image) >= Header.SIZE:
        at = offset_of(Header, "reserved1")
        image[at] = (image[at] - sum(image)) & 0xFF
    found = lint.lint(ClassicRom.parse(bytes(image), "it.rom"))
    assert json.loads(json.dumps(lint.describe(found)))["clean"] == found.clean
    assert all(line.isprintable() for line in lint.lines(found))
    assert len(found.findings) <= FINDINGS
