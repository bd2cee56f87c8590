# SPDX-License-Identifier: MIT
"""The shim's own checks, compiled for this process: thousands of packages in the time of one start of Xen."""

from __future__ import annotations

import ctypes
import mmap
from pathlib import Path

from openvmi.rom.build import FLAGS
from openvmi.units import PAGE_SIZE, page_up
from tests.compiled import library

_SOURCES = ("package.c", "guest.c", "rom.c", "plan.c", "format.c")
_NOTHING = 0  # PROT_NONE


class Checker:
    """What the shim says of packages. A read past the end of one ends this process: the next page cannot be read."""

    def __init__(self, top: Path, folder: Path) -> None:
        rom = top / "roms" / "xen"
        sources = (*(rom / "shim" / name for name in _SOURCES), Path(__file__).parent / "harness.c")
        checks = ctypes.CDLL(str(library(folder / "checks.so", sources, FLAGS, (rom / "shim", rom))))
        self.pool = checks.shim_pool  #: pages of the pool, of the package that was accepted last
        self.pool.restype = ctypes.c_uint64
        self._check = checks.shim_check
        self._check.restype = ctypes.c_char_p
        self._check.argtypes = (ctypes.c_void_p, *[ctypes.c_uint64] * 3)

    def refusal(self, package: bytes, pages: int = 16384, region: int = 1024) -> str:
        """What is wrong with a package for a domain with so many pages; empty when nothing is."""
        room = page_up(len(package))
        with mmap.mmap(-1, room + PAGE_SIZE) as memory:
            start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
            memory[: len(package)] = package
            libc = ctypes.CDLL(None, use_errno=True)
            assert not libc.mprotect(ctypes.c_void_p(start + room), PAGE_SIZE, _NOTHING)
            return (self._check(start, len(package), pages, region) or b"").decode()
