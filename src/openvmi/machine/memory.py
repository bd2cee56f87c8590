# SPDX-License-Identifier: MIT
"""Guest-physical memory: RAM from address 0, and whatever pages a hypervisor adds outside it."""

from __future__ import annotations

import ctypes
import mmap

from attrs import define

from openvmi.units import Gpa


@define(eq=False)
class Region:
    """A run of guest-physical pages with host memory behind it. `writable` and `executable` are the guest's rights."""

    base: Gpa
    size: int
    writable: bool
    executable: bool
    view: memoryview  #: the host's own access, always writable
    pointer: int  #: host address of the first byte
    _map: mmap.mmap

    def close(self) -> None:
        """Gives the memory back; the view is invalid afterwards."""
        self.view.release()
        self._map.close()


class Memory:
    """All the memory that a guest can reach by physical address. Accesses outside it fail, they never raise.

    With `file`, a descriptor, guest-physical addresses are offsets in that file, which another process may map as well.
    It is the caller's, and as long as the regions need.
    """

    def __init__(self, size: int, file: int | None = None) -> None:
        """Raises :class:`OSError` when there is no room."""
        self.size = size  #: bytes of RAM, which begins at 0
        self._file = file
        self.regions: list[Region] = []
        self.ram = self.add(Gpa(0), size, writable=True, executable=True)

    def add(self, base: Gpa, size: int, *, writable: bool, executable: bool) -> Region:
        """Pages at `base`, which the caller has chosen free of others; both in bytes, page aligned.

        They are the file's, or zeroed.
        """
        pages = mmap.mmap(-1, size) if self._file is None else mmap.mmap(self._file, size, offset=base)
        pointer = ctypes.addressof(ctypes.c_char.from_buffer(pages))
        region = Region(base, size, writable, executable, memoryview(pages), pointer, pages)
        self.regions.append(region)
        return region

    def read(self, address: Gpa, size: int) -> bytes | None:
        """`size` bytes, or None when they are not all in one region."""
        region = self._find(address, size)
        return None if region is None else bytes(region.view[address - region.base : address - region.base + size])

    def write(self, address: Gpa, data: bytes) -> bool:
        """Writes what the guest itself could write there; False, with nothing written, otherwise."""
        region = self._find(address, len(data))
        if region is None or not region.writable:
            return False
        region.view[address - region.base : address - region.base + len(data)] = data
        return True

    def _find(self, address: int, size: int) -> Region | None:
        for region in self.regions:
            if region.base <= address and address + size <= region.base + region.size:
                return region
        return None

    def close(self) -> None:
        """Gives all memory back. Harmless when repeated."""
        for region in self.regions:
            region.close()
        self.regions = []
