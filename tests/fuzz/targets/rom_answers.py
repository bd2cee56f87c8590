# SPDX-License-Identifier: MIT
"""The code of a classic ROM's get_reloc, asked in the emulator: it may be anybody's, and only findings come out."""

from __future__ import annotations

from openvmi.abi.classic import Call
from openvmi.classic import answers
from openvmi.classic.image import ClassicRom
from tests.rom import classic_rom

ALLOWED: tuple[type[Exception], ...] = ()
LIMIT = 128


def seeds() -> list[bytes]:
    """What a ROM has, and what does not come back."""
    return [classic_rom.GET_RELOC, b"\x31\xd2\x31\xc0\xc3", b"\xeb\xfe", b"\xf4", b"\xcd\x80", b"\x0f\x0b", 
            b"\xf3\xa4\xc3", b"\xe8\x00\x00\x00\x00\x58\x31\xd2\xb2\x01\xc3", b"\x8b\x00\xc3", b"\x89\x40\xf0\xc3"]


def run(data: bytes) -> None:
    """Asks for all calls."""
    found = answers.ask(ClassicRom("it.rom", classic_rom.coded(data or b"\xc3")))
    assert len(found.answers) + bool(found.findings) * len(Call) >= len(Call)
