# SPDX-License-Identifier: MIT
"""Walking a guest's page tables from the host: four levels of x86-64 (Intel SDM volume 3, section 4.5).

Tables are guest memory and may hold anything. A walk is at most four reads; what cannot be followed is not mapped.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from attrs import frozen

from openvmi.units import PAGE_MASK, PAGE_SIZE, Gpa, Gva

PRESENT = 1 << 0
WRITABLE = 1 << 1
USER = 1 << 2
WRITE_THROUGH = 1 << 3
CACHE_DISABLE = 1 << 4
LARGE = 1 << 7
NO_EXECUTE = 1 << 63
ADDRESS = 0x000F_FFFF_FFFF_F000  #: bits 12 to 51 of an entry

LARGE_PAGE = 2 << 20  #: bytes that one level 2 entry maps
_SHIFTS = (39, 30, 21, 12)
_INDEX = 511
_ENTRY = struct.Struct("<Q")


def canonical(address: int) -> bool:
    """Whether bits 47 to 63 are equal, as the processor demands of a virtual address."""
    return 0 <= address < 1 << 47 or (1 << 64) - (1 << 47) <= address < 1 << 64


@frozen
class Translation:
    """Where a virtual address leads, and what may be done there."""

    address: Gpa
    writable: bool
    user: bool
    executable: bool


class AddressSpace:
    """Virtual memory of a guest. `root` is asked at each walk, so that it follows the guest's switches."""

    def __init__(
        self,
        read: Callable[[Gpa, int], bytes | None],
        write: Callable[[Gpa, bytes], bool],
        root: Callable[[], Gpa],
    ) -> None:
        self._read = read
        self._write = write
        self._root = root

    def lookup(self, address: Gva) -> Translation | None:
        """Follows the tables for one address; None where it is not mapped."""
        if not canonical(address):
            return None
        table = self._root() & ADDRESS
        rights = WRITABLE | USER
        executable = True
        for shift in _SHIFTS:
            raw = self._read(Gpa(table + 8 * (address >> shift & _INDEX)), 8)
            if raw is None:
                return None
            (entry,) = _ENTRY.unpack(raw)
            if not entry & PRESENT:
                return None
            rights &= entry
            executable = executable and not entry & NO_EXECUTE
            table = entry & ADDRESS
            if shift == 12 or (entry & LARGE and shift in (21, 30)):
                inside = (1 << shift) - 1
                page = table & ~inside | address & inside
                return Translation(Gpa(page), bool(rights & WRITABLE), bool(rights & USER), executable)
        return None

    def translate(self, address: Gva, *, write: bool = False, user: bool = False) -> Gpa | None:
        """The physical address, or None when not mapped or an access of this kind would fault (CR0.WP is set)."""
        found = self.lookup(address)
        if found is None or (write and not found.writable) or (user and not found.user):
            return None
        return found.address

    def read(self, address: Gva, size: int, *, user: bool = False) -> bytes | None:
        """`size` bytes across pages, or None when any of them is not mapped. The caller bounds the size."""
        parts = []
        while size > 0:
            step = min(size, PAGE_SIZE - (address & PAGE_MASK))
            physical = self.translate(address, user=user)
            part = None if physical is None else self._read(physical, step)
            if part is None:
                return None
            parts.append(part)
            address = Gva(address + step)
            size -= step
        return b"".join(parts)

    def write(self, address: Gva, data: bytes, *, user: bool = False) -> bool:
        """Writes across pages. False when any of them cannot be written; then nothing was."""
        pieces: list[tuple[Gpa, bytes]] = []
        done = 0
        while done < len(data):
            step = min(len(data) - done, PAGE_SIZE - (address + done & PAGE_MASK))
            physical = self.translate(Gva(address + done), write=True, user=user)
            if physical is None or self._read(physical, step) is None:
                return False
            pieces.append((physical, data[done : done + step]))
            done += step
        return all([self._write(physical, piece) for physical, piece in pieces])
