# SPDX-License-Identifier: MIT
"""A ROM image of the classic interface: read, checked, described. First byte: whether its sum is made right."""

from __future__ import annotations

from openvmi.abi.classic import Call, Header, Relocation
from openvmi.abi.layout import offset_of
from openvmi.classic.image import ClassicRom
from openvmi.errors import BadRomError
from tests.rom import classic_rom

ALLOWED = (BadRomError,)
LIMIT = 4096
_SEALED = 1


def seeds() -> list[bytes]:
    """Made by hand."""
    both = (classic_rom.image(), classic_rom.image({Call.CPUID: (Relocation.CALL_REL, classic_rom.INIT)}))
    return [bytes([seal]) + rom for rom in both for seal in (0, _SEALED)]


def run(data: bytes) -> None:
    """Reads it twice: as one of any state of order, and as one that must be in order."""
    image = bytearray(data[1:])
    if data[:1] == bytes([_SEALED]) and len(image) >= Header.SIZE:
        at = offset_of(Header, "reserved1")
        image[at] = (image[at] - sum(image)) & 0xFF
    rom = ClassicRom.read(bytes(image), "it.rom")
    found = [str(finding) for finding in rom.findings]
    for text in (rom.licence, rom.manufacturer, rom.product):
        assert text is None or text.isprintable()
    try:
        ClassicRom.parse(bytes(image), "it.rom")
    except BadRomError:
        assert found
        raise
    assert not found
