# SPDX-License-Identifier: MIT
"""Building the first page tables of a guest (Intel SDM volume 3, section 4.5)."""

from __future__ import annotations

import struct
from collections.abc import Callable

from openvmi.machine.memory import Region
from openvmi.machine.paging import (
    ADDRESS,
    CACHE_DISABLE,
    LARGE,
    LARGE_PAGE,
    NO_EXECUTE,
    PRESENT,
    WRITABLE,
    WRITE_THROUGH,
)
from openvmi.units import PAGE_SIZE, Gpa, Gva

_ENTRY = struct.Struct("<Q")


class PageTables:
    """Four levels in guest RAM. Leaves are the kernel's alone; the upper entries leave all rights to the leaves."""

    def __init__(self, ram: Region, allocate: Callable[[int], Gpa]) -> None:
        """`allocate` gives page-aligned zeroed RAM of a size in bytes."""
        self._ram = ram
        self._allocate = allocate
        self.root = allocate(PAGE_SIZE)

    def map(
        self, address: Gva, physical: Gpa, size: int, *, writable: bool, executable: bool, device: bool = False
    ) -> None:
        """Maps whole pages of 4 KiB."""
        flags = PRESENT | (WRITABLE if writable else 0) | (0 if executable else NO_EXECUTE)
        flags |= CACHE_DISABLE | WRITE_THROUGH if device else 0
        for offset in range(0, size, PAGE_SIZE):
            table = self._table(Gva(address + offset), last=12)
            self._set(table, address + offset >> 12, physical + offset | flags)

    def map_large(self, address: Gva, physical: Gpa, size: int) -> None:
        """Maps whole pages of 2 MiB, writable and not executable."""
        for offset in range(0, size, LARGE_PAGE):
            table = self._table(Gva(address + offset), last=21)
            self._set(table, address + offset >> 21, physical + offset | PRESENT | WRITABLE | LARGE | NO_EXECUTE)

    def _table(self, address: Gva, last: int) -> Gpa:
        """The table that holds the entry for an address at the level whose entries map 1 << last bytes."""
        table = self.root
        for shift in (39, 30, 21):
            if shift == last:
                break
            place = table + 8 * (address >> shift & 511)
            (entry,) = _ENTRY.unpack_from(self._ram.view, place)
            if not entry:
                entry = self._allocate(PAGE_SIZE) | PRESENT | WRITABLE
                _ENTRY.pack_into(self._ram.view, place, entry)
            table = Gpa(entry & ADDRESS)
        return table

    def _set(self, table: Gpa, index: int, entry: int) -> None:
        _ENTRY.pack_into(self._ram.view, table + 8 * (index & 511), entry)
