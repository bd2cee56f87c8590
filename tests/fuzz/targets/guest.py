# SPDX-License-Identifier: MIT
"""A guest's ELF file: headers, notes, sites, symbols, and what a native run would change in it."""

from __future__ import annotations

from openvmi.errors import BadGuestError
from openvmi.guest import image
from openvmi.hypervisors.linux import plant
from openvmi.report import guest as report
from tests.guest import elf_maker

ALLOWED = (BadGuestError,)
LIMIT = 8192


def seeds() -> list[bytes]:
    """Made by hand, whole and cut."""
    whole = elf_maker.Maker().bytes()
    return [whole, whole[:len(whole) // 2], whole[:70]]


def run(data: bytes) -> None:
    """Reads it, and everything that is computed late."""
    found = image.parse(data, "it.elf")
    assert report.lines(found)
    names = found.symbols()
    for record in found.site_records():
        names.lookup(record.address)
    end = found.segments[-1].physical + found.segments[-1].memory_size
    for address, code in plant.places(found):
        assert found.segments[0].physical <= address and address + len(code) <= end
