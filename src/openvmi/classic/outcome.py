# SPDX-License-Identifier: MIT
"""What became of a classic ROM in a run: where firmware put it, and what the kernel made of it."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from openvmi.abi.classic import SCAN_END, SCAN_START, SCAN_STEP
from openvmi.classic.image import ClassicRom
from openvmi.classic.messages import Messages
from openvmi.rom.container import UNIT
from openvmi.units import Gpa


@frozen
class ClassicOutcome:
    """Of one run that offered a ROM."""

    placed: Gpa | None  #: guest-physical address of the image; None: it is not where clients look
    messages: Messages


def find_image(rom: ClassicRom, read: Callable[[Gpa, int], bytes | None]) -> Gpa | None:
    """Where the ROM is among the places where clients look. `read` gives guest memory by physical address."""
    area = read(Gpa(SCAN_START), SCAN_END - SCAN_START) or b""
    image = rom.data[:rom.header.rom_length * UNIT]
    starts = range(0, len(area) - len(image) + 1, SCAN_STEP) if image else ()
    return next((Gpa(SCAN_START + at) for at in starts if area.startswith(image, at)), None)
